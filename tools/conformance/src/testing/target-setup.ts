import assert from 'node:assert/strict';
import { BlobServer } from '@meshferry/blob';
import { MemoryStore, type Store, storeView, toHex } from '@meshferry/core';
import { FirmwareUpdateServer } from '@meshferry/dfu';
import { Dialogue, textOf } from './dialogue.ts';
import { blockStart, chunkOf, DATA, ID, IUT, START_PUSH, TTL } from './settings.ts';
import { TargetDevice } from './target-device.ts';
import { DEFAULT_TTL, UPDATE_APPLY, UPDATE_GET, updateStart, updateStatus } from './update-octets.ts';

export interface TargetSetupOptions {
  readonly store?: Store;
  readonly device?: TargetDevice;
  /** Largest block; default 12. */
  readonly maxBlockSizeLog?: number;
}

/** A Firmware Update Server under test, and a lower tester that sends it octets. */
export class TargetSetup extends Dialogue {
  readonly store: Store;
  readonly device: TargetDevice;
  /** Each phase that the server has told, and when. */
  readonly phases: { readonly phase: number; readonly at: number }[] = [];
  blob!: BlobServer;
  update!: FirmwareUpdateServer;

  readonly #maxBlockSizeLog: number;

  constructor({
    store = new MemoryStore(),
    device = new TargetDevice(),
    maxBlockSizeLog = 12,
  }: TargetSetupOptions = {}) {
    super();
    this.#maxBlockSizeLog = maxBlockSizeLog;
    this.store = store;
    this.device = device;
    this.#boot();
    this.update.start();
  }

  /** What the server has stored. */
  get stored(): string {
    return textOf(this.store, 'update/');
  }

  get content(): string {
    return toHex(this.device.content);
  }

  /** The phase is this, and an answer to Get says so, with all fields. */
  phaseIs(phase: number, fields: Parameters<typeof updateStatus>[2] = {}): void {
    assert.equal(this.update.phase, phase, 'Update Phase');
    this.exchange(UPDATE_GET, updateStatus(0, phase, fields), phase === 0 ? DEFAULT_TTL : (fields.ttl ?? TTL));
  }

  /** Moves the 80 octets, or others of the same size, by BLOB transfer. */
  transfer(data = DATA, id = ID): void {
    this.ask(START_PUSH.replace(ID, id));
    this.ask(blockStart(0));
    for (let i = 0; i < 8; i++) this.tell(chunkOf(data.slice(0, 128), i));
    this.ask(blockStart(1));
    for (let i = 0; i < 2; i++) this.tell(chunkOf(data.slice(128), i));
    this.clock.advance(500);
  }

  /** Brings a fresh server into a phase of the update of the tester settings. */
  bring(phase: number): this {
    if (phase === 0) return this;
    this.ask(updateStart());
    if (phase === 1) {
      this.ask(START_PUSH);
      this.clock.advance(60_000);
    }
    if (phase > 2) this.transfer();
    if (phase > 3) this.device.verified?.(phase !== 5);
    if (phase === 6) this.ask(UPDATE_APPLY);
    assert.equal(this.update.phase, phase, 'Update Phase that the case begins with');
    return this;
  }

  /** Power cut; `applied`: what the bootloader made of the image, told before the server starts. */
  reboot(applied?: boolean): void {
    this.blob.close();
    this.iut.close();
    this.#boot();
    if (applied !== undefined) this.update.applied(applied);
    this.update.start();
  }

  #boot(): void {
    this.blob = new BlobServer({
      clock: this.clock,
      store: storeView(this.store, 'blob/'),
      capabilities: { minBlockSizeLog: 6, maxBlockSizeLog: this.#maxBlockSizeLog, maxBlobSize: 5000 },
    });
    const update = new FirmwareUpdateServer({
      store: storeView(this.store, 'update/'),
      blob: this.blob,
      application: this.device,
    });
    this.update = update;
    update.phases.subscribe((phase) => {
      if (this.update === update) this.phases.push({ phase, at: this.clock.now });
    });
    this.iut = this.air.join(IUT, { models: [this.blob.model, update.model], store: this.store });
  }
}

export * from './update-octets.ts';
