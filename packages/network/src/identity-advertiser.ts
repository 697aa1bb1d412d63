import { type GattPeripheral, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import type { Cancel, Clock, NetIndex, Random, Unicast } from '@meshferry/core';
import { Deadline } from '@meshferry/core';
import { encodeProxyIdentity, IDENTITY_RANDOM_OCTETS, type ProxyIdentityType, proxyIdentity } from './identity-pdu.ts';
import type { Keys } from './keys.ts';

/** One thing to be shown: who the node is on one subnet. */
export interface ShownIdentity {
  readonly netIndex: NetIndex;
  readonly type: ProxyIdentityType;
}

export interface IdentityAdvertiserOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly keys: Keys;
  /** Primary element. */
  readonly address: Unicast;
  readonly peripheral: GattPeripheral;
  /** What is to be shown now. */
  shown(): readonly ShownIdentity[];
}

/** Advertising interval of a subnet or a node that is to be found soon, ms. */
const SLOW_MS = 1000;
const FAST_MS = 100;
/** Random, and the address with it, is renewed after this time, ms: 10 min at most [Mesh Protocol 1.1, 7.2.2.2.4]. */
const RANDOM_MS = 600_000;
/** Several take turns within this time, ms; a turn has a second or more. */
const ROUND_MS = 60_000;
const TURNS_MIN = 6;
const TURN_MIN_MS = 1000;

/** Advertises the Mesh Proxy Service on one peripheral as the states want it [Mesh Protocol 1.1, 7.2.2.2]. */
export class IdentityAdvertiser {
  readonly #options: IdentityAdvertiserOptions;
  readonly #turn: Deadline;
  #shown: readonly ShownIdentity[] = [];
  #at = 0;
  /** The Random of Node Identity is that of its start; with the subnet that it belongs to. */
  readonly #randoms = new Map<NetIndex, Uint8Array>();
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(options: IdentityAdvertiserOptions) {
    this.#options = options;
    this.#turn = new Deadline(options.clock, () => this.#next());
    this.update();
  }

  /** To be called when the states or the keys have changed. */
  update(): void {
    if (this.#closed) return;
    this.#shown = this.#options.shown();
    for (const netIndex of this.#randoms.keys()) if (!this.#isNodeIdentity(netIndex)) this.#randoms.delete(netIndex);
    this.#at = 0;
    this.#show();
  }

  close(): void {
    this.#closed = true;
    this.#shown = [];
    this.#show();
  }

  #next(): void {
    this.#at = (this.#at + 1) % this.#shown.length;
    this.#show();
  }

  #show(): void {
    const { keys, address, peripheral } = this.#options;
    this.#turn.clear();
    this.#cancel?.();
    this.#cancel = undefined;
    const identity = this.#shown[this.#at];
    const netKey = identity === undefined ? undefined : keys.transmitKey(identity.netIndex);
    if (identity === undefined || netKey === undefined) return;
    const { type, netIndex } = identity;
    const data = encodeProxyIdentity(proxyIdentity(type, netKey, address, this.#randomOf(identity)));
    this.#cancel = peripheral.advertise({
      service: MESH_PROXY_SERVICE.uuid as number,
      data,
      intervalMs: type === 'node-identity' || type === 'private-node-identity' ? FAST_MS : SLOW_MS,
      privateAddress: type === 'private-network-identity' || type === 'private-node-identity',
    });
    if (this.#shown.length > 1) this.#turn.set(this.#turnMs());
    else if (type !== 'network-id' && !this.#randoms.has(netIndex)) this.#turn.set(RANDOM_MS);
  }

  #turnMs(): number {
    return Math.max(ROUND_MS / Math.max(this.#shown.length, TURNS_MIN), TURN_MIN_MS);
  }

  /** Private types have another one each time they are shown, as the address then is another one, too. */
  #randomOf({ type, netIndex }: ShownIdentity): Uint8Array {
    const { random } = this.#options;
    if (type !== 'node-identity') return random.bytes(IDENTITY_RANDOM_OCTETS);
    const octets = this.#randoms.get(netIndex) ?? random.bytes(IDENTITY_RANDOM_OCTETS);
    this.#randoms.set(netIndex, octets);
    return octets;
  }

  #isNodeIdentity(netIndex: NetIndex): boolean {
    return this.#shown.some((identity) => identity.type === 'node-identity' && identity.netIndex === netIndex);
  }
}
