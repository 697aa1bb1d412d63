import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './system-clock.ts';

const SHIM = fileURLToPath(new URL('../../../../../shared/peers/btvirt_shim.c', import.meta.url));

/** Why the tests with btvirt cannot run here, or undefined. */
export function btvirtMissing(): string | undefined {
  const missing: string[] = [];
  try {
    accessSync(SHIM, constants.R_OK);
  } catch {
    missing.push(SHIM);
  }
  for (const [program, argument] of [
    ['btvirt', '--version'],
    ['gcc', '--version'],
  ] as const) {
    try {
      execFileSync(program, [argument], { stdio: 'ignore' });
    } catch {
      missing.push(program);
    }
  }
  return missing.length === 0 ? undefined : `not here: ${missing.join(', ')} (Debian: bluez-test-tools, gcc)`;
}

/** The controllers of BlueZ: each connection to its socket is a new one, and all hear one another. */
export class Btvirt {
  /** Bearer URI of another controller. */
  readonly uri: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess) {
    this.#folder = folder;
    this.#process = process;
    this.uri = `hci:unix:${join(folder, 'bt-server-le')}`;
  }

  static async start(): Promise<Btvirt> {
    const folder = mkdtempSync(join(tmpdir(), 'meshferry-btvirt-'));
    const shim = join(folder, 'btvirt_shim.so');
    execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-w', '-o', shim, SHIM, '-ldl']);
    const env = { ...process.env, LD_PRELOAD: shim, BTVIRT_DIR: folder };
    const child = spawn('btvirt', ['-s'], { env, stdio: 'ignore' });
    await until('the socket of btvirt', () => existsSync(join(folder, 'bt-server-le')));
    return new Btvirt(folder, child);
  }

  stop(): void {
    this.#process.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
