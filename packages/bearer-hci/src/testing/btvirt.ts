import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** BlueZ's emulator of controllers, a foreign one: each connection to its socket is a new controller in the same air. */
export interface Btvirt {
  /** URI of a new controller. */
  readonly uri: string;
  stop(): void;
}

const SHIM = fileURLToPath(new URL('../../../../../shared/peers/btvirt_shim.c', import.meta.url));
const READY_MS = 5000;

/** Why it cannot be used on this machine, or undefined. */
export function whyNoBtvirt(): string | undefined {
  if (!existsSync(SHIM)) return 'the preload library for btvirt (shared/peers/btvirt_shim.c) is not here';
  for (const [program, argument] of [
    ['btvirt', '--version'],
    ['gcc', '--version'],
  ] as const) {
    try {
      execFileSync(program, [argument], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed (Debian: apt-get install bluez-test-tools gcc libc6-dev)`;
    }
  }
  return undefined;
}

/** Starts one in a folder of its own. */
export async function startBtvirt(): Promise<Btvirt> {
  const folder = mkdtempSync(join(tmpdir(), 'btvirt-'));
  const library = join(folder, 'shim.so');
  execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, SHIM, '-ldl']);
  const env = { ...process.env, LD_PRELOAD: library, BTVIRT_DIR: folder };
  const program: ChildProcess = spawn('btvirt', ['-s'], { env, stdio: 'ignore' });
  const stop = () => {
    program.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  const socket = join(folder, 'bt-server-le');
  for (let waited = 0; !existsSync(socket); waited += 20) {
    if (waited >= READY_MS || program.exitCode !== null) {
      stop();
      throw new Error('btvirt did not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { uri: `hci:unix:${socket}`, stop };
}
