import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FIRMWARE = fileURLToPath(new URL('../../firmware/', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/meshferry-dongle/', import.meta.url));
const SANITIZED = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

export const PROTOCOL: string = readFileSync(join(FIRMWARE, 'PROTOCOL.md'), 'utf8');

/** Why the firmware cannot be compiled here; undefined: it can. */
export const noCompiler: string | undefined =
  process.platform === 'linux' && spawnSync('gcc', ['--version']).status === 0
    ? undefined
    : 'no gcc on a Linux here: the firmware was not compiled, its tests are skipped';

if (noCompiler !== undefined) console.warn(noCompiler);

/** Compiles the firmware for this computer, once for each state of its sources; the folder of the programs. */
export function buildFirmware(options: { sanitized: boolean }): string {
  const flags = options.sanitized ? SANITIZED : [];
  const hash = createHash('sha256').update(flags.join());
  for (const part of ['core', 'host']) {
    for (const file of readdirSync(join(FIRMWARE, part)).sort()) hash.update(readFileSync(join(FIRMWARE, part, file)));
  }
  const folder = join(CACHE, hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, 'building-'));
  const { status, stderr } = spawnSync('sh', [join(FIRMWARE, 'host/build.sh'), fresh, ...flags], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the firmware does not compile:\n${stderr}`);
  try {
    renameSync(fresh, folder);
  } catch {
    rmSync(fresh, { recursive: true }); // another process was faster
  }
  return folder;
}

/** What the core says to the lines of a script (`firmware/host/script.c`), compiled with the sanitizers. */
export function playScript(lines: readonly string[]): string[] {
  const program = join(buildFirmware({ sanitized: true }), 'mfd-script');
  const input = `${lines.join('\n')}\n`;
  const { status, stdout, stderr } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0 || stderr !== '') throw new Error(`the core failed with status ${status}: ${stderr}`);
  return stdout.split('\n').slice(0, -1);
}

/** A dongle as a process. */
export interface Harness {
  /** What a host opens: the pseudo-terminal or the socket. */
  readonly path: string;
  /** Pulls it out. */
  unplug(): Promise<void>;
}

/** Starts one; options as in PROTOCOL.md 9. */
export async function startHarness(...options: readonly string[]): Promise<Harness> {
  const program = join(buildFirmware({ sanitized: false }), 'mfd-harness');
  const child = spawn(program, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const path = await firstLine(child);
  return {
    path,
    unplug: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

/** The first line that a process writes. Rejects if it ends before. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
    if (child.stdout !== null) createInterface(child.stdout).once('line', resolve);
  });
}

let lastPort = 20_000 + (process.pid % 20_000);

/** An air that nobody else on this computer is in, for `--air`. */
export function freshAir(): string {
  return String(lastPort++);
}
