import { MeshError } from '@meshferry/core';
import type { FriendRequest } from './control-messages.ts';

/** What a Friend offers. */
export interface FriendLimits {
  /** Low Power nodes at a time, of all subnets. Default 8. */
  readonly lowPowerNodes: number;
  /** PDUs that the Friend Queue of each holds, 2 to 255. Default 64: two messages of 32 segments. */
  readonly queueSize: number;
  /** Addresses in the Friend Subscription List of each, 0 to 255. Default 16. */
  readonly subscriptionListSize: number;
  /** How long after the ReceiveDelay an answer may start, 1 to 255 ms. Default 255: other PDUs may be on air first. */
  readonly receiveWindowMs: number;
  /** Requests with a shorter ReceiveDelay are not answered, ms. Default 10; 50 where the radio is slow to send. */
  readonly minReceiveDelayMs: number;
}

const DEFAULT_LIMITS: FriendLimits = {
  lowPowerNodes: 8,
  queueSize: 64,
  subscriptionListSize: 16,
  receiveWindowMs: 255,
  minReceiveDelayMs: 10,
};

const RANGES: Record<keyof FriendLimits, readonly [number, number]> = {
  lowPowerNodes: [1, 0x7fff],
  queueSize: [2, 255],
  subscriptionListSize: [0, 255],
  receiveWindowMs: [1, 255],
  minReceiveDelayMs: [10, 255],
};

/** The defaults with `changes`; throws `bad-field`. */
export function friendLimits(changes: Partial<FriendLimits>): FriendLimits {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  for (const field of Object.keys(RANGES) as (keyof FriendLimits)[]) {
    const [min, max] = RANGES[field];
    const value = limits[field];
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    throw new MeshError('bad-field', `Friend ${field} = ${value}`, {
      hint: `Give a whole number from ${min} to ${max}.`,
    });
  }
  return limits;
}

/** Whether a Friend with these limits can do what the Low Power node asks for [Mesh Protocol 1.1, 3.6.6.3.1]. */
export function canServe(limits: FriendLimits, request: FriendRequest): boolean {
  return request.receiveDelay >= limits.minReceiveDelayMs && 2 ** request.minQueueSizeLog <= limits.queueSize;
}

/** The PollTimeout that a Low Power node asks for, ms. */
export function pollTimeoutMs(request: Pick<FriendRequest, 'pollTimeout'>): number {
  return request.pollTimeout * 100;
}

/** From a Friend Request to the Offer, ms: the strong and quick Friends answer first [3.6.6.3.1]. */
export function offerDelayMs(
  request: Pick<FriendRequest, 'rssiFactor' | 'receiveWindowFactor'>,
  receiveWindowMs: number,
  rssiDbm: number,
): number {
  const factor = (value: number) => 1 + value / 2;
  const local = factor(request.receiveWindowFactor) * receiveWindowMs - factor(request.rssiFactor) * rssiDbm;
  return Math.max(local, 100);
}

/**
 * Whether a Friend Clear with this LPNCounter ends the friendship whose Request had `own`: it is as new or newer, by 255
 * at most [3.6.6.3.1].
 */
export function isClearValid(own: number, clear: number): boolean {
  return ((clear - own) & 0xffff) <= 255;
}
