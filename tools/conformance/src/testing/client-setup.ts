import assert from 'node:assert/strict';
import {
  BlobClient,
  type BlobEvent,
  type BlobTargetState,
  type BlobTransfer,
  type BlobTransferParameters,
  sourceOf,
} from '@meshferry/blob';
import { fromHex, MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { Air, GROUP, type Heard, type Station } from './air.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { BLOB_ID, DATA } from './server-setup.ts';

export const CLIENT = 0x0001;
export const FIRST_SERVER = 0x0002;

export interface ClientSetupOptions {
  readonly seed?: number;
  readonly loss?: number;
  /** One for each lower tester. */
  readonly servers: readonly PeerServerOptions[];
}

/** A BLOB Transfer Client under test, and lower testers that answer it as servers, octet by octet. */
export class ClientSetup {
  readonly air: Air;
  readonly servers: readonly PeerServer[];
  readonly events: (BlobEvent & { readonly at: number })[] = [];
  readonly store = new MemoryStore();
  client!: BlobClient;
  iut!: Station;
  transfer!: BlobTransfer;

  constructor({ seed = 1, loss = 0, servers }: ClientSetupOptions) {
    this.air = new Air({ seed, loss });
    this.#boot();
    this.servers = servers.map((options, i) => new PeerServer(this.air, FIRST_SERVER + i, options));
  }

  get clock(): Air['clock'] {
    return this.air.clock;
  }

  /** Starts with the tester settings: 80 octets "1", base 5, TTL 3, by unicast, push. */
  start(options: Partial<BlobTransferParameters> & { readonly content?: string } = {}): void {
    const { content = DATA, ...parameters } = options;
    const { client } = this;
    this.transfer = client.start(
      {
        blobId: BLOB_ID,
        source: sourceOf(fromHex(content)),
        receivers: this.servers.map(({ address }) => ({ address })),
        appIndex: 0,
        ttl: 3,
        timeoutBase: 5,
        mode: 'push',
        ...parameters,
      },
      // A process that has died tells nothing more.
      (event) => this.client === client && this.events.push({ ...event, at: this.clock.now }),
    );
  }

  /** Runs until the transfer has ended or is suspended; gives the event. */
  run(maxSeconds = 5000): BlobEvent & { readonly at: number } {
    const from = this.events.length;
    const end = (): (BlobEvent & { readonly at: number }) | undefined =>
      this.events.slice(from).find(({ type }) => type === 'done' || type === 'suspended');
    this.air.until(() => end() !== undefined, maxSeconds, 'end of the transfer');
    return end()!;
  }

  /** Runs to the end, which is this. */
  ends(outcome: 'complete' | 'failed' | 'cancelled' | 'suspended', maxSeconds = 5000): void {
    const event = this.run(maxSeconds);
    assert.equal(event.type === 'done' ? event.outcome : event.type, outcome);
  }

  /** Runs until the client has told this. */
  until(matches: (event: BlobEvent) => boolean, what: string): void {
    const from = this.events.length;
    this.air.until(() => this.events.slice(from).some(matches), 5000, what);
  }

  get lost(): readonly (BlobTargetState & { readonly at: number })[] {
    return this.events.flatMap((event) => (event.type === 'lost' ? [{ ...event.receiver, at: event.at }] : []));
  }

  /** `lost` of each receiver, in their order. */
  get lostFlags(): readonly boolean[] {
    return this.transfer.receivers.map(({ lost }) => lost);
  }

  /** What each server has got is what was sent. */
  delivered(content: string, servers: readonly PeerServer[] = this.servers): void {
    for (const server of servers) {
      assert.equal(server.content, content, `content at ${server.address}`);
      assert.equal(server.phase, 4, `phase of ${server.address}`);
    }
  }

  /** Nothing goes out within this time, apart from the last copies of what had begun. */
  silentFor(seconds: number): void {
    this.clock.advance(2000);
    const heard = (): number => this.servers.reduce((sum, { station }) => sum + station.heard.length, 0);
    const before = heard();
    this.clock.advance(seconds * 1000);
    assert.equal(heard(), before, `messages within ${seconds} s of silence`);
  }

  /** The client's process dies and another one starts with its store. */
  reboot(): void {
    this.iut.close();
    this.#boot();
  }

  #boot(): void {
    const { clock } = this;
    this.client = new BlobClient({ clock, random: this.air.random, store: storeView(this.store, 'blob/') });
    this.iut = this.air.join(CLIENT, { models: [this.client.model], store: this.store });
  }
}

/** What a lower tester heard with this opcode. */
export function heardOf(server: PeerServer, opcode: string): readonly Heard[] {
  return server.station.heard.filter(({ hex }) => hex.startsWith(opcode));
}

/** Octets that differ everywhere, in hex. */
export function octets(size: number): string {
  return Buffer.from(new SeededRandom(size).bytes(size)).toString('hex');
}

export { GROUP };
