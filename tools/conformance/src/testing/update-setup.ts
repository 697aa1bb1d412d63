import assert from 'node:assert/strict';
import { BlobClient, sourceOf } from '@meshferry/blob';
import { fromHex, MemoryStore, type Store, storeView } from '@meshferry/core';
import { FirmwareUpdateClient, type Update, type UpdateEvent, type UpdateParameters } from '@meshferry/dfu';
import { Air, type Station } from './air.ts';
import { PeerTarget, type PeerTargetOptions } from './peer-target.ts';
import { BASE, BLOB_ID, DATA, TTL } from './settings.ts';
import { METADATA, NEW_ID } from './target-device.ts';

export const UPDATER = 0x0001;
export const FIRST_TARGET = 0x0101;

export interface UpdateSetupOptions {
  readonly seed?: number;
  readonly loss?: number;
  /** In the air of others. */
  readonly air?: Air;
  readonly address?: number;
  /** One for each scripted target. */
  readonly targets: readonly PeerTargetOptions[];
}

/** What the client told, and when. */
export type Told = UpdateEvent & { readonly at: number; readonly lost: number | undefined };

/** Parameters of an update whose image is hex. */
export type Start = Partial<UpdateParameters> & { readonly content?: string };

/** A Firmware Update Client under test, and scripted targets: whole updates, octet by octet. */
export class UpdateSetup {
  readonly air: Air;
  readonly targets: readonly PeerTarget[];
  readonly events: Told[] = [];
  readonly store: Store = new MemoryStore();
  client!: FirmwareUpdateClient;
  iut!: Station;
  run!: Update;
  readonly #address: number;

  constructor({ seed = 1, loss = 0, air = new Air({ seed, loss }), address = UPDATER, targets }: UpdateSetupOptions) {
    this.air = air;
    this.#address = address;
    this.boot();
    this.targets = targets.map((options, i) => new PeerTarget(this.air, FIRST_TARGET + i, options));
  }

  get clock(): Air['clock'] {
    return this.air.clock;
  }

  /** Starts with the tester settings: 80 octets "1", base 5, TTL 3, by unicast, push, applied at once. */
  start({ content = DATA, ...parameters }: Start = {}): void {
    const { client } = this;
    this.run = client.update(
      {
        receivers: this.targets.map(({ address }) => ({ address, imageIndex: 0 })),
        appIndex: 0,
        ttl: TTL,
        timeoutBase: BASE,
        mode: 'push',
        blobId: BLOB_ID,
        metadata: fromHex(METADATA),
        firmwareId: fromHex(NEW_ID),
        policy: 'apply',
        source: sourceOf(fromHex(content)),
        ...parameters,
      },
      // A process that has died tells nothing more.
      (event) => this.client === client && this.events.push(toldAt(this.clock.now, event)),
    );
  }

  /** Runs to the end, which is this. */
  ends(outcome: 'complete' | 'failed' | 'cancelled', maxSeconds = 5000): void {
    const done = (): UpdateEvent | undefined => this.events.find(({ type }) => type === 'done');
    this.air.until(() => done() !== undefined, maxSeconds, 'end of the update');
    const event = done();
    assert.equal(event?.type === 'done' && event.outcome, outcome);
  }

  /** Runs until the whole update is in this phase. */
  until(phase: Update['phase'], maxSeconds = 5000): void {
    this.air.until(() => this.run.phase === phase, maxSeconds, phase);
  }

  /** Status and phase of each receiver. */
  get results(): readonly string[] {
    return this.run.receivers.map(({ updateStatus, phase }) => `${updateStatus}/${phase}`);
  }

  /** When each receiver was told to have failed, ms. */
  get losses(): readonly (readonly number[])[] {
    return this.run.receivers.map(({ address }) =>
      this.events.filter(({ lost }) => lost === address).map(({ at }) => at),
    );
  }

  /** The phases of the whole update, in order. */
  get phases(): readonly string[] {
    return this.events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
  }

  /** Nothing goes out within this time, apart from the last copies of what had begun. */
  silentFor(seconds: number): void {
    this.clock.advance(2000);
    const heard = (): number => this.targets.reduce((sum, { blob }) => sum + blob.station.heard.length, 0);
    const before = heard();
    this.clock.advance(seconds * 1000);
    assert.equal(heard(), before, `messages within ${seconds} s of silence`);
  }

  /** The client's process dies. */
  kill(): void {
    this.iut.close();
  }

  /** A process starts on what the store holds. */
  boot(): void {
    const { clock } = this;
    const { random } = this.air;
    const blob = new BlobClient({ clock, random, store: storeView(this.store, 'blob/') });
    this.client = new FirmwareUpdateClient({ clock, random, blob, store: storeView(this.store, 'update/') });
    this.iut = this.air.join(this.#address, { models: [blob.model, this.client.model], store: this.store });
  }
}

/** `lost`: the address of a receiver that the event says has failed; the object lives on, only the moment counts. */
function toldAt(at: number, event: UpdateEvent): Told {
  const isLoss = event.type === 'receiver' && event.receiver.error !== undefined;
  return { ...event, at, lost: isLoss ? event.receiver.address : undefined };
}
