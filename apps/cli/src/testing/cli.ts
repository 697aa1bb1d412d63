import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, type MakeOptions, makeFirmware } from '@meshferry/firmware';
import { main } from '../main.ts';
import type { Io } from '../shell/io.ts';

/** What a command line printed, and how it ended. */
export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of standard output. */
  readonly events: readonly Json[];
  /** The last of them. */
  readonly result: Json;
}

/** JSON as it was parsed: each test looks into it, and its expectations prove the shape. */
export type Json = ReturnType<typeof JSON.parse>;

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A terminal of so many columns; default none. */
  readonly columns?: number;
  /** What the person at the terminal answers, by the question and all that was printed so far. */
  readonly answer?: (question: string, stdout: string) => string;
  /** Presses Ctrl-C once this is true of all that was printed so far. */
  readonly interruptWhen?: (stdout: string) => boolean;
  /** Presses Ctrl-C once this has settled. */
  readonly interruptAfter?: Promise<unknown>;
}

/** Runs a command line in this process. */
export async function meshferry(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  let interrupt: (() => void) | undefined;
  const io: Io = {
    stdout: {
      write: (text) => {
        stdout += text;
        if (options.interruptWhen?.(stdout)) interrupt?.();
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    env: options.env ?? {},
    isTTY: options.columns !== undefined,
    columns: options.columns ?? 80,
    ...(options.answer && { ask: async (question: string) => options.answer?.(question, stdout) ?? '' }),
    cwd: options.cwd ?? process.cwd(),
    signals: {
      listen: (listener) => {
        interrupt = listener;
        return () => {
          interrupt = undefined;
        };
      },
    },
    now: () => performance.now(),
    wallTime: () => Date.now(),
  };
  void options.interruptAfter?.then(() => interrupt?.());
  const exit = await main(argv, io);
  const events = argv.includes('--json')
    ? stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  return { exit, stdout, stderr, events, result: events.at(-1) };
}

/** A folder for the files of one test file. */
export interface Folder {
  readonly path: string;
  /** Writes a file and gives its path. */
  write(name: string, octets: Uint8Array | string): string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'meshferry-cli-'));
  return {
    path,
    write: (name, octets) => {
      const file = join(path, name);
      writeFileSync(file, octets);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A package with a payload of noise, the same each time. */
export function firmware(size: number, options: Partial<MakeOptions> = {}): Promise<MadeFirmware> {
  return makeFirmware({
    payload: new SeededRandom(`payload ${size}`).bytes(size),
    version: { major: 2, minor: 0, revision: 0, build: 0 },
    company: 0x0059,
    crypto: portableCrypto,
    ...options,
  });
}

/** Intel HEX of octets at an address: data records of 16 octets, extended linear addresses, end of file. */
export function intelHex(octets: Uint8Array, address: number): string {
  const lines: string[] = [];
  let upper = -1;
  for (let at = 0; at < octets.length; at += 16) {
    const where = address + at;
    if (where >>> 16 !== upper) {
      upper = where >>> 16;
      lines.push(record(0, 4, Uint8Array.of(upper >> 8, upper & 0xff)));
    }
    lines.push(record(where & 0xffff, 0, octets.subarray(at, at + 16)));
  }
  return `${lines.join('\n')}\n:00000001FF\n`;
}

function record(address: number, type: number, data: Uint8Array): string {
  const octets = [data.length, address >> 8, address & 0xff, type, ...data];
  const sum = octets.reduce((total, octet) => total + octet, 0);
  const hex = [...octets, -sum & 0xff].map((octet) => octet.toString(16).padStart(2, '0')).join('');
  return `:${hex.toUpperCase()}`;
}
