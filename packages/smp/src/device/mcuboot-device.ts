import { type Clock, type Log, MeshError, silent, type Timer } from '@meshferry/core';
import { formatVersion } from '@meshferry/firmware';
import { type BootMode, choosesSlot } from '../bootloader/boot-mode.ts';
import { Bootloader, type BootloaderOptions, type RunningImage } from '../bootloader/bootloader.ts';
import { Flash, FlashArea, type FlashShape, PowerLoss } from '../bootloader/flash.ts';
import type { Trust } from '../bootloader/slot-image.ts';
import { AreaTrailer } from '../bootloader/trailer-writer.ts';
import type { ImageHost, ImageSlot, NextBoot } from '../server/image-host.ts';
import { DeviceSlot, succeeds } from './device-slot.ts';
import { choosesByState, nextBootOf, type SlotPair, setNextBoot } from './next-boot.ts';

/** How a {@link McubootDevice} is built. */
export interface McubootDeviceOptions
  extends Pick<BootloaderOptions, 'allowDowngrade' | 'compareBuild' | 'securityCounters'> {
  readonly clock: Clock;
  /** Keys that images must be signed for; `any`: none. */
  readonly trust: Trust;
  /** Default `move`. */
  readonly mode?: BootMode;
  /** Images that are updated on their own. Default 1. */
  readonly images?: number;
  /** Octets of a slot, whole sectors. Default 512 KiB. */
  readonly slotSize?: number;
  /** Default: sectors of 4096 octets, written by 4, as slow as that of a microcontroller. */
  readonly flash?: Omit<FlashShape, 'size'>;
  /** Whether its bootloader has a serial recovery, which runs when it is asked for or nothing else can. Default false. */
  readonly recovery?: boolean;
  /** Time from power to the application, ms, besides what the bootloader's work takes. Default 300. */
  readonly bootMs?: number;
  readonly log?: Log;
}

/** What happens to a {@link McubootDevice}. */
export interface McubootDeviceListener {
  /** An application begins to run, or the firmware loader or serial recovery, see {@link McubootDevice.speaker}. */
  started(): void;
  /** It ends: a reset, or the power is gone. What is in RAM is lost. */
  stopped(): void;
}

/** What of a running device is not in its flash. */
export interface DeviceSnapshot {
  readonly running: readonly RunningImage[];
  readonly speaker: DeviceSpeaker;
}

/** Who of a device answers to SMP. */
export type DeviceSpeaker = 'application' | 'loader' | 'recovery';

/** Before the slots: the bootloader itself. */
const BOOTLOADER_SIZE = 0xc000;
/** How long the power is gone when it is lost, ms. */
const OUTAGE_MS = 1000;

/**
 * A device with MCUboot: flash with slots, the bootloader, and what an SMP server asks its host for. It is off at first; what
 * runs after {@link McubootDevice.powerOn} and after each reset is decided by the octets of the flash.
 *
 * ```ts
 * const device = new McubootDevice({ clock, trust: SAMPLE_KEYS });
 * device.program(0, 0, image, { confirmed: true });
 * const server = new SmpServer({ clock, images: device, reset: (mode) => device.reset(mode === 1) });
 * device.listen({ started: () => server.start(), stopped: () => server.stop() });
 * device.powerOn();
 * ```
 */
export class McubootDevice implements ImageHost {
  readonly flash: Flash;
  readonly bootloader: Bootloader;
  readonly mode: BootMode;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #bootMs: number;
  readonly #hasRecovery: boolean;
  readonly #slots: (readonly [DeviceSlot, DeviceSlot | undefined])[];
  readonly #listeners = new Set<McubootDeviceListener>();
  #state: 'off' | 'booting' | 'running' | 'stuck' = 'off';
  #running: readonly RunningImage[] = [];
  #speaker: DeviceSpeaker = 'application';
  #timer: Timer | undefined;
  #countedMs = 0;

  constructor(options: McubootDeviceOptions) {
    const { mode = 'move', images = 1, slotSize = 512 * 1024, flash = {}, log = silent } = options;
    this.mode = mode;
    this.#clock = options.clock;
    this.#log = log;
    this.#bootMs = options.bootMs ?? 300;
    this.#hasRecovery = options.recovery ?? false;
    const sectorSize = flash.sectorSize ?? 4096;
    const slotsOfImage = mode === 'single' || mode === 'single-ram' ? 1 : 2;
    const scratchSize = mode === 'scratch' ? Math.ceil(slotSize / 8 / sectorSize) * sectorSize : 0;
    const start = Math.ceil(BOOTLOADER_SIZE / sectorSize) * sectorSize;
    const size = start + images * slotsOfImage * slotSize + scratchSize;
    this.flash = new Flash({ ...flash, size });
    const area = (number: number) => new FlashArea(this.flash, start + number * slotSize, slotSize);
    const map = Array.from({ length: images }, (_, image) => ({
      primary: area(image * slotsOfImage),
      ...(slotsOfImage === 2 && { secondary: area(2 * image + 1) }),
    }));
    this.bootloader = new Bootloader(
      { images: map, ...(scratchSize > 0 && { scratch: new FlashArea(this.flash, size - scratchSize, scratchSize) }) },
      {
        ...options,
        mode,
        maxSectors: Math.max(128, slotSize / sectorSize),
        log: (line) => log('info', `MCUboot: ${line}`),
      },
    );
    this.#slots = map.map(({ primary, secondary }, image) => {
      const maxImageSize = () => this.bootloader.maxImageSize(image);
      const offset = mode === 'offset' ? sectorSize : 0;
      return [
        new DeviceSlot(primary, 0, maxImageSize),
        secondary && new DeviceSlot(secondary, offset, maxImageSize),
      ] as const;
    });
  }

  /**
   * `off`; `booting`; `running`, be it serial recovery alone; `stuck`: no image could be started, only another one by wire would
   * help.
   */
  get state(): 'off' | 'booting' | 'running' | 'stuck' {
    return this.#state;
  }

  /** What runs of each image; empty unless running, and in serial recovery. */
  get running(): readonly RunningImage[] {
    return this.#state === 'running' ? this.#running : [];
  }

  /** Who runs; the application when nobody does. */
  get speaker(): DeviceSpeaker {
    return this.#speaker;
  }

  /** Whether the firmware loader runs instead of the application. */
  get runsLoader(): boolean {
    return this.#speaker === 'loader';
  }

  /** Takes what happens from now on, until the function given back is called. */
  listen(listener: McubootDeviceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts an image into a slot by wire, in no time; `confirmed`: as one that was delivered, it is never reverted. */
  program(
    image: number,
    slot: number,
    octets: Uint8Array,
    { confirmed = false }: { readonly confirmed?: boolean } = {},
  ): void {
    const area = this.#area(image, slot);
    const target = this.#slots[image]?.[slot as 0 | 1];
    if (area === undefined || target === undefined || target.imageOffset + octets.length > area.size) {
      throw new MeshError('image-too-large', `${octets.length} octets do not fit slot ${slot} of image ${image}`, {
        hint: `Its size is ${area?.size ?? 0} octets: give a smaller image, or larger slots.`,
      });
    }
    this.flash.octets.fill(0xff, area.offset, area.offset + area.size);
    this.flash.octets.set(octets, area.offset + target.imageOffset);
    if (!confirmed) return;
    const trailer = new AreaTrailer(area, this.bootloader.layout);
    const { operations, busyMs } = this.flash;
    trailer.writeMagic();
    trailer.writeImageOk();
    if (choosesSlot(this.mode)) trailer.writeCopyDone();
    Object.assign(this.flash, { operations, busyMs });
  }

  /**
   * Switches it on: the bootloader does its work, then what it chose starts. `intoLoader`: as after a reset with `boot_mode` 1, the
   * firmware loader or serial recovery where there is one. Harmless unless it is off.
   */
  powerOn(intoLoader = false): void {
    if (this.#state !== 'off') return;
    this.#state = 'booting';
    if (intoLoader && this.#hasRecovery) {
      this.#recoverAfter(this.#bootMs);
      return;
    }
    const before = this.flash.busyMs;
    let reason: string;
    try {
      const result = this.bootloader.boot(intoLoader);
      const busyMs = this.#bootMs + this.flash.busyMs - before;
      if (result.booted) {
        this.#timer = this.#clock.after(busyMs, () => this.#start(result.running));
        return;
      }
      ({ reason } = result);
    } catch (thrown) {
      if (thrown instanceof PowerLoss) {
        this.#outage();
        return;
      }
      if (!(thrown instanceof MeshError)) throw thrown;
      reason = thrown.message;
    }
    if (this.#hasRecovery) {
      this.#log('warn', `serial recovery: ${reason}`);
      this.#recoverAfter(this.#bootMs + this.flash.busyMs - before);
      return;
    }
    this.#state = 'stuck';
    this.#log('error', `the device does not start: ${reason}`);
  }

  /** Goes on with what ran before, without a boot: the power was never gone, only nobody looked. Harmless unless it is off. */
  resume({ running, speaker }: DeviceSnapshot): void {
    if (this.#state !== 'off') return;
    this.#run(running, speaker);
  }

  /** What {@link resume} takes; undefined unless it runs. */
  snapshot(): DeviceSnapshot | undefined {
    return this.#state === 'running' ? { running: this.#running, speaker: this.#speaker } : undefined;
  }

  /** Switches it off, now. */
  powerOff(): void {
    const wasRunning = this.#state === 'running';
    this.#timer?.cancel();
    this.#state = 'off';
    this.#running = [];
    this.#speaker = 'application';
    if (wasRunning) for (const listener of [...this.#listeners]) listener.stopped();
  }

  /** Off and on again, see {@link powerOn}. */
  reset(intoLoader = false): void {
    this.powerOff();
    this.powerOn(intoLoader);
  }

  get imageCount(): number {
    return this.#slots.length;
  }

  get writableState(): boolean {
    return choosesByState(this.mode);
  }

  slot(image: number, slot: number): ImageSlot | undefined {
    return this.#slots[image]?.[slot as 0 | 1];
  }

  activeSlot(image: number): number {
    return this.#pair(image).active;
  }

  nextBoot(image: number): NextBoot {
    return nextBootOf(this.bootloader, this.#pair(image));
  }

  setNextBoot(image: number, slot: number, confirm: boolean): number {
    let code = 12;
    const done = succeeds(() => {
      code = setNextBoot(this.bootloader, { image, ...this.#pair(image) }, slot, confirm);
    });
    return done ? code : 12;
  }

  takeBusyMs(): number {
    const busy = this.flash.busyMs - this.#countedMs;
    this.#countedMs = this.flash.busyMs;
    return busy;
  }

  /** The power is lost, and comes back by itself. */
  #outage(): void {
    delete this.flash.faults.operationsLeft;
    this.powerOff();
    this.#timer = this.#clock.after(OUTAGE_MS, () => this.powerOn());
  }

  #start(running: readonly RunningImage[]): void {
    const versions = running.map(({ version, slot }) => `${formatVersion(version)} from slot ${slot}`);
    this.#log('info', `the device runs ${versions.join(', ')}`);
    this.#run(running, this.mode === 'loader' && running[0]?.slot === 1 ? 'loader' : 'application');
  }

  #recoverAfter(ms: number): void {
    this.#timer = this.#clock.after(ms, () => {
      this.#log('info', 'the device runs serial recovery');
      this.#run([], 'recovery');
    });
  }

  #run(running: readonly RunningImage[], speaker: DeviceSpeaker): void {
    this.#state = 'running';
    this.#running = running;
    this.#speaker = speaker;
    this.takeBusyMs();
    for (const listener of [...this.#listeners]) listener.started();
  }

  #pair(image: number): SlotPair {
    const { primary, secondary } = this.bootloader.map.images[image] ?? (this.bootloader.map.images[0] as never);
    return { slots: [primary, secondary], active: this.#running[image]?.slot ?? 0 };
  }

  #area(image: number, slot: number): FlashArea | undefined {
    const slots = this.bootloader.map.images[image];
    return slot === 0 ? slots?.primary : slots?.secondary;
  }
}
