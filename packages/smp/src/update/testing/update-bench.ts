import { type Cancel, MemoryStore, MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { formatVersion, readFirmwarePackage } from '@meshferry/firmware';
import { BOOT_MODES } from '../../bootloader/boot-mode.ts';
import { KEY, testImage } from '../../bootloader/testing/boot-bench.ts';
import { McubootDevice, type McubootDeviceOptions } from '../../device/mcuboot-device.ts';
import type { SmpServerOptions } from '../../server/server-options.ts';
import { ServerSettings } from '../../server/settings-store.ts';
import { SmpServer } from '../../server/smp-server.ts';
import type { SmpOpenOptions, SmpRoute, SmpTransport } from '../../transport.ts';
import { smpUpdateImages } from '../update-images.ts';
import { createSmpUpdate } from '../update-job.ts';
import type {
  SmpUpdateImage,
  SmpUpdateJob,
  SmpUpdateOptions,
  SmpUpdateProgress,
  SmpUpdateReport,
} from '../update-types.ts';
import { type MemoryEnd, type MemoryLinkOptions, memoryLink } from './memory-link.ts';

export const OLD = '1.0.0+0';
export const NEW = '1.2.3+4';

export interface BenchOptions extends Omit<Partial<McubootDeviceOptions>, 'recovery'> {
  readonly server?: Partial<SmpServerOptions>;
  /** Default: like BLE. `serial`: a line that knows nothing of the other end. */
  readonly line?: 'ble' | 'serial';
  /** What runs at first. */
  readonly old?: readonly Uint8Array[];
  /** Serial recovery: `mode` where the bootloader can be told to stay, `stuck` where it only comes when nothing can be started. */
  readonly recovery?: 'mode' | 'stuck';
  /** Makes the server hide the mode of the bootloader. */
  readonly hidesMode?: boolean;
}

/** A device with bootloader and SMP server, the way to it, and a store: everything that an update meets. */
export class UpdateBench implements SmpRoute {
  readonly name = 'bench';
  readonly clock: VirtualClock = new VirtualClock();
  readonly store: MemoryStore = new MemoryStore();
  readonly device: McubootDevice;
  readonly server: SmpServer;
  /** Answers while the firmware loader runs. */
  readonly loaderServer: SmpServer;
  /** MCUboot's own, where it has one. */
  readonly recoveryServer: SmpServer;
  inRecovery = false;
  readonly settings: ServerSettings = new ServerSettings();
  readonly progress: SmpUpdateProgress[] = [];
  /** Decides about each packet; gives false to lose it. Called with the number of the client's packets so far. */
  carries: (packet: Uint8Array, from: 'client' | 'server') => boolean = () => true;
  /** Whether connecting works. */
  reachable = true;
  /** Names that were looked for. */
  readonly names: (string | undefined)[] = [];
  links = 0;
  readonly #line: 'ble' | 'serial';
  #client: MemoryEnd | undefined;

  constructor(options: BenchOptions = {}) {
    const { server = {}, line = 'ble', old = [testImage(OLD)], hidesMode = false, recovery, ...rest } = options;
    const { clock } = this;
    this.#line = line;
    const mode = rest.mode ?? 'move';
    this.device = new McubootDevice({ clock, trust: [KEY.publicKey], slotSize: 0x8000, ...rest, images: old.length });
    for (const [image, octets] of old.entries()) this.device.program(image, 0, octets, { confirmed: true });
    const common: SmpServerOptions = {
      clock,
      buffers: { size: 512, count: 4 },
      reset: (bootMode) => this.#reset(bootMode, recovery),
      settings: this.settings,
      ...(hidesMode ? {} : { bootloader: { mode: BOOT_MODES[mode] } }),
      ...server,
    };
    this.server = new SmpServer(mode === 'loader' ? common : { images: this.device, ...common });
    this.loaderServer = new SmpServer({ images: this.device, ...common });
    this.recoveryServer = new SmpServer({
      clock,
      personality: 'serial-recovery',
      images: this.device,
      imageOptions: { directUpload: true },
      reset: (bootMode) => this.#reset(bootMode, recovery),
    });
    for (const each of [this.server, this.loaderServer, this.recoveryServer]) each.stop();
    this.device.listen({ started: () => this.#started(), stopped: () => this.#stopped() });
    this.device.powerOn();
    clock.advance(1000);
    if (this.device.state === 'stuck' && recovery !== undefined) this.#recover();
  }

  /** What runs of each image, and from which slot. */
  get running(): string[] {
    return this.device.running.map(({ version, slot }) => `${formatVersion(version)} in ${slot}`);
  }

  /** Whether what runs of an image stays. */
  isConfirmed(image = 0): boolean {
    const { kind, slot } = this.device.nextBoot(image);
    return kind === 'normal' && slot === this.device.activeSlot(image);
  }

  job(images: readonly SmpUpdateImage[], options: Partial<SmpUpdateOptions> = {}): SmpUpdateJob {
    return createSmpUpdate({
      route: this,
      clock: this.clock,
      random: new SeededRandom('update'),
      store: this.store,
      images,
      onProgress: (progress) => this.progress.push(progress),
      ...options,
    });
  }

  /** A whole update. */
  async update(images: readonly SmpUpdateImage[], options: Partial<SmpUpdateOptions> = {}): Promise<SmpUpdateReport> {
    return this.finish(this.job(images, options).run());
  }

  /** Lets time go by until a promise has settled; an hour at most. */
  async finish<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    const end = this.clock.now + limitMs;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isSettled) return promise;
      if (this.clock.now > end || !this.clock.step()) throw new Error(`hangs at ${this.clock.now} ms`);
    }
  }

  /** The phases in their order, each once. */
  get phases(): string[] {
    return this.progress.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1]);
  }

  open(done: (outcome: SmpTransport | MeshError) => void, { deviceName }: SmpOpenOptions = {}): Cancel {
    this.names.push(deviceName);
    const timer = this.clock.after(50, () => done(this.#connect(deviceName)));
    return () => timer.cancel();
  }

  close(): void {}

  /** Ends the link there is. */
  cut(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.other?.end();
    client?.end();
  }

  #connect(deviceName: string | undefined): SmpTransport | MeshError {
    const isSerial = this.#line === 'serial';
    const isThere = this.reachable && (isSerial || this.device.state === 'running') && this.#goesBy(deviceName);
    if (!isThere) return new MeshError('connect-failed', 'the device does not answer');
    this.links++;
    const { client, server } = memoryLink(this.#options());
    this.#client = client;
    if (this.device.state === 'running' || this.inRecovery) this.#answering.attach(server);
    return client;
  }

  #goesBy(deviceName: string | undefined): boolean {
    if (deviceName === undefined) return true;
    const stored = this.settings.get('fw_loader/adv_name');
    const own = stored === undefined ? '' : new TextDecoder().decode(stored);
    return this.device.runsLoader && own.includes(deviceName);
  }

  #options(): MemoryLinkOptions {
    const isSerial = this.#line === 'serial';
    return {
      clock: this.clock,
      latencyMs: 8,
      packetLimit: isSerial ? Number.POSITIVE_INFINITY : 244,
      fragments: !isSerial,
      lossy: isSerial,
      bufferOverhead: isSerial ? 4 : 0,
      carries: (packet, from) => this.carries(packet, from),
    };
  }

  get #answering(): SmpServer {
    if (this.inRecovery) return this.recoveryServer;
    return this.device.runsLoader ? this.loaderServer : this.server;
  }

  #reset(bootMode: number, recovery: BenchOptions['recovery']): void {
    this.inRecovery = false;
    this.recoveryServer.stop();
    if (bootMode === 1 && recovery === 'mode') {
      this.device.powerOff();
      this.#recover();
    } else {
      this.device.reset(bootMode === 1);
      if (this.device.state === 'stuck' && recovery !== undefined) this.#recover();
    }
  }

  #recover(): void {
    this.inRecovery = true;
    this.#started();
  }

  #started(): void {
    this.#answering.start();
    if (this.#line !== 'serial' || this.#client === undefined) return;
    const { server } = memoryLink(this.#options());
    server.other = this.#client;
    this.#client.other = server;
    this.#answering.attach(server);
  }

  #stopped(): void {
    this.server.stop();
    this.loaderServer.stop();
  }
}

/** The images of a file, as an update sends them. */
export async function imagesOf(octets: Uint8Array, target = { image: 0, slot: 1 }): Promise<SmpUpdateImage[]> {
  const read = await readFirmwarePackage(octets, {
    crypto: portableCrypto,
    target,
    publicKeys: [KEY.publicKey],
    requireSignature: false,
  });
  if (!read.ok) throw read.error;
  return smpUpdateImages(read.value);
}
