import { airTimeMicroseconds } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';

/** In any time of this length the share is kept, ms. */
const WINDOW_MS = 10_000;
/** Of the window's air, so much may be taken at a stretch, or so many ms if that is less. */
const BURST_SHARE = 0.05;
const BURST_MS = 20;
/** Of the window's air, so much is left free for answers and relays, at least and at most. */
const RESERVE_SHARE = { least: 0.1, most: 0.5 };
/** What answers once took beyond the budget is reserved with a margin, and forgotten in about so many ms. */
const RESERVE_MARGIN = 1.25;
const RESERVE_MS = 120_000;
/** Over how long load and deafness are averaged, ms: relays of one PDU come all together. */
const AVERAGE_MS = 20;
/**
 * A listener elsewhere may hear more relays and answers than this node does: so many times as much where all are in reach of
 * each other, and where none is: this node may be at the edge of the network.
 */
const ELSEWHERE = { near: 1.25, far: 2.75 };
/** Of so many messages it is seen how many come over relays. */
const FEW_MESSAGES = 64;
/** When this part of all does, there are relays. */
const SOME_FAR = 0.02;
/** Nobody is taken to have sent more than so many times what was heard. */
const UNHEARD_MAX = 4;
/** An advertising event keeps the transmitter for three packets and two gaps of so many ms. */
const CHANNELS = 3;
const GAP_MS = 0.25;
/** Over how long it is learnt how much air others take for each PDU of this node, ms; and what such a guess begins with. */
const ECHO_MS = 30_000;
const ECHO_BASE_MS = 10;
/** Octets of the longest Network PDU. */
const PDU_OCTETS = 29;
/** Sums of fractions of milliseconds are not exact: what is this near is now. */
const EPSILON_MS = 1e-6;

/**
 * Keeps a bulk transfer within a share of the air, counted as a listener on one advertising channel hears it: what this
 * node sends and what others send, answers and relays above all. In any 10 s no more than the share is taken, unless others
 * and interactive messages take it alone.
 *
 * A bucket that fills at a steady rate, up to a short burst, and that everything on air empties. A bulk PDU may be sent when
 * the bucket holds its air; others may go below its bottom. What filled it in 10 s, the burst and the deepest such debt are
 * together what a window can hold at most; so the rate is the share less burst and debt, and the share holds in every
 * window without a record of what was sent when.
 */
export class AirBudget {
  readonly share: number;
  readonly #burstMs: number;
  /** What is left, ms of air; negative when others, or interactive messages, took more. */
  #leftMs: number;
  #at: number;
  /** Handed to the bearers and not yet left, ms of air. */
  #heldMs = 0;
  /** The debt that is reckoned with, ms of air. */
  #reserveMs: number;
  /** Air that others took, and time in which this node was deaf because it sent, both fading, ms. */
  #othersMs = 0;
  #deafMs = 0;
  /** Part of the messages that come over relays. */
  #far = 0.5;
  #highestTtl = 0;
  #messages = 0;
  #farMessages = 0;
  /** Air that this node took, and that others took, lately, ms. */
  #ownLatelyMs = 0;
  #othersLatelyMs = 0;

  /** `share`: 0.01 to 1. `now` on the clock, ms. Throws `bad-field`. */
  constructor(share: number, now: number) {
    this.share = checkAirtime(share);
    this.#burstMs = Math.min(BURST_MS, BURST_SHARE * share * WINDOW_MS);
    this.#leftMs = this.#burstMs;
    this.#reserveMs = this.#leastReserveMs;
    this.#at = now;
  }

  /** Air per ms that a bulk transfer gets, answers and relays included. */
  get rate(): number {
    return this.share - (this.#burstMs + this.#reserveMs) / WINDOW_MS;
  }

  /**
   * Time from one advertising event of a long bulk transfer to the next when it sends as much as it may, ms; where there are
   * relays as far as is known what they take. Answers are few then.
   */
  get eventMs(): number {
    const hasRelays = this.#farMessages > SOME_FAR * this.#messages;
    const echo = hasRelays ? this.#othersLatelyMs / (this.#ownLatelyMs + ECHO_BASE_MS) : 0;
    const mostRate = this.share * (1 - RESERVE_SHARE.least) - this.#burstMs / WINDOW_MS;
    return (airMs(PDU_OCTETS, 1) * (1 + echo)) / mostRate;
  }

  /** So much air was handed to the bearers, ms. */
  hold(airMs: number): void {
    this.#heldMs += airMs;
  }

  /** What was held has left by now, in so many advertising events. */
  release(airMs: number, events: number, now: number): void {
    this.#heldMs -= airMs;
    this.sent(airMs, events, now);
  }

  /** This node has sent so much, ms of air, in so many advertising events. */
  sent(airMs: number, events: number, now: number): void {
    this.#advance(now);
    this.#deafMs += CHANNELS * airMs + (CHANNELS - 1) * GAP_MS * events;
    this.#ownLatelyMs += airMs;
    this.#take(airMs);
  }

  /**
   * One PDU of another node was heard, ms of air. More were sent than are heard: none while this node sends, and none of
   * two that collide, which at a load G come through with a chance of e^(-2G).
   */
  heard(airMs: number, now: number): void {
    this.#advance(now);
    const deaf = Math.min(1, this.#deafMs / AVERAGE_MS);
    const clear = Math.exp((-2 * this.#othersMs) / AVERAGE_MS) * (1 - deaf);
    const takenMs = airMs * Math.min(UNHEARD_MAX, 1 / clear);
    this.#othersMs += takenMs;
    const elsewhereMs = takenMs * (ELSEWHERE.near + this.#far * (ELSEWHERE.far - ELSEWHERE.near));
    this.#othersLatelyMs += elsewhereMs;
    this.#take(elsewhereMs);
  }

  /** A PDU for this node came with this TTL: the highest comes directly, lower ones over relays. */
  arrived(ttl: number): void {
    if (ttl === 0) return;
    this.#highestTtl = Math.max(this.#highestTtl, ttl);
    const isFar = ttl < this.#highestTtl ? 1 : 0;
    this.#messages++;
    this.#farMessages += isFar;
    this.#far += (isFar - this.#far) / FEW_MESSAGES;
  }

  /** Until so much may be taken by a bulk PDU, ms. */
  waitMs(airMs: number, now: number): number {
    this.#advance(now);
    const wait = (airMs + this.#heldMs - this.#leftMs) / this.rate;
    return wait > EPSILON_MS ? wait : 0;
  }

  get #leastReserveMs(): number {
    return RESERVE_SHARE.least * this.share * WINDOW_MS;
  }

  #take(airMs: number): void {
    const windowMs = this.share * WINDOW_MS;
    // More than a whole window behind would only punish later for what no window shows any more.
    this.#leftMs = Math.max(this.#leftMs - airMs, -windowMs);
    const debtMs = -RESERVE_MARGIN * this.#leftMs;
    if (debtMs > this.#reserveMs) this.#reserveMs = Math.min(debtMs, RESERVE_SHARE.most * windowMs);
  }

  #advance(now: number): void {
    const ms = now - this.#at;
    if (ms <= 0) return;
    this.#at = now;
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + this.rate * ms);
    const least = this.#leastReserveMs;
    this.#reserveMs = least + (this.#reserveMs - least) * Math.exp(-ms / RESERVE_MS);
    const fading = Math.exp(-ms / AVERAGE_MS);
    this.#othersMs *= fading;
    this.#deafMs *= fading;
    const forgetting = Math.exp(-ms / ECHO_MS);
    this.#ownLatelyMs *= forgetting;
    this.#othersLatelyMs *= forgetting;
  }
}

/** Air of a PDU (octets of the AD structure's data) in so many copies, on one channel, ms. */
export function airMs(octets: number, copies: number): number {
  return (copies * airTimeMicroseconds(octets)) / 1000;
}

/** Throws `bad-field` for what cannot be a share of the air. */
export function checkAirtime(share: number): number {
  if (share >= 0.01 && share <= 1) return share;
  throw new MeshError('bad-field', `airtime ${share}`, { hint: 'Give a share from 0.01 (1 %) to 1 (100 %).' });
}
