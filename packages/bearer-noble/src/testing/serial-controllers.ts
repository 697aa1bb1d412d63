import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const SERVER = 'packages/bearer-hci/src/testing/controller-server.ts';
const READY_MS = 60_000;

/** Why there are no serial ports with a controller behind them; undefined: there are. */
export const noSerial: string | undefined = whyNoSerial();

function whyNoSerial(): string | undefined {
  if (spawnSync('socat', ['-V']).status !== 0) return 'socat is not installed (Debian: apt-get install socat)';
  try {
    const ofLibrary = createRequire(createRequire(import.meta.url).resolve('@stoprocent/noble'));
    ofLibrary('@stoprocent/bluetooth-hci-socket/lib/uart.js');
    return undefined;
  } catch (thrown) {
    return `serial ports cannot be used (${String(thrown).split('\n', 1)[0]})`;
  }
}

/** Controllers behind a UNIX socket, and pseudo-terminals that lead to them. */
export class SerialControllers {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'meshferry-noble-'));
  readonly #programs: ChildProcess[] = [];
  #terminals = 0;

  /** UNIX socket of which each connection is a new controller. */
  readonly socket: string;

  /** `socket`: of controllers that are there already. Default: emulated ones in a process of their own. */
  static async start(socket?: string): Promise<SerialControllers> {
    const made = new SerialControllers(socket);
    if (socket === undefined) await made.#serve();
    return made;
  }

  private constructor(socket: string | undefined) {
    this.socket = socket ?? join(this.#folder, 'controllers');
  }

  /** The path of a new pseudo-terminal; `unplug` takes it away. */
  async terminal(): Promise<{ readonly path: string; unplug(): void }> {
    const path = join(this.#folder, `tty${this.#terminals++}`);
    const socat = this.#run('socat', [`PTY,link=${path},raw,echo=0`, `UNIX-CONNECT:${this.socket}`]);
    await appeared(path);
    return { path, unplug: () => void socat.kill('SIGKILL') };
  }

  stop(): void {
    for (const program of this.#programs) program.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #serve(): Promise<void> {
    const options = ['packetsPerEvent=16', 'aclPackets=16', 'aclLength=251'];
    const imports = ['--import=tsx', '--conditions=@meshferry/source'];
    this.#run(process.execPath, [...imports, SERVER, `unix:${this.socket}`, ...options]);
    await appeared(this.socket);
  }

  /** Its input stays open: the end of it would end the program. */
  #run(command: string, args: readonly string[]): ChildProcess {
    const program = spawn(command, args, { cwd: ROOT, stdio: ['pipe', 'ignore', 'ignore'] });
    this.#programs.push(program);
    return program;
  }
}

async function appeared(path: string): Promise<void> {
  const start = performance.now();
  while (!existsSync(path)) {
    if (performance.now() - start > READY_MS) throw new Error(`there is no ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
