import { BlobServer } from '@meshferry/blob';
import { fromHex, MemoryStore, storeView, toHex } from '@meshferry/core';
import { FirmwareUpdateServer } from '@meshferry/dfu';
import type { Air, Station } from './air.ts';
import { NEW_ID, TargetDevice } from './target-device.ts';

export interface WholeTargetOptions {
  /** The image that it finds good, in hex. */
  readonly image: string;
  readonly isBad?: boolean;
  /** Its bootloader takes the old image back. */
  readonly isReverted?: boolean;
}

/** How long it takes to restart, ms. */
const BOOT_MS = 3000;

/** A real Firmware Update Server on a device that verifies, restarts and boots by itself. */
export class WholeTarget extends TargetDevice {
  readonly address: number;
  /** How often it has run a new image. */
  booted = 0;
  station!: Station;
  readonly #air: Air;
  readonly #options: WholeTargetOptions;
  readonly #store = new MemoryStore();
  #blob!: BlobServer;

  constructor(air: Air, address: number, options: WholeTargetOptions) {
    super();
    this.#air = air;
    this.address = address;
    this.#options = options;
    this.#powerOn();
  }

  /** The Firmware ID that it runs. */
  get running(): string {
    return toHex(this.list[0]?.firmwareId ?? new Uint8Array(0));
  }

  override verify(imageIndex: number, metadata: Uint8Array, done: (ok: boolean) => void): void {
    super.verify(imageIndex, metadata, done);
    done(!this.#options.isBad && toHex(this.content) === this.#options.image);
  }

  override apply(imageIndex: number, done: (ok: boolean) => void): void {
    super.apply(imageIndex, done);
    const { clock } = this.#air;
    // Not within the call: what the stack does now is its last.
    clock.after(0, () => this.powerOff());
    clock.after(BOOT_MS, () => {
      const isNew = this.#options.isReverted !== true;
      if (isNew) {
        this.booted++;
        this.list = [{ firmwareId: fromHex(NEW_ID) }, ...this.list.slice(1)];
      }
      this.#powerOn(isNew);
    });
  }

  powerOff(): void {
    this.#blob.close();
    this.station.close();
  }

  #powerOn(applied?: boolean): void {
    const { clock } = this.#air;
    this.#blob = new BlobServer({
      clock,
      store: storeView(this.#store, 'blob/'),
      capabilities: { minBlockSizeLog: 6, maxBlockSizeLog: 8, maxBlobSize: 5000 },
    });
    const update = new FirmwareUpdateServer({
      store: storeView(this.#store, 'update/'),
      blob: this.#blob,
      application: this,
    });
    this.station = this.#air.join(this.address, { models: [this.#blob.model, update.model], store: this.#store });
    if (applied !== undefined) update.applied(applied);
    update.start();
  }
}
