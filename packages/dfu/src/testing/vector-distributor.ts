import { BlobClient, BlobServer } from '@meshferry/blob';
import { fromHex, MemoryStore, storeView, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { joinModels, LeastRandom } from '../../../blob/src/testing/capture-client.ts';
import { receivedOf } from '../../../blob/src/testing/capture-peers.ts';
import { FirmwareDistributionClient } from '../distribution-client.ts';
import type { FirmwareDistributionStart } from '../distribution-messages.ts';
import { saveDistribution } from '../distribution-record.ts';
import { FirmwareDistributionServer } from '../distribution-server.ts';
import { ReceiversList } from '../receivers-list.ts';
import { SlotStore } from '../slot-store.ts';
import { FirmwareUpdateClient } from '../update-client.ts';

const INITIATOR = 0x0020;
export const DISTRIBUTOR = 0x0010;

/** As a Distributor with Zephyr's limits is found. */
export interface DistributorState {
  readonly phase?: number;
  /** Addresses in the receivers list, all with image 0. */
  readonly receivers?: readonly number[];
  /** Firmware IDs of stored images, as hex. */
  readonly images?: readonly string[];
  /** Images that there is room for. Default 1, or as many as there are. */
  readonly slots?: number;
}

const START: FirmwareDistributionStart = {
  appKeyIndex: 0,
  distributionTtl: 5,
  timeoutBase: 2,
  transferMode: 'push',
  updatePolicy: 'verifyOnly',
  imageIndex: 0,
  multicast: 0,
};

/** A Distributor in some state, told octets. AppKeys 0 and 2 are bound to all of its models. */
export class DistributorScene {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore();
  readonly #sent: string[] = [];
  readonly #tell: (hex: string) => void;

  constructor({ phase = 0, receivers = [], images = [], slots = Math.max(1, images.length) }: DistributorState = {}) {
    const { clock, store } = this;
    const random = new LeastRandom();
    const distribution = storeView(store, 'distribution/');
    if (phase !== 0) saveDistribution(distribution, { parameters: START, multicastAddress: 0, blobId: 9n, phase });
    new ReceiversList(storeView(distribution, 'receivers/'), 8).add(
      receivers.map((address) => ({ address, imageIndex: 0 })),
    );
    const limits = { images: slots, imageSize: 0x80000, space: 0x80000 };
    const slotStore = new SlotStore({ store: storeView(store, 'slots/'), crypto: portableCrypto, limits });
    for (const id of images) slotStore.add(fromHex(id), new Uint8Array(3), new Uint8Array(100));
    const blob = new BlobClient({ clock, random });
    const uploads = new BlobServer({ clock, store: storeView(store, 'blob/') });
    const updates = new FirmwareUpdateClient({ clock, random, blob });
    const server = new FirmwareDistributionServer({
      clock,
      random,
      crypto: portableCrypto,
      store: distribution,
      blob: uploads,
      updates,
      slots: slotStore,
      maxReceivers: 8,
    });
    const models = [blob.model, updates.model, uploads.model, server.model];
    const access = joinModels(clock, DISTRIBUTOR, models, {
      defaultTtl: 5,
      send: ({ dst, payload }, done) => {
        if (dst === INITIATOR) this.#sent.push(toHex(payload));
        clock.after(0, () => done?.());
        return () => {};
      },
    });
    for (const model of models) model.bind(2);
    this.#tell = (hex) => access.receive(receivedOf(INITIATOR, DISTRIBUTOR, 5, hex));
  }

  /** What it answers the one who says this. */
  say(hex: string): string[] {
    const from = this.#sent.length;
    this.#tell(hex);
    this.clock.advance(100);
    return this.#sent.slice(from);
  }

  get stored(): string[] {
    return this.store.keys('').map((key) => `${key} ${toHex(this.store.get(key) ?? new Uint8Array(0))}`);
  }
}

/** An Initiator's client, and a Distributor that says what a test lets it say. */
export class RequesterScene {
  readonly clock = new VirtualClock();
  readonly sent: string[] = [];
  readonly client: FirmwareDistributionClient;
  readonly #receive: (hex: string) => void;

  constructor() {
    const { clock } = this;
    const random = new LeastRandom();
    const blob = new BlobClient({ clock, random });
    this.client = new FirmwareDistributionClient({ clock, random, blob });
    const access = joinModels(clock, INITIATOR, [blob.model, this.client.model], {
      defaultTtl: 5,
      send: ({ payload }, done) => {
        this.sent.push(toHex(payload));
        clock.after(10, () => done?.());
        return () => {};
      },
    });
    this.#receive = (hex) => access.receive(receivedOf(DISTRIBUTOR, INITIATOR, 5, hex));
  }

  say(hex: string): void {
    this.clock.advance(100);
    this.#receive(hex);
    this.clock.advance(100);
  }
}
