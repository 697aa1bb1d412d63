import assert from 'node:assert/strict';
import { type BlobCapabilities, type BlobPullOptions, BlobServer, type BlobSink } from '@meshferry/blob';
import { MemoryStore, type Store, storeView, toHex } from '@meshferry/core';
import { Air, GROUP, type Heard, type Station } from './air.ts';

export const TESTER = 0x0001;
export const IUT = 0x0100;

/** The BLOB ID of the tester settings as it is sent, and the settings themselves: 80 octets "1", base 5, TTL 3. */
export const ID = '1100000000000011';
export const OTHER_ID = '1200000000000011';
export const BLOB_ID = 0x1100000000000011n;
export const BASE = 5;
export const TTL = 3;
export const DATA = '31'.repeat(80);

/** Transfer Start: 80 octets in blocks of 64, MTU 380. */
export const START_PUSH = `830140${ID}50000000067c01`;
export const START_PULL = `830180${ID}50000000067c01`;
export const TRANSFER_GET = '8300';
export const BLOCK_GET = '8305';
export const INFORMATION_GET = '8306';

/** `n` as two octets, least significant first. */
export function le16(n: number): string {
  return (n & 0xff).toString(16).padStart(2, '0') + (n >> 8).toString(16).padStart(2, '0');
}

export function le32(n: number): string {
  return le16(n % 65_536) + le16(Math.floor(n / 65_536));
}

/** Block Start. */
export function blockStart(number: number, chunkSize = 8): string {
  return `8304${le16(number)}${le16(chunkSize)}`;
}

/** Chunk Transfer with `length` octets "1". */
export function chunk(number: number, length = 8, octet = '31'): string {
  return `66${le16(number)}${octet.repeat(length)}`;
}

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
export class ServerSetup {
  readonly air = new Air();
  readonly tester: Station;
  readonly flash = new Flash();
  readonly store: Store;
  /** What the server told its higher model, and when. */
  readonly told: { readonly what: string; readonly at: number }[] = [];
  server!: BlobServer;
  iut!: Station;
  readonly #options: ServerSetupOptions;

  constructor(options: ServerSetupOptions = {}) {
    this.#options = options;
    this.store = options.store ?? new MemoryStore();
    this.tester = this.air.join(TESTER, {});
    this.#boot();
  }

  get clock(): Air['clock'] {
    return this.air.clock;
  }

  /** What the server has stored, as text: compared, never read. */
  get stored(): string {
    const view = storeView(this.store, 'blob/');
    return view
      .keys('')
      .map((key) => `${key}=${toHex(view.get(key) as Uint8Array)}`)
      .join(' ');
  }

  get content(): string {
    return toHex(this.flash.content);
  }

  expect(base = BASE, blobId = BLOB_ID): void {
    const error = this.server.expect(blobId, { ttl: TTL, timeoutBase: base, sink: this.flash, events: this.#events });
    if (error !== undefined) throw error;
  }

  /** Sends and gives what is answered within 1.5 s. */
  ask(hex: string, dst: number = IUT): readonly string[] {
    const from = this.tester.heard.length;
    this.tester.send(dst, hex);
    this.clock.advance(1500);
    return this.tester.heard.slice(from).map((message) => message.hex);
  }

  /** Sends; the answer is exactly this, or there is none. It comes from the server, to the tester, with the Transfer TTL. */
  exchange(hex: string, answer?: string): void {
    const from = this.tester.heard.length;
    const answers = this.ask(hex);
    assert.deepEqual(answers, answer === undefined ? [] : [answer], `answer to ${hex.slice(0, 16)}`);
    for (const { src, dst } of this.tester.heard.slice(from)) assert.deepEqual([src, dst], [IUT, TESTER]);
  }

  /** Sends; gives the time at which the server received it. */
  tell(hex: string, dst: number = IUT): number {
    const from = this.iut.heard.length;
    this.tester.send(dst, hex);
    this.air.until(() => this.iut.heard.length > from, 10, `reception of ${hex.slice(0, 12)}`);
    return this.lastHeard;
  }

  /** Chunks that are received, in this order. */
  chunks(...numbers: number[]): void {
    for (const number of numbers) this.tell(chunk(number));
  }

  /** When the server received the last message. */
  get lastHeard(): number {
    return (this.iut.heard.at(-1) as Heard).at;
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

export { GROUP };
