import { AccessLayer, type MessageType } from '@meshferry/access';
import { type Cancel, MemoryStore, SeededRandom, type Store, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { AccessSend, AccessTransport } from '@meshferry/network';
import type { BlobCapabilities } from '../capabilities.ts';
import * as messages from '../messages.ts';
import { BlobServer } from '../server.ts';
import type { BlobPullOptions } from '../server-contract.ts';
import { Flash, GROUP } from './mesh.ts';

export const TESTER = 0x0001;
export const SERVER = 0x0100;
export const BLOB_ID = 0x1100000000000011n;

const byOpcode = new Map<number, MessageType<unknown>>(
  Object.values(messages).map((type) => [type.opcode, type as MessageType<unknown>]),
);

/** An answer as the tester reads it. */
export interface Answer {
  readonly name: string;
  readonly value: Record<string, unknown>;
  readonly ttl: number | undefined;
  readonly dst: number;
}

/** One server under test, whose tester hands it access messages and reads its answers. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly flash = new Flash();
  readonly store: Store;
  readonly sent: AccessSend[] = [];
  /** Whether the stack keeps what the server sends, until it is cancelled. */
  holds = false;
  /** Messages that it keeps. */
  held = 0;
  server: BlobServer;
  #access: AccessLayer;
  readonly #capabilities: Partial<BlobCapabilities>;

  readonly #pull: BlobPullOptions;
  readonly #settings: 'auto' | 'stock';

  constructor(
    capabilities: Partial<BlobCapabilities> = {},
    store: Store = new MemoryStore(),
    pull: BlobPullOptions = {},
    settings: 'auto' | 'stock' = 'auto',
  ) {
    this.store = store;
    this.#pull = pull;
    this.#settings = settings;
    this.#capabilities = { minBlockSizeLog: 6, maxBlockSizeLog: 18, maxChunksNumber: 3000, ...capabilities };
    [this.server, this.#access] = this.#boot();
  }

  /** Power cut; true when the server takes its transfer up again. */
  restart(): boolean {
    this.server.close();
    [this.server, this.#access] = this.#boot();
    return this.server.recover(this.flash, this.events);
  }

  expect(options: { timeoutBase?: number; blobId?: bigint } = {}) {
    const { timeoutBase = 5, blobId = BLOB_ID } = options;
    return this.server.expect(blobId, { ttl: 3, timeoutBase, sink: this.flash, events: this.events });
  }

  /** Octets of an access message from the tester; gives the answers. */
  tell(payload: Uint8Array, dst: number = SERVER): Answer[] {
    const from = this.sent.length;
    this.receive(payload, dst);
    this.clock.advance(60);
    return this.sent.slice(from).map(read);
  }

  /** Octets of an access message from the tester, without waiting for an answer. */
  receive(payload: Uint8Array, dst: number = SERVER, src: number = TESTER): void {
    this.#access.receive({
      src,
      dst,
      key: { kind: 'app', index: 0 },
      netIndex: 0,
      credentials: 'flooding',
      ttl: 5,
      seq: 0,
      payload,
    });
  }

  /** A message that one answer is expected to. */
  ask<T>(type: MessageType<T>, value: T): Record<string, unknown> {
    const answers = this.tell(type.encode(value));
    if (answers.length !== 1) throw new Error(`${answers.length} answers to ${type.name}`);
    return answers[0]!.value;
  }

  start(options: Partial<messages.BlobTransferStart> = {}): Record<string, unknown> {
    return this.ask(messages.BlobTransferStart, {
      transferMode: 'push',
      blobId: BLOB_ID,
      blobSize: 80,
      blockSizeLog: 6,
      clientMtuSize: 380,
      ...options,
    });
  }

  blockStart(blockNumber: number, chunkSize = 8): Record<string, unknown> {
    return this.ask(messages.BlobBlockStart, { blockNumber, chunkSize });
  }

  /** A chunk; answers are not expected and there must be none. */
  chunk(chunkNumber: number, length = 8, fill = chunkNumber + 1): void {
    const answers = this.tell(
      messages.BlobChunkTransfer.encode({ chunkNumber, data: new Uint8Array(length).fill(fill) }),
    );
    if (answers.length > 0) throw new Error('a chunk was answered');
  }

  get(): Record<string, unknown> {
    return this.ask(messages.BlobTransferGet, {});
  }

  blockGet(): Record<string, unknown> {
    return this.ask(messages.BlobBlockGet, {});
  }

  readonly events = {
    complete: () => this.told.push('complete'),
    suspended: () => this.told.push('suspended'),
    resumed: () => this.told.push('resumed'),
    failed: (error: Error) => this.told.push(`failed: ${error.message}`),
  };

  /** Brings a fresh server into a phase of the 80-octet transfer in blocks of 64. */
  bring(phase: number): this {
    if (phase === 0) return this;
    this.expect();
    if (phase === 1) return this;
    this.start();
    if (phase === 2) return this;
    if (phase === 5) {
      this.clock.advance(60_000);
      return this;
    }
    this.blockStart(0);
    if (phase === 3) return this;
    for (let i = 0; i < 8; i++) this.chunk(i);
    this.blockStart(1);
    this.chunk(0);
    this.chunk(1);
    return this;
  }

  #hold(): Cancel {
    let holds = true;
    this.held++;
    return () => {
      if (holds) this.held--;
      holds = false;
    };
  }

  #boot(): [BlobServer, AccessLayer] {
    const { clock, store } = this;
    const settings = this.#settings;
    const server = new BlobServer({ clock, store, capabilities: this.#capabilities, pull: this.#pull, settings });
    const access = new AccessLayer({
      clock,
      random: new SeededRandom(1),
      store: new MemoryStore(),
      crypto: portableCrypto,
      address: SERVER,
      identity: { cid: 0x0059, pid: 1, vid: 1, crpl: 100, features: 0 } as never,
    });
    access.addElement(0, [server.model]);
    const transport: AccessTransport = {
      defaultTtl: 5,
      send: (message, done) => {
        this.sent.push(message);
        if (this.holds) return this.#hold();
        clock.after(0, () => done?.());
        return () => {};
      },
    };
    access.connect(transport);
    server.model.bind(0);
    server.model.subscribe(GROUP);
    return [server, access];
  }
}

function read(send: AccessSend): Answer {
  const [first = 0, second = 0] = send.payload;
  const type = byOpcode.get(first < 0x80 ? first : (first << 8) | second)!;
  const decoded = type.decode(send.payload);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  return { name: type.name, value: decoded.value as Record<string, unknown>, ttl: send.ttl, dst: send.dst };
}
