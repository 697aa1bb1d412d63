import assert from 'node:assert/strict';
import { type BlobCapabilities, type BlobPullOptions, BlobServer, type BlobSink } from '@meshferry/blob';
import { MemoryStore, type Store, storeView, toHex } from '@meshferry/core';
import { GROUP, type Heard } from './air.ts';
import { Dialogue, textOf } from './dialogue.ts';
import { BASE, BLOB_ID, blockStart, chunk, IUT, START_PUSH, TTL } from './settings.ts';

/** Flash of the server under test: outlives its power cuts. */
class Flash implements BlobSink {
  content = new Uint8Array(0);
  readonly writes: number[] = [];
  refusals = 0;
  room = true;

  begin(_blobId: bigint, size: number): boolean {
    if (!this.room) return false;
    this.content = new Uint8Array(size);
    return true;
  }

  block(offset: number, data: Uint8Array): boolean {
    if (this.refusals > 0) {
      this.refusals--;
      return false;
    }
    this.content.set(data, offset);
    this.writes.push(offset);
    return true;
  }
}

export interface ServerSetupOptions {
  readonly capabilities?: Partial<BlobCapabilities>;
  readonly pull?: BlobPullOptions;
  readonly store?: Store;
}

/** A BLOB Transfer Server under test and a lower tester that sends it octets: two nodes in one air. */
export class ServerSetup extends Dialogue {
  readonly flash = new Flash();
  readonly store: Store;
  /** What the server told its higher model, and when. */
  readonly told: { readonly what: string; readonly at: number }[] = [];
  server!: BlobServer;
  readonly #options: ServerSetupOptions;

  constructor(options: ServerSetupOptions = {}) {
    super();
    this.#options = options;
    this.store = options.store ?? new MemoryStore();
    this.#boot();
  }

  /** What the server has stored, as text: compared, never read. */
  get stored(): string {
    return textOf(this.store, 'blob/');
  }

  get content(): string {
    return toHex(this.flash.content);
  }

  expect(base = BASE, blobId = BLOB_ID): void {
    const error = this.server.expect(blobId, { ttl: TTL, timeoutBase: base, sink: this.flash, events: this.#events });
    if (error !== undefined) throw error;
  }

  /** Chunks that are received, in this order. */
  chunks(...numbers: number[]): void {
    for (const number of numbers) this.tell(chunk(number));
  }

  /** Partial Block Reports that the tester hears within this time: octets, and when. */
  reports(ms: number): readonly Heard[] {
    const from = this.tester.heard.length;
    this.clock.advance(ms);
    return this.tester.heard.slice(from).filter(({ hex }) => hex.startsWith('68'));
  }

  phaseIs(phase: number): void {
    assert.equal(this.server.phase, phase, 'Transfer Phase');
  }

  /** The server suspends at `at` ± 0.1 s, not earlier. */
  suspendsAt(at: number): void {
    this.clock.advance(Math.max(0, at - 100 - this.clock.now));
    assert.notEqual(this.server.phase, 5, 'suspended too early');
    this.clock.advance(200);
    this.phaseIs(5);
  }

  /** Brings a fresh server into a phase of the transfer of 80 octets in two blocks, in push mode. */
  bring(phase: number, start = START_PUSH): this {
    if (phase === 0) return this;
    this.expect();
    if (phase === 1) return this;
    this.ask(start);
    if (phase === 5) this.clock.advance(60_000);
    if (phase === 3 || phase === 4) this.ask(blockStart(0));
    if (phase === 4) {
      this.chunks(0, 1, 2, 3, 4, 5, 6, 7);
      this.ask(blockStart(1));
      this.chunks(0, 1);
      this.clock.advance(500);
    }
    this.phaseIs(phase);
    return this;
  }

  /** Power cut; true when the server takes its transfer up again. */
  reboot(): boolean {
    this.server.close();
    this.iut.close();
    this.#boot();
    return this.server.recover(this.flash, this.#events);
  }

  readonly #events = {
    started: () => this.#tell('started'),
    complete: () => this.#tell('complete'),
    suspended: () => this.#tell('suspended'),
    resumed: () => this.#tell('resumed'),
    failed: () => this.#tell('failed'),
  };

  #tell(what: string): void {
    this.told.push({ what, at: this.clock.now });
  }

  #boot(): void {
    const { pull, capabilities } = this.#options;
    this.server = new BlobServer({
      clock: this.clock,
      store: storeView(this.store, 'blob/'),
      capabilities: { minBlockSizeLog: 6, maxBlockSizeLog: 12, maxBlobSize: 5000, ...capabilities },
      ...(pull === undefined ? {} : { pull }),
    });
    this.iut = this.air.join(IUT, { models: [this.server.model], store: this.store });
  }
}

export * from './settings.ts';
export { GROUP };
