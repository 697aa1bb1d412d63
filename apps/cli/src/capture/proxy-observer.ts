import { AD_MESH_BEACON, AD_MESH_MESSAGE, decodeServiceData } from '@meshferry/bearer';
import { type NetIndex, type Unicast, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  decodeNetworkPdu,
  decodeProxyConfiguration,
  decodeProxyIdentity,
  isIdentityOf,
  NetKeyMaterial,
  namesNode,
  PROXY_SERVICE_LIMITS,
  type ProxyConfiguration,
  type ProxyIdentity,
  ProxyMessageType,
  ProxyReassembler,
} from '@meshferry/network';
import type { Observed, Observer, ObserverKnowledge } from '@meshferry/node';

/** What a Proxy Server advertises [Mesh Protocol 1.1, 7.2.2.2]. */
export interface ObservedAdvertising {
  readonly kind: 'proxy';
  readonly identity: ProxyIdentity | undefined;
  /** The subnet that it is, if its key is known. */
  readonly netIndex: NetIndex | undefined;
  /** The node that it names, if its device key is known by address. */
  readonly node: Unicast | undefined;
  readonly error: string | undefined;
}

/** A proxy configuration message [6.6]. */
export interface ObservedConfiguration {
  readonly kind: 'proxy';
  readonly netIndex: NetIndex | undefined;
  readonly ivIndex: number | undefined;
  readonly src: Unicast | undefined;
  readonly seq: number | undefined;
  /** Opcode ‖ parameters. */
  readonly payload: Uint8Array | undefined;
  readonly configuration: ProxyConfiguration | undefined;
  readonly error: string | undefined;
}

/** A value of a GATT link that is only a part of a message, or against the rules. */
export interface ObservedPart {
  readonly kind: 'proxy';
  readonly error: string | undefined;
}

export type ObservedProxy = ObservedAdvertising | ObservedConfiguration | ObservedPart;

/** What GATT proxies advertise, and what goes over the links to them, by the keys of an observer. */
export class ProxyObserver {
  readonly #observer: Observer;
  readonly #netKeys: readonly NetKeyMaterial[];
  readonly #nodes: readonly Unicast[];
  readonly #ivIndexes: readonly number[];
  /** One for each link and direction. */
  readonly #reassemblers = new Map<string, ProxyReassembler>();
  #whole: Observed | ObservedConfiguration | undefined;
  #violated = false;

  constructor(observer: Observer, { netKeys, deviceKeys = [], ivIndexes = [0] }: ObserverKnowledge) {
    this.#observer = observer;
    this.#netKeys = netKeys.map(({ index, key }) => new NetKeyMaterial(portableCrypto, index, key));
    this.#nodes = deviceKeys.flatMap(({ address }) => (address === undefined ? [] : [address]));
    // As around an IV Update.
    this.#ivIndexes = ivIndexes.flatMap((ivIndex) => [ivIndex, ivIndex + 1, ivIndex - 1]).filter((known) => known >= 0);
  }

  /** Service data of the Mesh Proxy Service. */
  hearAdvertising(type: number, data: Uint8Array): ObservedAdvertising {
    const decoded = decodeProxyIdentity(decodeServiceData({ type, data })?.data ?? data);
    const unknown = { kind: 'proxy', identity: undefined, netIndex: undefined, node: undefined } as const;
    if (!decoded.ok) return { ...unknown, error: `malformed: ${decoded.error.field} ${decoded.error.reason}` };
    const identity = decoded.value;
    const addresses = namesNode(identity) ? this.#nodes : [0];
    for (const netKey of this.#netKeys) {
      const node = addresses.find((address) => isIdentityOf(identity, netKey, address));
      if (node === undefined) continue;
      return { kind: 'proxy', identity, netIndex: netKey.index, node: node || undefined, error: undefined };
    }
    return { ...unknown, identity, error: undefined };
  }

  /** One attribute value of the Mesh Proxy Service on the direction of a link that `way` names. */
  hearValue(way: string, value: Uint8Array): Observed | ObservedConfiguration | ObservedPart {
    this.#whole = undefined;
    this.#violated = false;
    this.#reassembler(way).receive(value);
    if (!this.#violated) return this.#whole ?? { kind: 'proxy', error: undefined };
    // The link would end here; a recording may go on with the next one.
    this.#reassemblers.delete(way);
    return { kind: 'proxy', error: 'malformed: segmentation of Proxy PDUs' };
  }

  #reassembler(way: string): ProxyReassembler {
    let found = this.#reassemblers.get(way);
    if (found === undefined) {
      // Its clock stands still: a recording may have gaps.
      found = new ProxyReassembler(new VirtualClock(), PROXY_SERVICE_LIMITS, {
        message: (type, message) => {
          this.#whole = this.#hearMessage(type, message);
        },
        violated: () => {
          this.#violated = true;
        },
      });
      this.#reassemblers.set(way, found);
    }
    return found;
  }

  #hearMessage(type: ProxyMessageType, message: Uint8Array): Observed | ObservedConfiguration {
    if (type === ProxyMessageType.meshBeacon) return this.#observer.hear(AD_MESH_BEACON, message);
    if (type === ProxyMessageType.networkPdu) return this.#observer.hear(AD_MESH_MESSAGE, message);
    return this.#hearConfiguration(message);
  }

  #hearConfiguration(octets: Uint8Array): ObservedConfiguration {
    for (const { index: netIndex, flooding } of this.#netKeys) {
      for (const ivIndex of this.#ivIndexes) {
        const pdu = decodeNetworkPdu(octets, flooding, ivIndex, 'proxy');
        if (!pdu.ok) continue;
        const { src, seq, transportPdu: payload } = pdu.value;
        const decoded = decodeProxyConfiguration(payload);
        const found = { kind: 'proxy', netIndex, ivIndex, src, seq, payload } as const;
        if (decoded.ok) return { ...found, configuration: decoded.value, error: undefined };
        const error = `malformed: ${decoded.error.field} ${decoded.error.reason}`;
        return { ...found, configuration: undefined, error };
      }
    }
    const nothing = { netIndex: undefined, ivIndex: undefined, src: undefined, seq: undefined, payload: undefined };
    return { kind: 'proxy', ...nothing, configuration: undefined, error: 'no matching key' };
  }
}
