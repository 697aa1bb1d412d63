import assert from 'node:assert/strict';
import { BlobClient, BlobServer } from '@meshferry/blob';
import { type Clock, fromHex, MemoryStore, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  FirmwareDistributionServer,
  type FirmwareDistributionServerOptions,
  FirmwareUpdateClient,
  FirmwareUpdateServer,
  type OobRetriever,
  type SlotLimits,
  SlotStore,
  type TargetApplication,
  withOwnImage,
} from '@meshferry/dfu';
import { Dialogue } from './dialogue.ts';
import {
  DISTRIBUTION_CANCEL,
  DISTRIBUTION_GET,
  type DistributionFields,
  distributionStart,
  distributionStatus,
  receiversAdd,
  receiversStatus,
  SUSPEND,
} from './distributor-octets.ts';
import { PeerTarget, type PeerTargetOptions } from './peer-target.ts';
import { DATA, IUT } from './settings.ts';
import { METADATA, NEW_ID, OTHER_METADATA } from './target-device.ts';

export const FIRST_RECEIVER = 0x0201;
/** A second image, with another size. */
export const OTHER_FIRMWARE_ID = '110000220000';
export const OTHER_DATA = '32'.repeat(100);

export interface DistributorSetupOptions
  extends Partial<
    Omit<
      FirmwareDistributionServerOptions,
      'clock' | 'random' | 'crypto' | 'store' | 'blob' | 'updates' | 'slots' | 'oob'
    >
  > {
  /** How it fetches images by itself; it may need the clock. */
  readonly oob?: OobRetriever | ((clock: Clock) => OobRetriever);
  readonly seed?: number;
  readonly loss?: number;
  readonly targets?: readonly PeerTargetOptions[];
  readonly limits?: Partial<SlotLimits>;
  /** The node is a Target itself, on its second element. */
  readonly self?: TargetApplication;
  readonly store?: MemoryStore;
}

/** The element of {@link DistributorSetupOptions.self}. */
export const SELF = IUT + 1;

/** A Firmware Distribution Server under test, scripted targets, and a lower tester that sends it octets. */
export class DistributorSetup extends Dialogue {
  readonly targets: readonly PeerTarget[];
  /** Each phase that the server has told, and when. */
  readonly phases: { readonly phase: number; readonly at: number }[] = [];
  store: MemoryStore;
  server!: FirmwareDistributionServer;
  slots!: SlotStore;
  updates!: FirmwareUpdateClient;
  blob!: BlobServer;
  /** Its own Update Server, and that one's BLOB Transfer Server. */
  self: { readonly update: FirmwareUpdateServer; readonly blob: BlobServer } | undefined;
  readonly #options: DistributorSetupOptions;

  constructor(options: DistributorSetupOptions = {}) {
    super(options.seed, options.loss);
    this.#options = options;
    this.store = options.store ?? new MemoryStore();
    this.targets = (options.targets ?? []).map((target, i) => new PeerTarget(this.air, FIRST_RECEIVER + i, target));
    this.#boot();
  }

  /** The image of the tester settings in slot 0, another one in slot 1. */
  withImages(): this {
    this.slots.add(fromHex(NEW_ID), fromHex(METADATA), fromHex(DATA));
    this.slots.add(fromHex(OTHER_FIRMWARE_ID), fromHex(OTHER_METADATA), fromHex(OTHER_DATA));
    return this;
  }

  /** All scripted targets in the receivers list. */
  withReceivers(): this {
    const addresses = this.targets.map(({ address }) => address);
    this.exchange(receiversAdd(...addresses), receiversStatus(0, addresses.length));
    return this;
  }

  /** Images, receivers, and a distribution that begins. */
  start(fields: DistributionFields = {}): this {
    this.withImages().withReceivers();
    this.exchange(distributionStart(fields), distributionStatus(0, 1, fields));
    return this;
  }

  /** Runs until the Distribution Phase is this. */
  until(phase: number, maxSeconds = 5000): void {
    this.air.until(() => this.server.phase === phase, maxSeconds, `Distribution Phase ${phase}`);
  }

  /** The phase is this, and an answer to Get says so, with all fields. */
  phaseIs(phase: number, fields: DistributionFields = {}): void {
    this.exchange(DISTRIBUTION_GET, distributionStatus(0, phase, fields));
    assert.equal(this.server.phase, phase, 'Distribution Phase');
  }

  /**
   * A server in a phase, with one target in its list; what moves, moves so slowly that the phase stays for many seconds.
   * From then on the target lets a transfer begin, but hears no Block Start.
   */
  static inPhase(
    phase: number,
    fields: DistributionFields = {},
    options: DistributorSetupOptions = {},
  ): DistributorSetup {
    const targets = [
      { refuses: phase === 5 ? 5 : undefined, holdsApply: phase === 2 || phase === 3 } as PeerTargetOptions,
    ];
    const setup = new DistributorSetup({ targets, ...options });
    const [target] = setup.targets as [PeerTarget];
    if (phase === 0) setup.withImages().withReceivers();
    else setup.#bring(phase, target, fields);
    target.refuses = undefined;
    target.ignores = phase === 6 ? '830e' : '8304';
    assert.equal(setup.server.phase, phase, 'Distribution Phase that the case begins with');
    return setup;
  }

  #bring(phase: number, target: PeerTarget, fields: DistributionFields): void {
    if (phase === 1 || phase === 6 || phase === 7) target.ignores = '8304';
    this.start(fields);
    if (phase === 2 || phase === 3 || phase === 4 || phase === 5) this.until(phase);
    else this.air.until(() => target.heard('8304').length > 0, 100, 'Block Start');
    // What has begun to be sent is through.
    this.clock.advance(3000);
    if (phase === 6) {
      target.ignores = '830e';
      this.ask(DISTRIBUTION_CANCEL);
    }
    if (phase === 7) this.ask(SUSPEND);
  }

  /** Power cut: nothing that the old process does from now on reaches the store or the air. */
  powerOff(): void {
    this.iut.close();
    this.server.close();
    this.blob.close();
    this.self?.blob.close();
    const { store } = this;
    this.store = this.#options.store === undefined ? new MemoryStore() : this.store;
    if (this.store !== store) this.store.batch(store.keys('').map((key) => [key, store.get(key) ?? null]));
  }

  /** Power cut; `applied`: what the bootloader made of the node's own image, told before anything starts. */
  reboot(applied?: boolean): void {
    this.powerOff();
    this.#boot(applied);
  }

  #boot(applied?: boolean): void {
    const { seed, loss, targets, limits, self, oob, store: _, ...options } = this.#options;
    const { clock, store } = this;
    const ground = { clock, random: this.air.random, crypto: portableCrypto };
    const client = new BlobClient({ ...ground, store: storeView(store, 'blob-client/') });
    this.blob = new BlobServer({
      clock,
      store: storeView(store, 'blob/'),
      capabilities: { minBlockSizeLog: 6, maxBlockSizeLog: 12, maxBlobSize: 5000 },
    });
    const updates = new FirmwareUpdateClient({ ...ground, blob: client, store: storeView(store, 'updates/') });
    this.updates = updates;
    this.slots = new SlotStore({
      store: storeView(store, 'slots/'),
      crypto: portableCrypto,
      limits: { images: 4, imageSize: 4000, space: 8000, ...limits },
    });
    const server = new FirmwareDistributionServer({
      ...ground,
      store: storeView(store, 'distribution/'),
      blob: this.blob,
      updates,
      slots: this.slots,
      maxReceivers: 1000,
      isSelf: (address) => address === IUT || address === SELF,
      ...(oob === undefined ? {} : { oob: typeof oob === 'function' ? oob(clock) : oob }),
      ...options,
    });
    this.server = server;
    server.phases.subscribe((phase) => {
      if (this.server === server) this.phases.push({ phase, at: clock.now });
    });
    this.self = self && this.#itself(withOwnImage(self, () => server.sending));
    this.iut = this.air.join(IUT, {
      models: [client.model, updates.model, this.blob.model, server.model],
      secondElement: this.self === undefined ? [] : [this.self.blob.model, this.self.update.model],
      appKeys: [1],
      store,
    });
    if (applied !== undefined) this.self?.update.applied(applied);
    this.self?.update.start();
    server.start();
  }

  #itself(application: TargetApplication): NonNullable<DistributorSetup['self']> {
    const { clock, store } = this;
    const blob = new BlobServer({ clock, store: storeView(store, 'self-blob/') });
    const update = new FirmwareUpdateServer({ store: storeView(store, 'self-update/'), blob, application });
    return { blob, update };
  }
}

export * from './distributor-octets.ts';
