import type { Answered } from './command-queue.ts';

/** A command to send: opcode and parameters. */
export type Command = readonly [opcode: number, parameters?: Uint8Array];

/** What a command came to: its status (`STATUS.NO_ANSWER`: the controller is gone) and a copy of the return parameters. */
export interface Answer {
  readonly status: number;
  readonly parameters: Uint8Array;
}

/**
 * Commands one after the other, written top to bottom: a generator that yields a command and gets its answer.
 *
 * ```ts
 * function* stopScanning(): Procedure<boolean> {
 *   const { status } = yield [OPCODE.LE_SET_SCAN_ENABLE, Uint8Array.of(0, 0)];
 *   return status === STATUS.SUCCESS;
 * }
 * run(host, stopScanning(), (stopped) => …);
 * ```
 */
export type Procedure<T> = Generator<Command, T, Answer>;

/** What a procedure runs on: the host, or its queue. */
export interface Commands {
  command(opcode: number, parameters: Uint8Array, answered: Answered): void;
}

const NOTHING = new Uint8Array();

/** Runs a procedure; `done` gets what it returns. Unlike a promise it needs no turn of the event loop. */
export function run<T>(on: Commands, procedure: Procedure<T>, done: (result: T) => void): void {
  const step = ({ done: ended, value }: IteratorResult<Command, T>): void => {
    if (ended) {
      done(value);
      return;
    }
    const [opcode, parameters = NOTHING] = value;
    on.command(opcode, parameters, (status, returned) =>
      step(procedure.next({ status, parameters: returned.slice() })),
    );
  };
  step(procedure.next(undefined as never));
}
