import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Json } from './cli.ts';

const COMMAND = fileURLToPath(new URL('./process.ts', import.meta.url));
/** What the resolver of this process was told, and the sources of all packages. */
const NODE = ['--conditions=@meshferry/source', '--import', 'tsx', COMMAND];

/** A command line as a process of its own, with `--json`. */
export interface LiveProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** The JSON lines so far. */
  readonly events: Json[];
  readonly stderr: () => string;
  /** Settles with the first line that is so. Rejects when the process ends before. */
  until(is: (event: Json) => boolean): Promise<Json>;
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts a command line. */
export function start(argv: readonly string[]): LiveProcess {
  const child = spawn(process.execPath, [...NODE, ...argv, '--json']);
  const events: Json[] = [];
  const waiting = new Set<() => void>();
  let text = '';
  let stderr = '';
  let isOver = false;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    events.push(...lines.map((line) => JSON.parse(line)));
    for (const look of waiting) look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      isOver = true;
      resolve(code);
      for (const look of waiting) look();
    });
  });
  const until = (is: (event: Json) => boolean): Promise<Json> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = events.find(is);
        if (found === undefined && !isOver) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`it ended without: ${JSON.stringify(events)} ${stderr}`));
      };
      waiting.add(look);
      look();
    });
  return { child, events, stderr: () => stderr, until, ended };
}

/** Runs a command line to its end. */
export async function run(
  argv: readonly string[],
): Promise<{ exit: number | null; result: Json; events: Json[]; stderr: string }> {
  const process = start(argv);
  const exit = await process.ended;
  return { exit, result: process.events.at(-1), events: process.events, stderr: process.stderr() };
}
