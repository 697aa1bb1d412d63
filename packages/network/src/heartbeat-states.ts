import type { Address, NetIndex, Unicast } from '@meshferry/core';

/** Periodic and triggered Heartbeats of this node [Mesh Protocol 1.1, 4.2.18]. */
export interface HeartbeatPublicationState {
  /** Unicast or group; 0: off. */
  readonly destination: Address;
  /** Heartbeats left to send, 0 to 0xFFFE; 0xFFFF: without end. */
  readonly count: number;
  /** 2^(n - 1) s, 0 to 0x11; 0: no periodic Heartbeats. */
  readonly periodLog: number;
  /** 0 to 127. */
  readonly ttl: number;
  /** `Feature` bits whose change triggers a Heartbeat. */
  readonly features: number;
  readonly netIndex: NetIndex;
}

export const NO_HEARTBEAT_PUBLICATION: HeartbeatPublicationState = {
  destination: 0,
  count: 0,
  periodLog: 0,
  ttl: 0,
  features: 0,
  netIndex: 0,
};

/** Heartbeats of another node that are counted, and what was found [4.2.19]. */
export interface HeartbeatSubscriptionState {
  /** 0: off. */
  readonly source: Unicast;
  /** The own primary address or a group; 0: off. */
  readonly destination: Address;
  /** Time left, s, fractions allowed; 0: over, the results stay. */
  readonly period: number;
  /** 0 to 0xFFFF, where it stops. */
  readonly count: number;
  /** Hops of the nearest and farthest, 1 to 127; 0x7F and 0 before the first. */
  readonly minHops: number;
  readonly maxHops: number;
}

/** The count that a CountLog of Heartbeat Publication Set means (0 to 0x11, 0xFF); undefined for a prohibited one. */
export function decodePublicationCountLog(log: number): number | undefined {
  if (log === 0 || log === 0xff) return log === 0 ? 0 : 0xffff;
  if (!(log >= 1 && log <= 0x11)) return undefined;
  return Math.min(2 ** (log - 1), 0xfffe);
}

/** CountLog of Heartbeat Publication Status: the smallest n with 2^(n - 1) not less than the count; 0xFF without end. */
export function encodePublicationCountLog(count: number): number {
  if (count === 0 || count === 0xffff) return count === 0 ? 0 : 0xff;
  return Math.ceil(Math.log2(count)) + 1;
}

/** The period that a PeriodLog means, s; undefined for a prohibited one (above 0x11). */
export function decodePeriodLog(log: number): number | undefined {
  if (log === 0) return 0;
  return log >= 1 && log <= 0x11 ? 2 ** (log - 1) : undefined;
}

/** PeriodLog of Heartbeat Subscription Status: the largest n with 2^(n - 1) not more than the seconds left. */
export function encodeSubscriptionPeriodLog(seconds: number): number {
  return seconds < 1 ? (seconds > 0 ? 1 : 0) : Math.floor(Math.log2(seconds)) + 1;
}

/** CountLog of Heartbeat Subscription Status: the largest n with 2^(n - 1) not more than the count; 0xFF for 0xFFFF. */
export function encodeSubscriptionCountLog(count: number): number {
  if (count === 0 || count === 0xffff) return count === 0 ? 0 : 0xff;
  return Math.floor(Math.log2(count)) + 1;
}
