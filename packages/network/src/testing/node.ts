import { type Advertising, type MemoryAir, type MemoryAirOptions, memoryAir } from '@meshferry/bearer';
import { type Address, MemoryStore, type MeshError, SeededRandom, type Store, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { AccessReceived, AccessSend, NetworkHost } from '../contract.ts';
import { NetworkLayer } from '../network-layer.ts';
import type { NetworkLayerOptions } from '../options.ts';

export const NET_KEY: Uint8Array = new Uint8Array(16).fill(0x11);
export const APP_KEY: Uint8Array = new Uint8Array(16).fill(0x22);

/** A network layer whose host writes down what it gets. */
export class TestNode implements NetworkHost {
  readonly layer: NetworkLayer;
  readonly store: Store;
  readonly received: AccessReceived[] = [];
  readonly groups = new Set<Address>();
  readonly labels = new Map<Address, Uint8Array[]>();
  readonly deviceKeys = new Map<Address, Uint8Array>();
  onReceive: (message: AccessReceived) => void = () => {};

  constructor(
    options: Omit<NetworkLayerOptions, 'host' | 'crypto' | 'deviceKey' | 'elements'> & { elements?: number },
  ) {
    this.store = options.store;
    this.layer = new NetworkLayer({
      elements: 1,
      netKeys: [{ index: 0, key: NET_KEY }],
      appKeys: [{ index: 0, netIndex: 0, key: APP_KEY }],
      ...options,
      crypto: portableCrypto,
      deviceKey: deviceKeyOf(options.address),
      host: this,
    });
  }

  isSubscribed(dst: Address): boolean {
    return this.groups.has(dst) || this.labels.has(dst);
  }

  labelsOf(dst: Address): readonly Uint8Array[] {
    return this.labels.get(dst) ?? [];
  }

  deviceKeyOf(node: Address): Uint8Array | undefined {
    return this.deviceKeys.get(node);
  }

  receive(message: AccessReceived): void {
    this.received.push(message);
    this.onReceive(message);
  }
}

export function deviceKeyOf(address: Address): Uint8Array {
  return new Uint8Array(16).fill(address & 0xff);
}

/** Nodes 0x0001, 0x0002, … in one air. */
export class TestMesh {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly air: MemoryAir;
  readonly nodes: TestNode[] = [];
  readonly bearers: Advertising[] = [];

  constructor(seed: number | string, airOptions: MemoryAirOptions = {}) {
    this.clock = new VirtualClock(1000);
    this.random = new SeededRandom(seed);
    this.air = memoryAir(this.clock, this.random.fork('air'), airOptions);
  }

  /** A node with the next address, or the one given, on a radio of its own or the one given. */
  add(
    options: Partial<NetworkLayerOptions> = {},
    wrap: (advertising: Advertising) => Advertising = (advertising) => advertising,
  ): TestNode {
    const address = options.address ?? this.nodes.length + 1;
    const random = this.random.fork(`node ${address}`);
    const node = new TestNode({ clock: this.clock, store: new MemoryStore(), ...options, random, address });
    const bearer = wrap(this.air.join().advertising);
    node.layer.attach(bearer);
    this.bearers.push(bearer);
    this.nodes.push(node);
    return node;
  }
}

/** An access message with an AppKey and a payload of `length` octets that begins with `tag`. */
export function appMessage(src: Address, dst: Address, length: number, tag = 0): AccessSend {
  const payload = Uint8Array.from({ length }, (_, i) => (i === 0 ? tag : 7 * i + tag));
  return { src, dst, key: { kind: 'app', index: 0 }, payload };
}

/** The outcome of a message: undefined while under way, then `sent` or the error. */
export function track(send: (done: (error?: MeshError) => void) => void): { outcome: 'sent' | MeshError | undefined } {
  const tracked: { outcome: 'sent' | MeshError | undefined } = { outcome: undefined };
  send((error) => {
    if (tracked.outcome !== undefined) throw new Error('done was called twice');
    tracked.outcome = error ?? 'sent';
  });
  return tracked;
}
