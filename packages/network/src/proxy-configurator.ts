import {
  type Log,
  type MeshError,
  type NetIndex,
  type Result,
  toMeshError,
  UNASSIGNED,
  type Unicast,
} from '@meshferry/core';
import type { NetworkCounters } from './counters.ts';
import type { PduError } from './decode-error.ts';
import type { IvIndexState } from './iv-index.ts';
import type { Keys } from './keys.ts';
import { noKey, sequenceExhausted } from './originator.ts';
import { decodeNetworkPdu, encodeNetworkPdu, type NetworkPdu, type NetworkSecurity } from './pdu.ts';
import { decodeProxyConfiguration, encodeProxyConfiguration, type ProxyConfiguration } from './proxy-configuration.ts';
import type { ReplayList } from './replay-list.ts';
import type { SequenceAllocator } from './sequence.ts';

export interface ProxyConfiguratorOptions {
  readonly log: Log;
  readonly counters: NetworkCounters;
  readonly keys: Keys;
  readonly iv: IvIndexState;
  readonly sequence: SequenceAllocator;
  readonly replay: ReplayList;
  /** The primary element, and whether an address is one of the elements. */
  readonly address: Unicast;
  isOwn(address: Unicast): boolean;
}

/** An authentic proxy configuration message, not replayed. */
export interface ConfigurationReceived {
  readonly message: ProxyConfiguration;
  readonly src: Unicast;
  readonly netIndex: NetIndex;
}

/**
 * Secures and opens proxy configuration messages [Mesh Protocol 1.1, 6.6]: Network PDUs in form, with the proxy nonce; SEQ
 * and replay protection are those of all other messages.
 */
export class ProxyConfigurator {
  readonly #options: ProxyConfiguratorOptions;

  constructor(options: ProxyConfiguratorOptions) {
    this.#options = options;
  }

  /** The message secured, or why not: `no-key`, `sequence-exhausted`, `store-failed`. */
  seal(message: ProxyConfiguration, netIndex: NetIndex): Uint8Array | MeshError {
    const { keys, sequence, iv, address, counters } = this.#options;
    const security = keys.netKey(netIndex);
    if (security === undefined) return noKey(`NetKey ${netIndex}`);
    try {
      const seq = sequence.take();
      if (seq === undefined) return sequenceExhausted();
      counters.sent++;
      return sealProxyConfiguration(message, seq, address, security, iv.transmit);
    } catch (thrown) {
      return toMeshError(thrown);
    }
  }

  /** The message, or undefined when it is to be ignored. When it is given it is in the replay list, durably. */
  open(octets: Uint8Array): ConfigurationReceived | undefined {
    const { keys, iv, counters } = this.#options;
    const ivIndex = octets.length === 0 ? -1 : iv.select(octets[0]! >> 7);
    if (ivIndex >= 0) {
      for (const security of keys.withNid(octets[0]! & 0x7f)) {
        if (security.credentials !== 'flooding') continue;
        const pdu = decodeNetworkPdu(octets, security, ivIndex, 'proxy');
        if (pdu.ok) return this.#take(pdu.value, ivIndex, security.netIndex);
      }
    }
    counters.undecryptable++;
    return undefined;
  }

  #take(pdu: NetworkPdu, ivIndex: number, netIndex: NetIndex): ConfigurationReceived | undefined {
    const { counters, replay, isOwn } = this.#options;
    const { src, seq } = pdu;
    const decoded = configurationOf(pdu);
    if (!decoded.ok || isOwn(src)) {
      counters.malformed++;
      return undefined;
    }
    if (!replay.record(src, ivIndex, seq)) {
      if (replay.isFullFor(src)) counters.replayListFull++;
      else counters.replayed++;
      return undefined;
    }
    return this.#flush() ? { message: decoded.value, src, netIndex } : undefined;
  }

  #flush(): boolean {
    try {
      this.#options.replay.flush();
      return true;
    } catch (thrown) {
      const { code } = toMeshError(thrown);
      this.#options.log('error', 'the replay protection list could not be written: message dropped', { code });
      return false;
    }
  }
}

/** A proxy configuration message as it is on the link, without the header of the Proxy PDU. */
export function sealProxyConfiguration(
  message: ProxyConfiguration,
  seq: number,
  src: Unicast,
  security: NetworkSecurity,
  ivIndex: number,
): Uint8Array {
  const transportPdu = encodeProxyConfiguration(message);
  return encodeNetworkPdu({ ctl: true, ttl: 0, seq, src, dst: UNASSIGNED, transportPdu }, security, ivIndex, 'proxy');
}

/** The message in an authentic PDU with the proxy nonce, or why it is to be ignored. */
export function configurationOf({ ctl, ttl, dst, transportPdu }: NetworkPdu): Result<ProxyConfiguration, PduError> {
  if (!ctl || ttl !== 0) return { ok: false, error: { field: 'CTL TTL', offset: 1, reason: 'not 1 and 0' } };
  if (dst !== UNASSIGNED) return { ok: false, error: { field: 'DST', offset: 7, reason: 'not unassigned' } };
  return decodeProxyConfiguration(transportPdu);
}
