import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Message, type MessageBus, sessionBus } from 'dbus-next';
import { MeshdRadio } from './meshd-radio.ts';
import { sleep, until } from './system-clock.ts';

const DAEMON = '/usr/libexec/bluetooth/bluetooth-meshd';
const SHIM = fileURLToPath(new URL('../../../../../shared/peers/meshd_shim.c', import.meta.url));

/** Why the tests with bluetooth-meshd cannot run here, or undefined. */
export function meshdMissing(): string | undefined {
  const missing = [DAEMON, SHIM].filter((path) => !isReadable(path));
  for (const program of ['dbus-daemon', 'gcc']) if (!isInstalled(program)) missing.push(program);
  return missing.length === 0 ? undefined : `not here: ${missing.join(', ')}`;
}

/** How a {@link Meshd} runs. */
export interface MeshdOptions {
  /** Its timers in milliseconds (its transmit queue among them) run so many times faster. Default 20. */
  readonly speed?: number;
}

/** Where a daemon lives. */
export interface MeshdPlace {
  /** A temporary folder, removed at the end. */
  readonly folder: string;
  /** Address of its D-Bus. */
  readonly bus: string;
  /** The preload library, which its client needs as well. */
  readonly shim: string;
}

/** A bluetooth-meshd of its own: process, bus, storage and the radio that it hears. */
export class Meshd {
  readonly place: MeshdPlace;
  readonly radio: MeshdRadio;
  readonly bus: MessageBus;
  readonly #processes: readonly ChildProcess[];
  readonly #log: readonly string[];

  private constructor(
    place: MeshdPlace,
    radio: MeshdRadio,
    bus: MessageBus,
    processes: readonly ChildProcess[],
    log: readonly string[],
  ) {
    this.place = place;
    this.radio = radio;
    this.bus = bus;
    this.#processes = processes;
    this.#log = log;
  }

  static async start({ speed = 20 }: MeshdOptions = {}): Promise<Meshd> {
    const folder = mkdtempSync(join(tmpdir(), 'meshferry-meshd-'));
    const processes: ChildProcess[] = [];
    try {
      const shim = join(folder, 'meshd_shim.so');
      execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-w', '-o', shim, SHIM, '-ldl']);
      const place = { folder, shim, bus: await startBus(folder, processes) };
      const { radio, ports } = await MeshdRadio.open();
      const log: string[] = [];
      const daemon = startDaemon(place, { MESHD_SHIM_UDP: ports, MESHD_SHIM_DIV: String(speed) }, log);
      processes.push(daemon);
      const bus = sessionBus({ busAddress: place.bus });
      bus.on('error', () => {}); // the bus ends before its clients do
      await waitForName(bus, 'org.bluez.mesh');
      await sleep(200);
      return new Meshd(place, radio, bus, processes, log);
    } catch (error) {
      for (const child of processes) child.kill();
      throw error;
    }
  }

  /** What the daemon has printed so far. */
  get log(): string {
    return this.#log.join('');
  }

  /** UUIDs, in hex, of the nodes that it keeps. */
  nodes(): string[] {
    return readdirSync(join(this.place.folder, 'store')).filter((name) => /^[0-9a-f]{32}$/.test(name));
  }

  /** Calls a method of the daemon; what it returns, or an error with the name that it gave. */
  async call(path: string, name: string, signature: string, ...body: readonly unknown[]): Promise<readonly unknown[]> {
    const dot = name.lastIndexOf('.');
    const message = new Message({
      destination: 'org.bluez.mesh',
      path,
      interface: `org.bluez.mesh.${name.slice(0, dot)}`,
      member: name.slice(dot + 1),
      signature,
      body: [...body],
    });
    const answer = await this.bus.call(message);
    return answer?.body ?? [];
  }

  async stop(): Promise<void> {
    this.bus.disconnect();
    this.radio.close();
    await Promise.all(this.#processes.toReversed().map(ended));
    rmSync(this.place.folder, { recursive: true, force: true });
  }
}

function startDaemon({ folder, bus, shim }: MeshdPlace, settings: Record<string, string>, log: string[]): ChildProcess {
  const [store, config] = [join(folder, 'store'), join(folder, 'mesh-main.conf')];
  mkdirSync(store);
  writeFileSync(config, '[General]\n');
  const places = ['--io', `unit:${join(folder, 'sk')}`, '--storage', store, '--config', config];
  const daemon = spawn(DAEMON, ['--nodetach', '--debug', ...places], {
    env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: bus, LD_PRELOAD: shim, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const output of [daemon.stdout, daemon.stderr]) {
    output.on('data', (chunk: Buffer) => {
      log.push(chunk.toString());
    });
  }
  return daemon;
}

async function startBus(folder: string, processes: ChildProcess[]): Promise<string> {
  const config = join(folder, 'bus.conf');
  writeFileSync(
    config,
    `<busconfig>
  <type>session</type>
  <listen>unix:path=${join(folder, 'bus')}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`,
  );
  const daemon = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--print-address'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  processes.push(daemon);
  let printed = '';
  daemon.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await until('the address of the bus', () => printed.includes('\n'));
  return `unix:path=${join(folder, 'bus')}`;
}

async function waitForName(bus: MessageBus, name: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const answer = await bus.call(
      new Message({
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member: 'NameHasOwner',
        signature: 's',
        body: [name],
      }),
    );
    if (answer?.body[0] === true) return;
    await sleep(100);
  }
  throw new Error(`nobody took the name ${name} in 10 s`);
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill();
  });
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isReadable(join(folder, program)));
}
