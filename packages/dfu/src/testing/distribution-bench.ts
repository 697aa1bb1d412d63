import { AccessLayer, type MessageType, Model } from '@meshferry/access';
import { BlobClient, BlobServer } from '@meshferry/blob';
import { type Clock, fromHex, MemoryStore, SeededRandom, type Store, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { Link } from '../../../access/src/testing/index.ts';
import {
  FirmwareDistributionFirmwareStatus,
  FirmwareDistributionUploadStatus,
} from '../distribution-image-messages.ts';
import {
  FirmwareDistributionCapabilitiesStatus,
  type FirmwareDistributionStart,
  FirmwareDistributionStatus,
} from '../distribution-messages.ts';
import type { OobRetriever } from '../distribution-oob.ts';
import {
  type AddedReceiver,
  FirmwareDistributionReceiversList,
  FirmwareDistributionReceiversStatus,
} from '../distribution-receivers-messages.ts';
import { saveDistribution } from '../distribution-record.ts';
import { FirmwareDistributionServer } from '../distribution-server.ts';
import { ReceiversList } from '../receivers-list.ts';
import { type SlotLimits, SlotStore } from '../slot-store.ts';
import { FirmwareUpdateClient } from '../update-client.ts';

/** In what state a Distributor is found. */
export interface BenchState {
  readonly phase?: number;
  readonly start?: FirmwareDistributionStart;
  readonly receivers?: readonly AddedReceiver[];
  /** Firmware IDs of stored images, as hex; each image has 100 octets. */
  readonly images?: readonly string[];
  readonly limits?: Partial<SlotLimits>;
  readonly maxReceivers?: number;
  /** Where it fetches images from by itself. */
  readonly oob?: (clock: Clock) => OobRetriever;
  /** What it stands on besides: the same for two benches, it has been switched off and on. */
  readonly store?: Store;
}

const STATUSES = [
  FirmwareDistributionStatus,
  FirmwareDistributionReceiversStatus,
  FirmwareDistributionReceiversList,
  FirmwareDistributionCapabilitiesStatus,
  FirmwareDistributionUploadStatus,
  FirmwareDistributionFirmwareStatus,
] as readonly MessageType<unknown>[];

/** A Distributor in a given state, and somebody who sends it single messages: two access layers, joined by a link. */
export class Bench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly link: Link = new Link(this.clock);
  readonly server: FirmwareDistributionServer;
  readonly slots: SlotStore;
  readonly #answers: unknown[] = [];
  readonly #asker: Model;

  constructor(state: BenchState = {}) {
    const { clock } = this;
    const random = new SeededRandom('bench');
    const { store = new MemoryStore() } = state;
    const distribution = storeView(store, 'distribution/');
    if (state.phase !== undefined && state.phase !== 0 && state.start !== undefined) {
      const record = { parameters: state.start, multicastAddress: 0, blobId: 9n, phase: state.phase };
      saveDistribution(distribution, record);
    }
    if (state.receivers !== undefined)
      new ReceiversList(storeView(distribution, 'receivers/'), 65_000).add(state.receivers);
    this.slots = new SlotStore({
      store: storeView(store, 'slots/'),
      crypto: portableCrypto,
      ...(state.limits === undefined ? {} : { limits: state.limits }),
    });
    for (const id of state.images ?? []) this.slots.add(fromHex(id), new Uint8Array(3), new Uint8Array(100));
    const blob = new BlobClient({ clock, random });
    const uploads = new BlobServer({ clock, store: storeView(store, 'blob/') });
    const updates = new FirmwareUpdateClient({ clock, random, blob });
    this.server = new FirmwareDistributionServer({
      clock,
      random,
      crypto: portableCrypto,
      store: distribution,
      blob: uploads,
      updates,
      slots: this.slots,
      ...(state.maxReceivers === undefined ? {} : { maxReceivers: state.maxReceivers }),
      ...(state.oob === undefined ? {} : { oob: state.oob(clock) }),
    });
    this.#join(0x0010, [blob.model, updates.model, uploads.model, this.server.model]);
    this.#asker = new Model({ id: 0x1405, name: 'Asker' });
    for (const type of STATUSES) this.#asker.handle(type, (value) => this.#answers.push(value));
    this.#join(0x0020, [this.#asker]);
  }

  /** All that comes back within a second. */
  ask<T>(type: MessageType<T>, value: T): Record<string, unknown>[] {
    this.#answers.length = 0;
    this.#asker.send(type, value, { dst: 0x0010, appIndex: 0 });
    return this.wait(1000);
  }

  /** All that has come back since the last question, after so many ms more. */
  wait(ms: number): Record<string, unknown>[] {
    this.clock.advance(ms);
    return [...this.#answers] as Record<string, unknown>[];
  }

  /** The same for octets as they stand. */
  askHex(hex: string): Record<string, unknown>[] {
    const octets = fromHex(hex);
    const raw = { name: 'raw', opcode: 0, encode: () => octets } as unknown as MessageType<undefined>;
    return this.ask(raw, undefined);
  }

  #join(address: number, models: readonly Model[]): void {
    const access = new AccessLayer({
      clock: this.clock,
      random: new SeededRandom(address),
      crypto: portableCrypto,
      store: new MemoryStore(),
      address,
      identity: { cid: 0x59, pid: 0, vid: 0, crpl: 10, features: 0 },
    });
    access.addElement(0, models);
    access.connect(this.link.join(access));
    for (const model of models) model.bind(0);
  }
}
