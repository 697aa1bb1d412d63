import { AccessLayer, type MessageType, type Model } from '@meshferry/access';
import { type MemoryAirOptions, memoryAir } from '@meshferry/bearer';
import { SeededRandom, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer } from '@meshferry/network';
import { expect } from 'vitest';
import type { BlobCapabilities } from '../capabilities.ts';
import { BlobClient } from '../client.ts';
import type { BlobEvent, BlobTargetState, BlobTransfer, BlobTransferParameters } from '../client-contract.ts';
import { BlobPhase } from '../constants.ts';
import { BlobServer } from '../server.ts';
import type { BlobPullOptions, BlobServerEvents } from '../server-contract.ts';
import { type BlobSink, sourceOf } from '../sink.ts';
import { CutStore } from './cut-store.ts';

export const GROUP = 0xc000;
export const CLIENT = 0x0001;
export const FIRST_TARGET = 0x0100;
export const BLOB_ID = 0x1100000000000011n;
const NET_KEY = new Uint8Array(16).fill(0x11);
const APP_KEY = new Uint8Array(16).fill(0x22);

/** Flash of a target: survives its power cuts, counts how often each block was written. */
export class Flash implements BlobSink {
  content = new Uint8Array(0);
  readonly writes: number[] = [];
  refuse: ((offset: number) => boolean) | undefined;
  readonly #isDead: () => boolean;

  constructor(isDead: () => boolean = () => false) {
    this.#isDead = isDead;
  }

  begin(_blobId: bigint, size: number): boolean {
    if (!this.#isDead()) this.content = new Uint8Array(size);
    return true;
  }

  block(offset: number, data: Uint8Array): boolean {
    if (this.#isDead() || this.refuse?.(offset)) return false;
    this.content.set(data, offset);
    this.writes.push(offset);
    return true;
  }
}

export interface Target {
  readonly address: number;
  readonly flash: Flash;
  server: BlobServer;
  /** What the server told. */
  readonly told: string[];
  /** Hears and sends nothing while true. */
  deaf: boolean;
}

/** A chunk message that the client has handed over. */
export interface SentChunk {
  readonly block: number;
  readonly chunk: number;
  readonly dst: number;
}

export interface MeshOptions extends Omit<MemoryAirOptions, 'hears'> {
  readonly targets?: number;
  readonly seed?: number | string;
  readonly capabilities?: (index: number) => Partial<BlobCapabilities>;
  readonly pull?: (index: number) => BlobPullOptions;
  readonly timeoutBase?: number;
  /** The targets subscribe to this Label UUID instead of the group. */
  readonly label?: Uint8Array;
  /** The store of the client (0), of each target (1 …). */
  readonly store?: (node: number) => CutStore;
}

/** A client and targets, each a whole node of the real stack, in one air in memory. */
export class Mesh {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly targets: Target[] = [];
  readonly clientStore: CutStore;
  readonly events: BlobEvent[] = [];
  /** All chunks that the client sent, its earlier processes included. */
  readonly chunks: SentChunk[] = [];
  /** The virtual address of the label. */
  virtual = 0;
  /** Called within each event of the client. */
  whenTold: ((event: BlobEvent) => void) | undefined;
  client: BlobClient;
  transfer: BlobTransfer | undefined;
  readonly #options: MeshOptions;
  readonly #air: ReturnType<typeof memoryAir>;
  readonly #stores: CutStore[] = [];
  readonly #radios: ReturnType<ReturnType<typeof memoryAir>['join']>[] = [];
  readonly #closers: (() => void)[] = [];

  constructor(options: MeshOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1);
    const { loss = 0 } = options;
    const lossOf = typeof loss === 'number' ? () => loss : loss;
    this.#air = memoryAir(this.clock, this.random.fork('air'), {
      ...options,
      // Once the radio's number is in reach, whether it hears is up to the target.
      loss: (from, to) => (this.#isDeaf(from) || this.#isDeaf(to) ? 1 : lossOf(from, to)),
    });
    this.clientStore = this.#store(0);
    this.client = this.#addClient();
    for (let i = 0; i < (options.targets ?? 1); i++) this.#addTarget(i);
  }

  /** Advertising events so far, of all. */
  get airEvents(): number {
    return this.#air.events;
  }

  start(content: Uint8Array, options: Partial<BlobTransferParameters> = {}): BlobTransfer {
    const { timeoutBase = 3 } = this.#options;
    const { client } = this;
    this.transfer = client.start(
      {
        blobId: BLOB_ID,
        source: sourceOf(content),
        receivers: this.targets.map(({ address }) => ({ address })),
        appIndex: 0,
        ttl: 3,
        timeoutBase,
        ...(this.#options.label === undefined ? { group: GROUP } : { group: this.virtual, label: this.#options.label }),
        ...options,
      },
      // A process that has died tells nothing more.
      (event) => {
        if (this.client !== client || this.clientStore.isDead) return;
        this.events.push(event);
        this.whenTold?.(event);
      },
    );
    return this.transfer;
  }

  /** Lets every target wait for the BLOB. */
  expectAll(): void {
    for (const target of this.targets) this.expect(target);
  }

  expect(target: Target): void {
    const { timeoutBase = 3 } = this.#options;
    const error = target.server.expect(BLOB_ID, {
      ttl: 3,
      timeoutBase,
      sink: target.flash,
      events: this.#eventsOf(target),
    });
    if (error !== undefined) throw error;
  }

  /** Runs until the transfer is over or suspended; throws when it is not within the time. */
  run(maxSeconds = 20_000): BlobEvent {
    const end = this.clock.now + maxSeconds * 1000;
    const from = this.events.length;
    for (let seen = from; this.clock.now < end; ) {
      if (!this.clock.step()) break;
      for (; seen < this.events.length; seen++) {
        const event = this.events[seen]!;
        if (event.type === 'done' || event.type === 'suspended') return event;
      }
    }
    throw new Error(`no end after ${maxSeconds} s`);
  }

  /** Runs until the client tells this. */
  runUntil(matches: (event: BlobEvent) => boolean, maxSeconds = 20_000): void {
    const end = this.clock.now + maxSeconds * 1000;
    for (let seen = this.events.length; this.clock.now < end && this.clock.step(); ) {
      for (; seen < this.events.length; seen++) if (matches(this.events[seen]!)) return;
    }
    throw new Error(`nothing like it within ${maxSeconds} s`);
  }

  /** The client's process dies and another one starts with its store. */
  restartClient(): void {
    this.#closers[0]!();
    this.clientStore.revive();
    this.client = this.#addClient();
  }

  /** Power cut at a target; true when it takes its transfer up again. */
  restartTarget(target: Target): boolean {
    const index = this.targets.indexOf(target);
    this.#closers[index + 1]!();
    this.#store(index + 1).revive();
    target.server = this.#addServer(index, target.address);
    return target.server.recover(target.flash, this.#eventsOf(target));
  }

  /** Notes what the server tells, while its node has power. */
  #eventsOf(target: Target): BlobServerEvents {
    const { server } = target;
    const store = this.#store(this.targets.indexOf(target) + 1);
    const tell = (what: string): void => {
      if (!store.isDead && target.server === server) target.told.push(what);
    };
    return {
      complete: () => tell('complete'),
      suspended: () => tell('suspended'),
      resumed: () => tell('resumed'),
      failed: ({ code }) => tell(`failed ${code}`),
    };
  }

  #isDeaf(radio: number): boolean {
    return this.#stores[radio]?.isDead === true || (radio > 0 && this.targets[radio - 1]?.deaf === true);
  }

  #store(node: number): CutStore {
    this.#stores[node] ??= this.#options.store?.(node) ?? new CutStore();
    return this.#stores[node];
  }

  #addClient(): BlobClient {
    const store = storeView(this.clientStore, 'blob/');
    const client = new BlobClient({ clock: this.clock, random: this.random, store });
    const send = client.model.send.bind(client.model) as Model['send'];
    client.model.send = ((...[type, value, options, done]: Parameters<Model['send']>) => {
      const block = blocksOf(this).at(-1)?.number ?? 0;
      const { chunkNumber: chunk } = value as { chunkNumber?: number };
      if (chunk !== undefined && !this.clientStore.isDead) this.chunks.push({ block, chunk, dst: options.dst });
      return send(type, value, options, done);
    }) as Model['send'];
    this.#node(0, CLIENT, client.model);
    return client;
  }

  #addTarget(index: number): void {
    const address = FIRST_TARGET + index;
    const server = this.#addServer(index, address);
    const flash = new Flash(() => this.#store(index + 1).isDead);
    this.targets.push({ address, server, flash, told: [], deaf: false });
  }

  #addServer(index: number, address: number): BlobServer {
    const capabilities = this.#options.capabilities?.(index) ?? {};
    const store = storeView(this.#store(index + 1), 'blob/');
    const pull = this.#options.pull?.(index) ?? {};
    const server = new BlobServer({ clock: this.clock, store, capabilities, pull });
    const close = this.#node(index + 1, address, server.model, () => server.close());
    void close;
    return server;
  }

  /** A node with one model, its keys, its subscription. */
  #node(index: number, address: number, model: BlobServer['model'], onClose?: () => void): void {
    const store = this.#store(index);
    const random = this.random.fork(`node ${address}`);
    const base = { clock: this.clock, random, crypto: portableCrypto, address };
    const identity = { cid: 0x0059, pid: 1, vid: 1, crpl: 100, features: 0 } as never;
    const access = new AccessLayer({ ...base, store: storeView(store, 'access/'), identity });
    access.addElement(0, [model]);
    const deviceKey = new Uint8Array(16).fill(address & 0xff);
    const network = new NetworkLayer({
      ...base,
      store: storeView(store, 'net/'),
      host: access,
      elements: 1,
      deviceKey,
      transmit: { count: 3, intervalMs: 20 },
    });
    network.addNetKey(0, NET_KEY);
    network.addAppKey(0, 0, APP_KEY);
    this.#radios[index] ??= this.#air.join();
    const detach = network.attach(this.#radios[index]!.advertising);
    access.connect(network);
    model.bind(0);
    const { label } = this.#options;
    if (label !== undefined) this.virtual = access.virtualAddress(label);
    if (index > 0) model.subscribe(label ?? GROUP);
    this.#closers[index] = () => {
      detach();
      network.close();
      onClose?.();
    };
  }
}

/** Content that is different everywhere. */
export function content(size: number): Uint8Array {
  return new SeededRandom(`content ${size}`).bytes(size);
}

/** A mesh in which every target waits for the BLOB. */
export function prepared(options: MeshOptions): Mesh {
  const mesh = new Mesh(options);
  mesh.expectAll();
  return mesh;
}

/** The target holds the BLOB, octet for octet. */
export function expectWhole(target: Target, bytes: Uint8Array): void {
  expect(target.server.phase).toBe(BlobPhase.complete);
  expect(Buffer.compare(target.flash.content, bytes)).toBe(0);
}

/** The target at this index is lost, the others hold the BLOB. */
export function expectOnlyLost(mesh: Mesh, index: number, bytes: Uint8Array): void {
  expect(new Set(lostOf(mesh).map(({ address }) => address)).has(mesh.targets[index]!.address)).toBe(true);
  expect(mesh.transfer?.receivers.map(({ lost }) => lost)).toEqual(mesh.targets.map((_, i) => i === index));
  mesh.targets.forEach((target, i) => {
    if (i !== index) expectWhole(target, bytes);
  });
}

/** The receivers that the client told to be lost. */
export function lostOf(mesh: Mesh): BlobTargetState[] {
  return mesh.events.flatMap((event) => (event.type === 'lost' ? [event.receiver] : []));
}

/** The blocks that the client told of. */
export function blocksOf(mesh: Mesh): Extract<BlobEvent, { type: 'block' }>[] {
  return mesh.events.filter((event) => event.type === 'block');
}

/** The percentage told last. */
export function lastProgress(mesh: Mesh): number | undefined {
  return mesh.events.filter((event) => event.type === 'progress').at(-1)?.percent;
}

/** The target answers with this instead of what its server says; undefined: as it says. */
export function lies<T>(
  mesh: Mesh,
  index: number,
  type: MessageType<T>,
  lie: (truth: T) => Partial<T> | undefined,
): void {
  const model = mesh.targets[index]!.server.model;
  const reply = model.reply.bind(model) as Model['reply'];
  model.reply = ((...[context, of, value, ...rest]: Parameters<Model['reply']>) => {
    const other = (of as unknown) === type ? lie(value as T) : undefined;
    return reply(context, of, other === undefined ? value : { ...(value as object), ...other }, ...rest);
  }) as Model['reply'];
}
