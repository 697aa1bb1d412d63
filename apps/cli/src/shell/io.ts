/** Where text goes: a stream of a process, or a string in a test. */
export interface TextSink {
  write(text: string): unknown;
}

/** The outside as a command sees it, so that {@link main} runs in a test without a process. */
export interface Io {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal that can move its cursor. */
  readonly isTTY: boolean;
  /** Width of that terminal; read anew at each use, it may change. */
  readonly columns: number;
  /** Asks the person at the terminal for a line; absent when nobody sits there. */
  readonly ask?: (question: string) => Promise<string>;
  /** What relative paths start from. */
  readonly cwd: string;
  readonly signals: Signals;
  /** Wall time in ms; its zero means nothing. */
  now(): number;
  /** Milliseconds since 1970. */
  wallTime(): number;
}

export interface Signals {
  /**
   * Calls `interrupt` at the first SIGINT or SIGTERM; the second one ends the process at once. Gives what stops listening.
   */
  listen(interrupt: () => void): () => void;
}
