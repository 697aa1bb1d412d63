import { type BlobCapabilities, BlobClient, BlobServer } from '@meshferry/blob';
import { type Clock, MemoryStore, type Store, storeView, type Timer } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { OobRetriever } from '../distribution-oob.ts';
import { FirmwareDistributionServer } from '../distribution-server.ts';
import type { FirmwareDistributionServerOptions } from '../distribution-server-options.ts';
import { withOwnImage } from '../own-image.ts';
import { type SlotLimits, SlotStore } from '../slot-store.ts';
import { FirmwareUpdateServer } from '../target.ts';
import { FirmwareUpdateClient } from '../update-client.ts';
import { Device, type DeviceTraits } from './device.ts';
import { type Mesh, Stack } from './mesh.ts';

export const DISTRIBUTOR = 0x0010;
/** Its second element, with a BLOB Transfer Server of its own: the Distributor as a Target. */
export const DISTRIBUTOR_SELF = 0x0011;

/** From its own Apply to its new stack, ms. */
const BOOT_MS = 2000;

/** What a Distributor of these tests is like. */
export interface DistributorTraits extends Pick<FirmwareDistributionServerOptions, 'maxReceivers' | 'resumeAtStart'> {
  readonly address?: number;
  /** Where it fetches images from by itself. */
  readonly archive?: (clock: Clock) => OobRetriever;
  readonly limits?: Partial<SlotLimits>;
  readonly capabilities?: Partial<BlobCapabilities>;
  /** It is a Target as well. */
  readonly self?: DeviceTraits;
}

/** A Distributor: a store, and whatever stack is powered at the moment. */
export class DistributorNode {
  store: Store;
  server!: FirmwareDistributionServer;
  slots!: SlotStore;
  updates!: FirmwareUpdateClient;
  /** Its own firmware, when it is a Target as well. */
  readonly self: Device | undefined;
  readonly phases: number[] = [];
  readonly uploadPhases: number[] = [];
  readonly #mesh: Mesh;
  readonly #traits: DistributorTraits;
  #stack!: Stack;
  #blobServers: BlobServer[] = [];
  #booting: Timer | undefined;
  #isDead = false;
  /** The bootloader is to run the image that was applied. */
  #mustBoot = false;
  /** What became of that, told at each power-on: the power may fail before it was heard. */
  #booted: boolean | undefined;

  constructor(mesh: Mesh, traits: DistributorTraits = {}) {
    this.#mesh = mesh;
    this.#traits = traits;
    this.store = new MemoryStore();
    if (traits.self !== undefined) {
      this.self = new Device(traits.self);
      this.self.restart = () => this.#restart();
    }
    this.powerOn();
  }

  /** `booted`: what the bootloader says of the image that it was to run; undefined when there was none. */
  powerOn(booted?: boolean): void {
    this.#isDead = false;
    const { store, self } = this;
    const { clock, random } = this.#mesh;
    const { address = DISTRIBUTOR, limits = {}, capabilities = {}, archive, self: _, ...traits } = this.#traits;
    const ground = { clock, random, crypto: portableCrypto };
    const blob = new BlobClient({ clock, random, store: storeView(store, 'blob-client/') });
    const blobServer = (name: string) =>
      new BlobServer({
        clock,
        store: storeView(store, name),
        capabilities: { maxBlockSizeLog: 8, ...capabilities },
      });
    const uploads = blobServer('blob-server/');
    this.updates = new FirmwareUpdateClient({ clock, random, blob, store: storeView(store, 'updates/') });
    this.slots = new SlotStore({ store: storeView(store, 'slots/'), crypto: portableCrypto, limits });
    this.server = new FirmwareDistributionServer({
      ...ground,
      ...traits,
      store: storeView(store, 'distribution/'),
      blob: uploads,
      updates: this.updates,
      slots: this.slots,
      isSelf: (receiver) => receiver === address || receiver === address + 1,
      ...(archive && { oob: archive(clock) }),
    });
    this.server.phases.subscribe((phase) => this.phases.push(phase));
    this.server.uploadPhases.subscribe((phase) => this.uploadPhases.push(phase));
    this.#blobServers = [uploads];
    const elements = [[blob.model, this.updates.model, uploads.model, this.server.model]];
    let own: FirmwareUpdateServer | undefined;
    if (self !== undefined) {
      const ownBlob = blobServer('own-blob/');
      own = new FirmwareUpdateServer({
        store: storeView(store, 'own-update/'),
        blob: ownBlob,
        application: withOwnImage(self, () => this.server.sending),
      });
      this.#blobServers.push(ownBlob);
      elements.push([ownBlob.model, own.model]);
    }
    this.#stack = new Stack(this.#mesh, this.#mesh.join(), address, store, elements);
    if (booted !== undefined) own?.applied(booted);
    own?.start();
    this.server.start();
  }

  /** The power fails: nothing that the old stack does from now on reaches the store or the air. */
  powerOff(): void {
    this.silence();
    const store = new MemoryStore();
    store.batch(this.store.keys('').map((key) => [key, this.store.get(key) ?? null]));
    this.store = store;
    this.phases.length = 0;
    this.uploadPhases.length = 0;
  }

  /** Nothing reaches the air any more. */
  silence(): void {
    this.#isDead = true;
    this.#booting?.cancel();
    this.#stack.network.close();
    for (const blobServer of this.#blobServers) blobServer.close();
  }

  /** The power fails and is back at once; a bootloader that has something to do does it. */
  powerCycle(store?: Store): void {
    this.powerOff();
    if (store !== undefined) this.store = store;
    this.#boot();
  }

  unbind(appIndex: number): void {
    this.updates.model.unbind(appIndex);
  }

  /** By itself, on the same store. */
  #restart(): void {
    if (this.#isDead) {
      // The power had failed before: it was never asked to.
      this.self?.calls.pop();
      return;
    }
    this.#mustBoot = true;
    this.server.close();
    this.silence();
    this.phases.length = 0;
    this.#booting = this.#mesh.clock.after(BOOT_MS, () => this.#boot());
  }

  #boot(): void {
    if (this.#mustBoot) this.#booted = this.self?.boot();
    this.#mustBoot = false;
    this.powerOn(this.#booted);
  }
}
