import { type MessageType, Model } from '@meshferry/access';
import { BlobBlockStart, BlobChunkTransfer, BlobServer, BlobTransferStart } from '@meshferry/blob';
import { fromHex, MemoryStore, MeshError, type Store, storeView, VirtualClock } from '@meshferry/core';
import { expect } from 'vitest';
import { Link } from '../../../access/src/testing/index.ts';
import {
  FirmwareUpdateApply,
  FirmwareUpdateFirmwareMetadataStatus,
  FirmwareUpdateGet,
  FirmwareUpdateInformationStatus,
  FirmwareUpdateStart,
  FirmwareUpdateStatus,
} from '../firmware-update-messages.ts';
import { FirmwareUpdateServer } from '../target.ts';
import { UpdateEffect, UpdatePhase } from '../update-codes.ts';
import { Device, type DeviceTraits, metadataOf } from './device.ts';
import { Socket } from './socket.ts';

export const NEW_ID: Uint8Array = Uint8Array.of(0x59, 0, 2);
export const IMAGE: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
export const START: FirmwareUpdateStart = {
  updateTtl: 3,
  updateTimeoutBase: 5,
  updateBlobId: 0x1100000000000011n,
  imageIndex: 0,
  metadata: metadataOf(IMAGE, NEW_ID),
};
export const OTHER_METADATA: Uint8Array = metadataOf(Uint8Array.of(9), NEW_ID, UpdateEffect.unprovisioned);

/** A server and the one that talks to it, message by message. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly link = new Link(this.clock);
  readonly store: Store = new MemoryStore();
  readonly device: Device;
  readonly answers: { value: unknown; ttl: number }[] = [];
  /** Answers are never acknowledged. */
  loseAnswer = false;
  server!: FirmwareUpdateServer;
  blob!: BlobServer;
  readonly #client = new Model({ id: 0x1403, name: 'raw client' });
  readonly #socket: Socket;

  constructor(traits: DeviceTraits = {}) {
    this.device = new Device({ moreImages: [{ firmwareId: fromHex('59000a') }], ...traits });
    this.#hear(FirmwareUpdateStatus);
    this.#hear(FirmwareUpdateInformationStatus);
    this.#hear(FirmwareUpdateFirmwareMetadataStatus);
    new Socket(this.clock, this.link, 1).powerOn(new MemoryStore(), [this.#client]);
    this.#socket = new Socket(this.clock, this.link, 2);
    this.powerOn();
  }

  /** A new stack on the stores of the old one. */
  powerOn(): void {
    this.blob?.close();
    this.blob = new BlobServer({
      clock: this.clock,
      store: storeView(this.store, 'blob/'),
      capabilities: { minBlockSizeLog: 6 },
    });
    const store = storeView(this.store, 'update/');
    this.server = new FirmwareUpdateServer({ store, blob: this.blob, application: this.device });
    this.#socket.powerOn(storeView(this.store, 'access/'), [this.blob.model, this.server.model]);
    this.server.start();
  }

  /** The answer to a message, or undefined for silence. */
  ask<T>(type: MessageType<T>, value: T): unknown {
    this.answers.length = 0;
    this.#client.send(type, value, { dst: 2, appIndex: 0 });
    // The message has arrived, its answer has not yet left.
    this.clock.advance(15);
    this.link.failure = this.loseAnswer ? new MeshError('segmented-timeout', 'never acknowledged') : undefined;
    this.clock.advance(185);
    this.link.failure = undefined;
    expect(this.answers.length).toBeLessThan(2);
    return this.answers[0]?.value;
  }

  /** The store refuses all writes of the update server while `run` runs. */
  withFullStore(run: () => void): void {
    const { batch } = this.store;
    this.store.batch = (writes) => {
      const all = Array.from(writes);
      if (all.some(([key]) => key.startsWith('update/'))) throw new MeshError('store-failed', 'disk full');
      batch.call(this.store, all);
    };
    run();
    this.store.batch = batch;
  }

  status<T>(type: MessageType<T>, value: T): FirmwareUpdateStatus {
    return this.ask(type, value) as FirmwareUpdateStatus;
  }

  start(change: Partial<FirmwareUpdateStart> = {}): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateStart, { ...START, ...change });
  }

  get(): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateGet, {});
  }

  apply(): FirmwareUpdateStatus {
    return this.status(FirmwareUpdateApply, {});
  }

  beginTransfer(blobSize: number = IMAGE.length): void {
    this.ask(BlobTransferStart, {
      transferMode: 'push',
      blobId: START.updateBlobId,
      blobSize,
      blockSizeLog: 6,
      clientMtuSize: 380,
    });
  }

  finishTransfer(): void {
    this.ask(BlobBlockStart, { blockNumber: 0, chunkSize: 8 });
    this.ask(BlobChunkTransfer, { chunkNumber: 0, data: IMAGE });
  }

  #hear<T>(type: MessageType<T>): void {
    this.#client.handle(type, (value, { ttl }) => this.answers.push({ value, ttl }));
  }
}

/** A bench whose server is in the phase, come to by messages. */
export function benchIn(phase: number, traits: DeviceTraits = {}): Bench {
  const held = phase === UpdatePhase.verifyingUpdate;
  const failing = phase === UpdatePhase.verificationFailed;
  const bench = new Bench({ ...traits, holdVerification: held, failVerification: failing });
  if (phase !== UpdatePhase.idle) bench.start();
  if (phase === UpdatePhase.transferError) {
    bench.beginTransfer();
    bench.clock.advance(60_000);
  } else if (phase > UpdatePhase.transferActive) {
    bench.beginTransfer();
    bench.finishTransfer();
  }
  if (phase === UpdatePhase.applyingUpdate) bench.apply();
  expect(bench.server.phase).toBe(phase);
  return bench;
}
