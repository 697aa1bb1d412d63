import { type BlobCapabilities, BlobClient, BlobServer, sourceOf } from '@meshferry/blob';
import {
  type Cancel,
  type Clock,
  MemoryStore,
  type MeshError,
  type Result,
  type Store,
  storeView,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { FirmwareDistributionClient } from '../distribution-client.ts';
import { fillReceivers, startDistribution } from '../distribution-initiator.ts';
import {
  type FirmwareUpload,
  type FirmwareUploadEvent,
  type UploadedFirmware,
  uploadFirmware,
} from '../distribution-initiator-upload.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from '../distribution-messages.ts';
import type { OobRetriever } from '../distribution-oob.ts';
import { FirmwareDistributionServer } from '../distribution-server.ts';
import type { FirmwareDistributionServerOptions } from '../distribution-server-options.ts';
import { type WatchEvent, watchDistribution } from '../distribution-watch.ts';
import { type SlotLimits, SlotStore } from '../slot-store.ts';
import { FirmwareUpdateClient } from '../update-client.ts';
import { metadataOf } from './device.ts';
import { IMAGE, Mesh, NEW_ID, Stack, type TargetTraits } from './mesh.ts';

export const DISTRIBUTOR = 0x0010;
export const INITIATOR = 0x0020;

/** What a Distributor of these tests is like. */
export interface DistributorTraits extends Pick<FirmwareDistributionServerOptions, 'maxReceivers' | 'resumeAtStart'> {
  /** Where it fetches images from by itself. */
  readonly archive?: (clock: Clock) => OobRetriever;
  readonly limits?: Partial<SlotLimits>;
  readonly capabilities?: Partial<BlobCapabilities>;
}

/** A Distributor: a store, and whatever stack is powered at the moment. */
export class DistributorNode {
  store: Store;
  server!: FirmwareDistributionServer;
  slots!: SlotStore;
  updates!: FirmwareUpdateClient;
  readonly phases: number[] = [];
  readonly uploadPhases: number[] = [];
  readonly #mesh: Mesh;
  readonly #traits: DistributorTraits;
  #stack!: Stack;
  #uploads!: BlobServer;

  constructor(mesh: Mesh, traits: DistributorTraits = {}) {
    this.#mesh = mesh;
    this.#traits = traits;
    this.store = new MemoryStore();
    this.powerOn();
  }

  powerOn(): void {
    const { store } = this;
    const { clock, random } = this.#mesh;
    const { limits = {}, capabilities = {}, archive, ...traits } = this.#traits;
    const ground = { clock, random, crypto: portableCrypto };
    const blob = new BlobClient({ clock, random, store: storeView(store, 'blob-client/') });
    this.#uploads = new BlobServer({
      clock,
      store: storeView(store, 'blob-server/'),
      capabilities: { maxBlockSizeLog: 8, ...capabilities },
    });
    this.updates = new FirmwareUpdateClient({ clock, random, blob, store: storeView(store, 'updates/') });
    this.slots = new SlotStore({ store: storeView(store, 'slots/'), crypto: portableCrypto, limits });
    this.server = new FirmwareDistributionServer({
      ...ground,
      ...traits,
      store: storeView(store, 'distribution/'),
      blob: this.#uploads,
      updates: this.updates,
      slots: this.slots,
      ...(archive && { oob: archive(clock) }),
    });
    this.server.phases.subscribe((phase) => this.phases.push(phase));
    this.server.uploadPhases.subscribe((phase) => this.uploadPhases.push(phase));
    const models = [blob.model, this.updates.model, this.#uploads.model, this.server.model];
    this.#stack = new Stack(this.#mesh, this.#mesh.join(), DISTRIBUTOR, store, [models]);
    this.server.start();
  }

  /** The power fails: nothing that the old stack does from now on reaches the store or the air. */
  powerOff(): void {
    this.#stack.network.close();
    this.#uploads.close();
    const store = new MemoryStore();
    store.batch(this.store.keys('').map((key) => [key, this.store.get(key) ?? null]));
    this.store = store;
    this.phases.length = 0;
    this.uploadPhases.length = 0;
  }

  unbind(appIndex: number): void {
    this.updates.model.unbind(appIndex);
  }
}

/** An Initiator's node. */
export class InitiatorNode {
  readonly client: FirmwareDistributionClient;
  readonly #mesh: Mesh;
  readonly #stack: Stack;

  constructor(mesh: Mesh, address: number = INITIATOR) {
    const { clock, random } = mesh;
    this.#mesh = mesh;
    const blob = new BlobClient({ clock, random });
    this.client = new FirmwareDistributionClient({ clock, random, blob });
    this.#stack = new Stack(mesh, mesh.join(), address, new MemoryStore(), [[blob.model, this.client.model]]);
  }

  powerOff(): void {
    this.#stack.network.close();
  }

  /** Lets time pass until a request is answered. */
  outcome<T>(ask: (done: (outcome: Result<T, MeshError>) => void) => void): Result<T, MeshError> {
    const answers: Result<T, MeshError>[] = [];
    ask((answer) => answers.push(answer));
    runUntil(this.#mesh, () => answers.length > 0);
    return answers[0] as Result<T, MeshError>;
  }

  /** The same; throws the error. */
  answer<T>(ask: (done: (outcome: Result<T, MeshError>) => void) => void): T {
    const outcome = this.outcome(ask);
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }
}

/** Lets time pass until something is so; an hour at most. */
export function runUntil(mesh: Mesh, isSo: () => boolean): void {
  const end = mesh.clock.now + 3_600_000;
  while (!isSo()) {
    if (mesh.clock.now > end || !mesh.clock.step()) throw new Error('nothing of the kind within an hour');
  }
}

export const TO = { address: DISTRIBUTOR, appIndex: 0 };

export function uploadOf(image: Uint8Array = IMAGE, firmwareId: Uint8Array = NEW_ID): FirmwareUpload {
  return { to: TO, firmwareId, metadata: metadataOf(image, firmwareId), source: sourceOf(image), timeoutBase: 2 };
}

export function startOf(parameters: Partial<FirmwareDistributionStart> = {}): FirmwareDistributionStart {
  return {
    appKeyIndex: 0,
    distributionTtl: 5,
    timeoutBase: 2,
    transferMode: 'push',
    updatePolicy: 'verifyAndApply',
    imageIndex: 0,
    multicast: 0,
    ...parameters,
  };
}

/** An Initiator, a Distributor and some Targets in one air. */
export class Scene {
  readonly mesh: Mesh;
  readonly distributor: DistributorNode;
  readonly initiator: InitiatorNode;
  readonly uploadEvents: FirmwareUploadEvent[] = [];

  constructor(targets: readonly TargetTraits[] = [{}, {}, {}], traits: DistributorTraits & { loss?: number } = {}) {
    const { loss = 0, ...rest } = traits;
    this.mesh = new Mesh(targets, { loss });
    this.distributor = new DistributorNode(this.mesh, rest);
    this.initiator = new InitiatorNode(this.mesh);
  }

  get phase(): number {
    return this.distributor.server.phase;
  }

  /** Starts an upload; the result tells what became of it. */
  upload(changes: Partial<FirmwareUpload> = {}, by: InitiatorNode = this.initiator): Cancel {
    return uploadFirmware(by.client, { ...uploadOf(), ...changes }, (event) => this.uploadEvents.push(event));
  }

  /** Lets time pass until the upload has ended. */
  uploaded(): Result<UploadedFirmware, MeshError> {
    const last = () => this.uploadEvents.at(-1);
    runUntil(this.mesh, () => last()?.type === 'done');
    const event = last();
    this.uploadEvents.length = 0;
    if (event?.type !== 'done') throw new Error('no end');
    return event.outcome;
  }

  /** Image on the Distributor, receivers in its list. */
  prepare(): void {
    this.upload();
    const outcome = this.uploaded();
    if (!outcome.ok) throw outcome.error;
    this.fill();
  }

  fill(): void {
    const receivers = this.mesh.targets.map(({ address }) => ({ address, imageIndex: 0 }));
    this.initiator.answer<number>((done) => fillReceivers(this.initiator.client, TO, receivers, {}, done));
  }

  start(parameters: Partial<FirmwareDistributionStart> = {}): FirmwareDistributionStatus {
    return this.ask((done) => startDistribution(this.initiator.client, TO, startOf(parameters), done));
  }

  /** What a request or a procedure ended with; throws its error. */
  ask(
    request: (done: (outcome: Result<FirmwareDistributionStatus, MeshError>) => void) => void,
  ): FirmwareDistributionStatus {
    return this.initiator.answer(request);
  }

  until(phase: number): void {
    runUntil(this.mesh, () => this.phase === phase);
  }

  /** Watches to the end. */
  watch(): WatchEvent[] {
    const events: WatchEvent[] = [];
    watchDistribution(this.initiator.client, TO, {}, (event) => events.push(event));
    runUntil(this.mesh, () => ['ended', 'lost'].includes(events.at(-1)?.type ?? ''));
    return events;
  }

  get receiverPhases(): number[] {
    return this.distributor.server.receivers.map(({ retrievedUpdatePhase }) => retrievedUpdatePhase);
  }
}
