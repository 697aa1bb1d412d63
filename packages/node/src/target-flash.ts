import { type Store, storeView } from '@meshferry/core';
import { combineTargets, type FirmwareUpdateServer, type TargetApplication } from '@meshferry/dfu';
import { McubootTarget, type McubootTargetOptions, type TargetCore } from './mcuboot-target.ts';

/** The flash and the bootloader of a device, and what they depend on: as {@link McubootTargetOptions} for each image. */
export interface TargetFlashOptions extends Omit<McubootTargetOptions, 'core' | 'versionOf'> {
  /** Of the device: its flash outlives its networks. */
  readonly store: Store;
  /** What its images are for, in the order of its Firmware Information List. */
  readonly images: readonly TargetCore[];
  /** Takes the power away, and gives it back after a boot; not inside the call. */
  readonly restart: () => void;
}

/** The images behind one Firmware Update Server of a device, with the bootloader's part in them. */
export class TargetFlash {
  readonly application: TargetApplication;
  readonly #images: readonly McubootTarget[];

  /** `instance`: which of the servers of the device, from 0. */
  constructor(options: TargetFlashOptions, instance = 0) {
    this.#images = options.images.map((core, i) => this.#image(options, core, flashName(instance, i)));
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

  #image({ images, ...options }: TargetFlashOptions, core: TargetCore, name: string): McubootTarget {
    return new McubootTarget({
      ...options,
      core,
      store: storeView(options.store, name),
      versionOf: (number) => this.#images[images.indexOf(MCUBOOT_IMAGES[number] ?? 'blob')]?.version,
    });
  }
}

/** By their MCUboot image numbers. */
const MCUBOOT_IMAGES: readonly TargetCore[] = ['application', 'network'];

/** View of the store; the first one has the name that devices of one image have always had. */
function flashName(instance: number, image: number): string {
  return instance + image === 0 ? 'flash/' : `flash-${instance}.${image}/`;
}
