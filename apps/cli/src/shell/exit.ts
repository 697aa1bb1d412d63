import { MeshError, type Result } from '@meshferry/core';

/** How a command ends, for scripts [design/interfaces.md, Everywhere]. */
export const ExitCode = {
  done: 0,
  failed: 1,
  /** Usage, or input that cannot be read. */
  usage: 2,
  /** Some targets failed. */
  partly: 3,
  /** Bearer or device not available. */
  unavailable: 4,
  /** State saved where there is one; the message says how to resume. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with a certain exit code; a MeshError that comes alone ends it with {@link ExitCode.failed}. */
export class Stop extends Error {
  readonly exit: ExitCode;
  readonly error: MeshError;

  constructor(exit: ExitCode, error: MeshError) {
    super(error.message, { cause: error });
    this.name = 'Stop';
    this.exit = exit;
    this.error = error;
  }
}

/** What was typed, or the file that was named, cannot be used. */
export function badInput(code: string, message: string, hint: string): Stop {
  return new Stop(ExitCode.usage, new MeshError(code, message, { hint }));
}

/** The value; an error is one of the input. */
export function input<T>(result: Result<T, MeshError>): T {
  if (result.ok) return result.value;
  throw new Stop(ExitCode.usage, result.error);
}

/** What `read` gives; a MeshError that it throws is one of the input. */
export function asInput<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw thrown instanceof MeshError ? new Stop(ExitCode.usage, thrown) : thrown;
  }
}
