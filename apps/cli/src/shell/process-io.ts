import { createInterface } from 'node:readline/promises';
import { ExitCode } from './exit.ts';
import type { Io } from './io.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The {@link Io} of this process. Output that nobody reads any more, or that a full disk does not take, ends it: quietly
 * in a pipe, else with the reason.
 */
export function processIo(): Io {
  const { stdout, stderr } = process;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') stderr.write(`error: standard output cannot be written: ${error.message}\n`);
    process.exit(ExitCode.failed);
  });
  return {
    stdout,
    stderr,
    env: process.env,
    isTTY: stdout.isTTY === true && process.env.TERM !== 'dumb',
    get columns(): number {
      // 0 where the terminal does not say.
      return stdout.columns || 80;
    },
    ...(stdout.isTTY === true && process.stdin.isTTY === true && { ask }),
    cwd: process.cwd(),
    signals: { listen },
    now: () => performance.now(),
    wallTime: () => Date.now(),
  };
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // The terminal gives Ctrl-C to whoever reads the line.
  lines.on('SIGINT', () => process.emit('SIGINT'));
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

function listen(interrupt: () => void): () => void {
  let interrupted = false;
  const heard = (): void => {
    if (interrupted) process.exit(ExitCode.interrupted);
    interrupted = true;
    interrupt();
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return () => {
    // Once interrupted the process is on its way out: a second signal still ends it with the same exit code.
    if (!interrupted) for (const signal of SIGNALS) process.off(signal, heard);
  };
}
