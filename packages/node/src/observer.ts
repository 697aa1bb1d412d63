import {
  AD_MESH_BEACON,
  AD_MESH_MESSAGE,
  AD_PB_ADV,
  decodeServiceData,
  MESH_PROVISIONING_SERVICE,
  MESH_PROXY_SERVICE,
} from '@meshferry/bearer';
import type { Unicast } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import {
  authenticateBeacon,
  decodeBeacon,
  decodeNetworkPdu,
  encodeFlags,
  FriendOffer,
  FriendRequest,
  type LowerTransportPdu,
  NETWORK_PDU_MAX,
  NETWORK_PDU_MIN,
} from '@meshferry/network';
import type { Observed, ObservedBeacon, ObservedControl, ObservedNetwork, ObservedPdu } from './observed.ts';
import { ObserverKeys, type ObserverKnowledge } from './observer-keys.ts';
import { observeProvisioning, PROVISIONING_SERVICE_DATA } from './observer-provisioning.ts';
import { ObserverSequences } from './observer-sequences.ts';
import { ObserverTransport, type OpenedPdu } from './observer-transport.ts';

const UNKNOWN: Observed = { kind: 'unknown' };

/**
 * Reads everything on the air that its keys open, and is no node of it: it has no address, no timers, sends nothing and
 * keeps nothing. The PDUs go through the code of a node's own network and transport layers.
 *
 * ```ts
 * const observer = new Observer(portableCrypto, { netKeys: [{ index: 0, key }], appKeys, deviceKeys, ivIndexes: [0] });
 * const observed = observer.hear(AD_MESH_MESSAGE, networkPdu);
 * if (observed.kind === 'network' && observed.message !== undefined) console.log(observed.message.payload);
 * ```
 */
export class Observer {
  readonly #keys: ObserverKeys;
  readonly #sequences = new ObserverSequences();
  readonly #transport: ObserverTransport;
  /** LPNCounter of the last Friend Request, by subnet and Low Power node. */
  readonly #friendRequests = new Map<string, number>();

  /** Throws `bad-key-length`, `bad-label-uuid`. */
  constructor(provider: CryptoProvider, knowledge: ObserverKnowledge) {
    this.#keys = new ObserverKeys(provider, knowledge);
    this.#transport = new ObserverTransport(this.#keys);
  }

  /** Takes one AD structure: its type and its data. Structures are to be given in the order in which they were on air. */
  hear(type: number, data: Uint8Array): Observed {
    switch (type) {
      case AD_MESH_MESSAGE:
        return this.#hearNetworkPdu(data);
      case AD_MESH_BEACON:
        return this.#hearBeacon(data);
      case AD_PB_ADV:
        return observeProvisioning(data);
      default:
        return hearService(type, data);
    }
  }

  #hearNetworkPdu(octets: Uint8Array): ObservedNetwork {
    if (octets.length < NETWORK_PDU_MIN || octets.length > NETWORK_PDU_MAX) {
      return unopened(`malformed: Network PDU of ${octets.length} octets`);
    }
    const opened = this.#openNetworkPdu(octets);
    if (opened === undefined) return unopened('no matching key');
    const transport = this.#transport.decode(opened.pdu);
    const pdu = describe(opened, transport.ok ? transport.value : undefined);
    const novelty = this.#sequences.judge(opened.pdu, opened.ivIndex, opened.friendship);
    if (novelty === 'replay') return outcome(pdu, { error: 'replay' });
    if (novelty === 'duplicate') return outcome(pdu, { duplicate: true });
    if (novelty === 'passed-on') return outcome(pdu, { passedOn: true });
    if (!transport.ok) return outcome(pdu, { error: transport.error });
    const whole = this.#transport.receive(transport.value, opened);
    if (!whole.ok) return outcome(pdu, { error: whole.error });
    if (whole.value.control !== undefined) this.#learnFriendship(whole.value.control, opened);
    return outcome(pdu, whole.value);
  }

  #openNetworkPdu(octets: Uint8Array): OpenedPdu | undefined {
    const candidates = this.#keys.withNid(octets[0]! & 0x7f);
    if (candidates.length === 0) return undefined;
    for (const ivIndex of this.#keys.ivIndexes(octets[0]! >> 7)) {
      for (const observed of candidates) {
        const pdu = decodeNetworkPdu(octets, observed.security, ivIndex);
        if (pdu.ok) return { ...observed, pdu: pdu.value, ivIndex };
      }
    }
    return undefined;
  }

  /** The counters of Friend Request and Friend Offer make the credentials of the friendship. */
  #learnFriendship({ opcode, parameters }: ObservedControl, { pdu, security }: OpenedPdu): void {
    const requestOf = (lpn: Unicast) => `${security.netIndex} ${lpn}`;
    if (opcode === FriendRequest.opcode) {
      const request = FriendRequest.decode(parameters);
      if (request.ok) this.#friendRequests.set(requestOf(pdu.src), request.value.lpnCounter);
    } else if (opcode === FriendOffer.opcode) {
      const offer = FriendOffer.decode(parameters);
      const lpnCounter = this.#friendRequests.get(requestOf(pdu.dst));
      if (!offer.ok || lpnCounter === undefined) return;
      const { friendCounter } = offer.value;
      const friendship = { lpnAddress: pdu.dst, friendAddress: pdu.src, lpnCounter, friendCounter };
      this.#keys.addFriendship(security.netIndex, friendship);
    }
  }

  #hearBeacon(octets: Uint8Array): ObservedBeacon {
    const decoded = decodeBeacon(octets);
    if (!decoded.ok) {
      return beacon(undefined, { error: `malformed: ${decoded.error.field} ${decoded.error.reason}` });
    }
    const { value } = decoded;
    if (value.type === 'unprovisioned-device') {
      const { deviceUuid: uuid, oobInformation, uriHash } = value;
      return beacon('unprovisioned', { device: { uuid, oobInformation, uriHash } });
    }
    const kind = value.type === 'secure-network' ? 'secure-network' : 'private';
    for (const netKey of this.#keys.netKeys) {
      const state = authenticateBeacon(value, netKey);
      if (state === undefined) continue;
      this.#keys.addIvIndex(state.ivIndex);
      const flags = value.type === 'secure-network' ? value.flags : encodeFlags(state);
      return beacon(kind, { netIndex: netKey.index, flags, ivIndex: state.ivIndex });
    }
    // What it says is readable in a Secure Network beacon, but nobody vouches for it.
    const said = value.type === 'secure-network' ? { flags: value.flags, ivIndex: value.ivIndex } : {};
    return beacon(kind, { ...said, error: 'no matching key' });
  }
}

/** What GATT servers advertise. */
function hearService(type: number, data: Uint8Array): Observed {
  switch (decodeServiceData({ type, data })?.service) {
    case MESH_PROXY_SERVICE.uuid:
      return { kind: 'proxy' };
    case MESH_PROVISIONING_SERVICE.uuid:
      return PROVISIONING_SERVICE_DATA;
    default:
      return UNKNOWN;
  }
}

function describe({ pdu, security, friendship, ivIndex }: OpenedPdu, transport?: LowerTransportPdu): ObservedPdu {
  const { netIndex, credentials } = security;
  const { src, dst, seq, ttl, ctl } = pdu;
  const segment =
    transport !== undefined && 'segO' in transport
      ? { segO: transport.segO, segN: transport.segN, seqZero: transport.seqZero }
      : undefined;
  return { netIndex, ivIndex, credentials, friendship, src, dst, seq, ttl, ctl, segment };
}

function unopened(error: string): ObservedNetwork {
  return outcome(undefined, { error });
}

function outcome(
  pdu: ObservedPdu | undefined,
  { duplicate = false, passedOn = false, message, control, error }: Partial<ObservedNetwork>,
): ObservedNetwork {
  return { kind: 'network', pdu, duplicate, passedOn, message, control, error };
}

function beacon(
  kind: ObservedBeacon['beacon'],
  { netIndex, flags, ivIndex, device, error }: Partial<ObservedBeacon>,
): ObservedBeacon {
  return { kind: 'beacon', beacon: kind, netIndex, flags, ivIndex, device, error };
}
