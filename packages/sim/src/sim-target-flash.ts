import { type Store, storeView } from '@meshferry/core';
import { combineTargets, type FirmwareUpdateServer, type TargetApplication } from '@meshferry/dfu';
import { type PublicKey, parseVersion } from '@meshferry/firmware';
import { McubootTarget, type NodeGround, type TargetCore } from '@meshferry/node';
import type { SimImage, SimOptions } from './uri.ts';

/** What the flash and the bootloader of a device depend on. */
export interface FlashOptions {
  readonly sim: SimOptions;
  /** Of the device: its flash outlives its networks. */
  readonly store: Store;
  readonly trust: readonly PublicKey[];
  readonly compositionPage0: () => Uint8Array;
  /** Takes the power away, and gives it back after a boot; not inside the call. */
  readonly restart: () => void;
}

/** The images behind one Firmware Update Server of a device, with the bootloader's part in them. */
export class TargetFlash {
  readonly application: TargetApplication;
  readonly #images: readonly McubootTarget[];

  /** `instance`: which of the servers of the device, from 0. */
  constructor(ground: NodeGround, options: FlashOptions, instance: number) {
    this.#images = options.sim.images.map((image, i) => this.#image(ground, options, image, flashName(instance, i)));
    this.application = combineTargets(this.#images);
  }

  /** Runs the bootloader; whether the device leaves its network for what now runs. */
  boot(): boolean {
    return this.#images.map((image) => image.boot()).includes('swapped-and-unprovisioned');
  }

  /** The device has left its network, durably. */
  forgetOutcome(): void {
    for (const image of this.#images) image.forgetOutcome();
  }

  /** The update server learns what the bootloader did, if its update waits for that. */
  tellOutcome(update: FirmwareUpdateServer): void {
    const outcome = this.#images[update.imageIndex ?? 0]?.outcome;
    if (outcome === 'swapped') update.applied(true);
    if (outcome === 'reverted') update.applied(false);
  }

  /** The image that it runs, octet for octet; undefined while it runs what it was made with. */
  runningImage(imageIndex = 0): Uint8Array | undefined {
    return this.#images[imageIndex]?.runningImage();
  }

  /** The Firmware ID that it runs now. */
  firmwareId(imageIndex = 0): Uint8Array | undefined {
    return this.application.images()[imageIndex]?.firmwareId;
  }

  /** How many updates changed what the node is made of. */
  get compositionChanges(): number {
    return this.#images.reduce((sum, image) => sum + image.compositionChanges, 0);
  }

  /** As worn-out flash would. */
  flipOctet(imageIndex: number): void {
    this.#images[imageIndex]?.flipOctet();
  }

  #image(ground: NodeGround, options: FlashOptions, image: SimImage, name: string): McubootTarget {
    const { sim, store, trust, compositionPage0, restart } = options;
    const version = parseVersion(sim.version);
    if (!version.ok) throw version.error;
    return new McubootTarget({
      store: storeView(store, name),
      crypto: ground.crypto,
      ...(ground.log && { log: ground.log }),
      company: sim.company,
      version: version.value,
      slotSize: sim.slot,
      core: CORES[image],
      effect: sim.effect,
      compositionPage0,
      trust,
      versionOf: (number) => this.#images[sim.images.indexOf(MCUBOOT_IMAGES[number] ?? 'blob')]?.version,
      restart,
    });
  }
}

const CORES: Readonly<Record<SimImage, TargetCore>> = { app: 'application', net: 'network', blob: 'blob' };

/** By their MCUboot image numbers. */
const MCUBOOT_IMAGES: readonly SimImage[] = ['app', 'net'];

/** View of the store; the first one has the name that worlds of one image have always had. */
function flashName(instance: number, image: number): string {
  return instance + image === 0 ? 'flash/' : `flash-${instance}.${image}/`;
}
