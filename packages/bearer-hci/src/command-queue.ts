import type { Clock, Timer } from '@meshferry/core';
import { hexCode, isAnsweredByStatus, isDispensable, OPCODE, STATUS } from './codes.ts';
import { H4_COMMAND } from './h4.ts';

/**
 * The answer to a command: its status (`STATUS.NO_ANSWER` when the controller went before it answered) and the return
 * parameters behind the status, good during the call only.
 */
export type Answered = (status: number, parameters: Uint8Array) => void;

/** Longest wait for an answer, ms. */
const ANSWER_MS = 2000;
const RESET_ANSWER_MS = 5000;
/** Of these, for what has arrived and was not read yet, ms. */
const GRACE_MS = 100;
const NOTHING = new Uint8Array();

/** What a {@link CommandQueue} tells. */
export interface CommandQueueListener {
  /** An answer or a credit did not come in time. */
  silent(reason: string): void;
  /** A command that nothing depends on was not answered: all of its kind are refused from now on and not sent. */
  leftOut(opcode: number): void;
}

interface Command {
  readonly opcode: number;
  readonly packet: Uint8Array;
  readonly answered: Answered;
}

/**
 * The commands to a controller in the order of asking, one outstanding at a time and none without a credit of
 * Num_HCI_Command_Packets [Bluetooth Core, Vol 4, Part E, 4.4]. Answers that nobody waits for (late ones, second ones) only
 * bring credits.
 */
export class CommandQueue {
  readonly #clock: Clock;
  readonly #write: (packet: Uint8Array) => void;
  readonly #listener: CommandQueueListener;
  readonly #waiting: Command[] = [];
  #outstanding: Command | undefined;
  #credits = 1;
  #timer: Timer | undefined;
  readonly #leftOut = new Set<number>();

  constructor(clock: Clock, write: (packet: Uint8Array) => void, listener: CommandQueueListener) {
    this.#clock = clock;
    this.#write = write;
    this.#listener = listener;
  }

  send(opcode: number, parameters: Uint8Array, answered: Answered): void {
    if (this.#leftOut.has(opcode)) {
      this.#clock.after(0, () => answered(STATUS.UNKNOWN_COMMAND, NOTHING));
      return;
    }
    this.#waiting.push({ opcode, packet: commandPacket(opcode, parameters), answered });
    this.#next();
  }

  /** An answer of either kind. `complete`: it was Command Complete. */
  answer(opcode: number, credits: number, complete: boolean, status: number, parameters: Uint8Array): void {
    this.#credits = credits;
    const command = this.#outstanding;
    const isAnswer = complete || status !== STATUS.SUCCESS || isAnsweredByStatus(opcode);
    if (command !== undefined && command.opcode === opcode && isAnswer) {
      this.#outstanding = undefined;
      this.#stopTimer();
      command.answered(status, parameters);
    }
    this.#next();
  }

  /** Ends all commands without an answer and starts anew with the one credit that each controller gives. */
  clear(): void {
    const ended = [...(this.#outstanding ? [this.#outstanding] : []), ...this.#waiting];
    this.#outstanding = undefined;
    this.#waiting.length = 0;
    this.#credits = 1;
    this.#stopTimer();
    for (const { answered } of ended) answered(STATUS.NO_ANSWER, NOTHING);
  }

  #next(): void {
    const command = this.#waiting[0];
    if (this.#outstanding !== undefined || command === undefined) return;
    if (this.#credits < 1) {
      if (this.#timer === undefined)
        this.#wait(ANSWER_MS, () => this.#listener.silent('no credit for another command'));
      return;
    }
    this.#stopTimer();
    this.#waiting.shift();
    this.#outstanding = command;
    this.#credits--;
    const limit = command.opcode === OPCODE.RESET ? RESET_ANSWER_MS : ANSWER_MS;
    this.#wait(limit, () => this.#unanswered(command));
    this.#write(command.packet);
  }

  /** Timers of a process that was busy run before it reads what has come meanwhile: the last part is a turn of its own. */
  #wait(ms: number, silent: () => void): void {
    this.#timer = this.#clock.after(ms - GRACE_MS, () => {
      this.#timer = this.#clock.after(GRACE_MS, silent);
    });
  }

  #unanswered({ opcode }: Command): void {
    if (!isDispensable(opcode)) {
      this.#listener.silent(`no answer to command ${hexCode(opcode)}`);
      return;
    }
    this.#timer = undefined;
    this.#leftOut.add(opcode);
    this.#listener.leftOut(opcode);
    this.answer(opcode, Math.max(1, this.#credits), true, STATUS.UNKNOWN_COMMAND, NOTHING);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

function commandPacket(opcode: number, parameters: Uint8Array): Uint8Array {
  const packet = new Uint8Array(4 + parameters.length);
  packet[0] = H4_COMMAND;
  packet[1] = opcode & 0xff;
  packet[2] = opcode >> 8;
  packet[3] = parameters.length;
  packet.set(parameters, 4);
  return packet;
}
