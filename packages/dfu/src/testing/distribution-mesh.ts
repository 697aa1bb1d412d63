import { BlobClient, sourceOf } from '@meshferry/blob';
import { type Cancel, MemoryStore, type MeshError, type Result } from '@meshferry/core';
import { FirmwareDistributionClient } from '../distribution-client.ts';
import {
  applyDistribution,
  cancelDistribution,
  fillReceivers,
  startDistribution,
  suspendDistribution,
} from '../distribution-initiator.ts';
import {
  type FirmwareUpload,
  type FirmwareUploadEvent,
  type UploadedFirmware,
  uploadFirmware,
} from '../distribution-initiator-upload.ts';
import type { FirmwareDistributionStart, FirmwareDistributionStatus } from '../distribution-messages.ts';
import { type WatchEvent, watchDistribution } from '../distribution-watch.ts';
import { metadataOf } from './device.ts';
import { DISTRIBUTOR, DISTRIBUTOR_SELF, DistributorNode, type DistributorTraits } from './distributor-node.ts';
import { IMAGE, Mesh, NEW_ID, Stack, type TargetTraits } from './mesh.ts';

export const INITIATOR = 0x0020;

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

  /** The Distributor itself first, when it is a Target as well: it is updated last all the same. */
  get receivers(): number[] {
    const { self } = this.distributor;
    return [...(self === undefined ? [] : [DISTRIBUTOR_SELF]), ...this.mesh.targets.map(({ address }) => address)];
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
    const receivers = this.receivers.map((address) => ({ address, imageIndex: 0 }));
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

  apply(): FirmwareDistributionStatus {
    return this.ask((done) => applyDistribution(this.initiator.client, TO, done));
  }

  /** Lets time pass until it is Idle. */
  cancel(): FirmwareDistributionStatus {
    return this.ask((done) => cancelDistribution(this.initiator.client, TO, done));
  }

  suspend(): FirmwareDistributionStatus {
    return this.ask((done) => suspendDistribution(this.initiator.client, TO, done));
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
