import { type GattCentral, type GattLink, type GattPeripheral, memoryGatt } from '@meshferry/bearer';
import {
  type Cancel,
  encodeRecord,
  type Log,
  MemoryStore,
  readRecord,
  SeededRandom,
  type Store,
  silent,
  storeView,
  VirtualClock,
} from '@meshferry/core';
import type { PublicKey } from '@meshferry/firmware';
import {
  BOOT_MODES,
  bleRoute,
  type McubootDevice,
  ServerFiles,
  ServerSettings,
  type ServerSnapshot,
  SMP_SERVICE,
  SmpBleTransport,
  SmpGroup,
  type SmpRoute,
  SmpServer,
  type SmpServerOptions,
  type SmpTransport,
} from '@meshferry/smp';
import { SimulatedTime } from '../simulated-time.ts';
import { SimDayClock } from './day-clock.ts';
import { DeviceRecords } from './device-records.ts';
import { SerialLine } from './serial-line.ts';
import { deliver, hasOneSlot, simSmpDevice } from './smp-device.ts';
import { hostOf, imageOptions, refusal, serverFaults, valuesOf } from './smp-faults.ts';
import type { SimSmpOptions } from './smp-uri.ts';
import { SpoiltLink } from './spoilt-link.ts';
import { UploadWatch, WatchedTransport } from './watched-transport.ts';

/** How a {@link SimSmp} is opened. */
export interface SimSmpGround {
  readonly sim: SimSmpOptions;
  /** What survives from one opening to the next. Default: nothing does. */
  readonly store?: Store;
  readonly log?: Log;
  /** The keys of the file that `trust` names. */
  readonly trust?: readonly PublicKey[];
  /** More of the server: a shell, statistics, handlers of an application. */
  readonly server?: Partial<SmpServerOptions>;
  /** Default: one of its own. */
  readonly clock?: VirtualClock;
}

/** Of the first peripheral in memory. */
const ADDRESS = 'C0:00:00:00:00:00';
const ADVERTISING_MS = 100;
const NAME = 'Meshferry SMP';
/** The server resets the device so much after its answer, ms; this waits a little longer. */
const RESET_MS = 300;
/** Of a serial line that nothing else is said of. */
const BAUD = 115_200;
/** Setting by which the application tells its firmware loader what to advertise [spec: smp section 5.1]. */
const LOADER_NAME = 'fw_loader/adv_name';

/**
 * A simulated device with MCUboot and an SMP server on it, and the radio or serial line to reach it. Its time passes only while
 * {@link run} waits for something. Between two openings with the same store it stays on, unless `power=cycles`: nothing happens, and
 * nothing is forgotten, not even what is in RAM alone.
 *
 * ```ts
 * const sim = new SimSmp({ sim: parseSimSmpUri('sim:smp,version=2.0.0+0') });
 * await sim.run(update(sim.route)); // the link, swaps and boots take their simulated time
 * sim.device.running; // [{ slot: 0, version: … }]
 * sim.close();
 * ```
 */
export class SimSmp {
  readonly sim: SimSmpOptions;
  readonly clock: VirtualClock;
  /** For the process that uses the device: other numbers at each opening. */
  readonly random: SeededRandom;
  readonly device: McubootDevice;
  /** Leads to the device over its radio link, whatever address it has, or over its serial line. */
  readonly route: SmpRoute;
  /** The radio of this process. */
  readonly central: GattCentral;
  readonly #time: SimulatedTime;
  readonly #records: DeviceRecords;
  readonly #settings: ServerSettings;
  readonly #files: ServerFiles;
  readonly #dayClock: SimDayClock;
  readonly #line: SerialLine | undefined;
  readonly #peripheral: GattPeripheral;
  readonly #chances: SeededRandom;
  readonly #application: SmpServer;
  readonly #loader: SmpServer;
  readonly #recovery: SmpServer;
  readonly #happened: Set<string>;
  readonly #unlisten: () => void;
  #stopAdvertising: Cancel = () => {};
  /** Of the server, for its first start: the device was on all the time. */
  #memory: ServerSnapshot | undefined;
  #starts = 0;
  #isOpen = true;

  /** Opens it: a new device boots, one that is kept goes on. */
  constructor(ground: SimSmpGround) {
    const { sim, store = new MemoryStore(), log = silent, trust = [], clock = new VirtualClock() } = ground;
    this.sim = sim;
    this.clock = clock;
    this.#time = new SimulatedTime(clock);
    const opened = countOpening(store);
    this.random = new SeededRandom(`${sim.seed}/${opened}/process`);
    this.#chances = new SeededRandom(`${sim.seed}/${opened}/link`);
    this.device = simSmpDevice(sim, { clock, log, trust });
    this.#records = new DeviceRecords(storeView(store, 'smp/'), this.device.flash);
    if (!this.#records.load()) {
      deliver(this.device, sim);
      this.#records.make();
    }
    this.#happened = new Set(this.#records.happened());
    this.#settings = new ServerSettings({
      saved: this.#records.settings(),
      changed: (saved) => this.#records.saveSettings(saved),
    });
    this.#files = new ServerFiles({ files: this.#records.files() });
    this.#dayClock = new SimDayClock(clock, this.#records.time());

    const gatt = memoryGatt(clock, { mtu: sim.mtu, events: { intervalMs: sim.interval, packets: sim.packets } });
    this.central = gatt.central();
    this.#peripheral = gatt.peripheral({ connections: 1 });
    const { loss, twice, delay, baud = hasOneSlot(sim) ? BAUD : undefined } = sim;
    const line = { baud: baud ?? BAUD, loss, twice, delay };
    this.#line = baud === undefined ? undefined : new SerialLine('sim:smp', clock, this.#chances, line);
    this.route =
      this.#line?.route ?? named('sim:smp', bleRoute({ central: this.central, clock, log, address: ADDRESS }));
    this.#application = this.#server(ground.server ?? {}, sim.mode === 'loader' ? [SmpGroup.image] : []);
    this.#loader = this.#server({}, []);
    this.#recovery = this.#recoveryServer();
    this.#peripheral.serve(SMP_SERVICE, (link) => this.#serve(link));
    this.#unlisten = this.device.listen({ started: () => this.#started(), stopped: () => this.#stopped() });
    this.device.flash.onChange = () => void clock.after(0, () => this.#save());
    const snapshot = sim.power === 'stays' ? this.#records.snapshot() : undefined;
    if (snapshot === undefined) {
      this.device.powerOn();
    } else {
      this.#memory = this.#records.memory();
      this.device.resume(snapshot);
    }
  }

  /** The server that runs: of the application, of the firmware loader, or of serial recovery. */
  get server(): SmpServer {
    const { speaker } = this.device;
    if (speaker === 'recovery') return this.#recovery;
    return speaker === 'loader' ? this.#loader : this.#application;
  }

  /** Lets time pass, as fast as the computer allows, until `work` has settled. Rejects with `aborted`. */
  run<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#time.run(work, signal);
  }

  /** No simulated time passes until this has settled: somebody outside is being asked. */
  hold(until: Promise<unknown>): void {
    this.#time.hold(until);
  }

  /** Keeps the device as it is, once a reset that it is about has come to its end. The store stays the caller's to close. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.clock.advance(RESET_MS);
    while (this.device.state === 'booting' || this.device.state === 'off') if (!this.clock.step()) break;
    this.#save();
    this.#records.saveFiles(this.#files.all);
    this.#unlisten();
    this.#stopAdvertising();
    this.route.close();
    this.#stopServers();
  }

  /** What it advertises. */
  get name(): string {
    return this.sim.name ?? NAME;
  }

  #server(more: Partial<SmpServerOptions>, without: readonly number[]): SmpServer {
    const { sim, device } = this;
    const refusedReset = refusal(sim, 'reset', SmpGroup.os);
    const server = new SmpServer({
      personality: sim.server,
      info: { nodeName: this.name },
      ...more,
      clock: this.clock,
      buffers: { size: sim.bufsize, count: sim.bufcount },
      protocol: sim.smp === 1 ? 'v1' : 'both',
      verboseErrors: sim.verbose === 1,
      parameters: sim.params === 1,
      without,
      ...(sim.bootinfo === 1 && { bootloader: { mode: BOOT_MODES[sim.mode], noDowngrade: sim.downgrade === 0 } }),
      images: hostOf(device, sim),
      imageOptions: imageOptions(sim),
      settings: this.#settings,
      files: this.#files,
      dateTime: this.#dayClock,
      faults: serverFaults(sim),
      ...(refusedReset !== undefined && { refuseReset: () => refusedReset }),
      reset: (bootMode) => this.#resetAsked(bootMode),
    });
    server.stop();
    return server;
  }

  #recoveryServer(): SmpServer {
    const { sim, device } = this;
    const server = new SmpServer({
      clock: this.clock,
      personality: 'serial-recovery',
      verboseErrors: sim.verbose === 1,
      images: hostOf(device, sim),
      imageOptions: { ...imageOptions(sim), directUpload: true },
      faults: serverFaults(sim),
      reset: (bootMode) => this.#resetAsked(bootMode),
    });
    server.stop();
    return server;
  }

  #serve(link: GattLink): void {
    const { sim, clock } = this;
    const { loss, twice, delay: delayMs, recut } = sim;
    const spoilt =
      loss + twice + delayMs + recut === 0
        ? link
        : new SpoiltLink(link, clock, this.#chances, { loss, twice, delayMs, recut: recut === 1 });
    const transport = new SmpBleTransport(spoilt, clock, {
      side: 'server',
      reassembles: sim.reassembly === 1,
      bufferOctets: sim.bufsize,
    });
    this.#attach(transport, () => transport.close());
  }

  /** `cut` ends the link of who is at the other end. */
  #attach(transport: SmpTransport, cut: () => void): void {
    const { sim } = this;
    const reboots = valuesOf(sim, 'reboot');
    const disconnects = valuesOf(sim, 'disconnect');
    if (reboots.length + disconnects.length === 0) {
      this.server.attach(transport);
      return;
    }
    const upload = new UploadWatch();
    const watched = new WatchedTransport(transport, (packet) => {
      const percent = upload.percent(packet);
      if (percent === undefined) return true;
      if (reboots.some((at) => percent >= at && this.#once(`reboot@${at}`))) this.#reset(false);
      else if (disconnects.some((at) => percent >= at && this.#once(`disconnect@${at}`))) cut();
      else return true;
      return false;
    });
    this.server.attach(watched);
  }

  /** True at the first call ever: also across openings. */
  #once(what: string): boolean {
    if (this.#happened.has(what)) return false;
    this.#happened.add(what);
    this.#records.saveHappened([...this.#happened]);
    return true;
  }

  #resetAsked(bootMode: number): void {
    if (!this.sim.ignore.includes('reset')) this.#reset(bootMode === 1);
  }

  /** What the power is lost at is counted from here. */
  #reset(intoLoader: boolean): void {
    const [operations] = valuesOf(this.sim, 'power');
    if (operations !== undefined && !this.#happened.has('power')) this.device.flash.faults.operationsLeft = operations;
    this.device.reset(intoLoader);
    if (this.device.state === 'off') this.#once('power');
    delete this.device.flash.faults.operationsLeft;
  }

  #started(): void {
    this.server.start(this.#memory);
    this.#memory = undefined;
    this.#save();
    if (this.#line === undefined) this.#advertise();
    else this.#attach(this.#line.attach(), () => this.#line?.unplug());
  }

  #advertise(): void {
    const loaderName = this.device.runsLoader ? this.#settings.saved.get(LOADER_NAME) : undefined;
    const name = loaderName === undefined ? this.name : new TextDecoder().decode(loaderName);
    this.#stopAdvertising = this.#peripheral.advertise({
      service: SMP_SERVICE.uuid,
      data: new Uint8Array(0),
      name,
      intervalMs: ADVERTISING_MS,
      privateAddress: this.sim.address === 'changes' && this.#starts++ > 0,
    });
  }

  #stopped(): void {
    this.#stopAdvertising();
    this.#stopServers();
    this.#save();
  }

  #stopServers(): void {
    for (const server of [this.#application, this.#loader, this.#recovery]) server.stop();
  }

  #save(): void {
    this.#records.save(this.device.snapshot(), this.server.snapshot(), this.#dayClock.read());
  }
}

function named(name: string, route: SmpRoute): SmpRoute {
  return {
    name,
    open: (done, options) => route.open(done, options),
    close: () => route.close(),
  };
}

/** How often it was opened before: chances must not repeat. */
function countOpening(store: Store): number {
  const opened = readRecord<number>(store, 'smp/opened') ?? 0;
  store.batch([['smp/opened', encodeRecord(opened + 1)]]);
  return opened;
}
