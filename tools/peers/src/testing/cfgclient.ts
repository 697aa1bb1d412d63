import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Meshd } from './meshd.ts';
import { sleep, until } from './system-clock.ts';

const PROMPT = /\[(?:mesh-cfgclient|config: Target = \w+)\]# */g;

/** mesh-cfgclient, a Provisioner and Configuration Client that is driven by text; it sits on a daemon. */
export class CfgClient {
  readonly #process: ChildProcessWithoutNullStreams;
  #printed = '';

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    for (const output of [process.stdout, process.stderr]) {
      output.on('data', (chunk: Buffer) => {
        this.#printed += stripVTControlCharacters(chunk.toString()).replaceAll('\r', '');
      });
    }
  }

  /** It wants a terminal, which `script` gives. */
  static async start({ place: { folder, bus, shim } }: Meshd): Promise<CfgClient> {
    const command = `exec env LD_PRELOAD=${shim} mesh-cfgclient -c ${join(folder, 'cfg.json')}`;
    const child = spawn('script', ['-qefc', command, '/dev/null'], {
      env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus, TERM: 'dumb' },
      cwd: folder,
    });
    const client = new CfgClient(child);
    await until('the prompt of mesh-cfgclient', () => client.#printed.includes('#'));
    await sleep(500);
    return client;
  }

  /** Gives a command and waits for what it prints then; what was found, groups included. */
  async run(command: string, expected: RegExp, timeoutMs?: number): Promise<RegExpExecArray> {
    const from = this.#printed.length;
    this.#process.stdin.write(`${command}\n`);
    const printed = () => this.#printed.slice(from).replace(PROMPT, '');
    const look = () => expected.exec(printed()) ?? undefined;
    const found = await until(() => `${expected} in what follows ${printed()}`, look, timeoutMs);
    await sleep(200); // a readable pause
    return found;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill();
    await ended;
  }
}
