import type { Credentials } from './contract.ts';

/** What decides where a received Network PDU is sent on to [Mesh Protocol 1.1, 3.4.6.3]. */
export interface RelayConditions {
  /** The kind of bearer that it came over. */
  readonly from: 'ADV' | 'GATT';
  readonly credentials: Credentials;
  readonly ttl: number;
  /** DST is a unicast address of an own element. */
  readonly forOwnUnicast: boolean;
  /** The Relay, Proxy and Friend features are on. */
  readonly relay: boolean;
  readonly proxy: boolean;
  readonly friend: boolean;
}

/** Where a PDU goes: with TTL one less, under flooding credentials of the same subnet. */
export interface RelayTargets {
  /** `relay`: tagged so, with Relay Retransmit; `originated`: with Network Transmit. */
  readonly adv?: 'relay' | 'originated';
  /** `all` connections, or all but the one it came over. */
  readonly gatt?: 'all' | 'others';
}

const NOWHERE: RelayTargets = {};

/** Table 3.13, without directed forwarding and subnet bridge. All matching rows apply. */
export function relayTargets(conditions: RelayConditions): RelayTargets {
  const { from, credentials, ttl, forOwnUnicast, relay, proxy, friend } = conditions;
  if (ttl < 2 || forOwnUnicast) return NOWHERE;
  if (credentials === 'friendship') return from === 'ADV' && friend ? { adv: 'originated', gatt: 'all' } : NOWHERE;
  if (credentials !== 'flooding') return NOWHERE;
  if (from === 'GATT') return proxy ? { adv: 'originated', gatt: 'others' } : NOWHERE;
  return { ...(relay ? { adv: 'relay' as const } : {}), ...(proxy ? { gatt: 'all' as const } : {}) };
}

/** Longest delay before a relayed PDU goes to the bearer, so that relays which heard the same do not all send at once. */
export const RELAY_DELAY_MS = 25;
