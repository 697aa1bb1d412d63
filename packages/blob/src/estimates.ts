import { FAST_MS, missChance } from './cost-model.ts';
import type { RadioOutlook } from './outlook.ts';
import type { Receiver } from './receiver.ts';

/** Event loss that is assumed before anything was measured: what scan hopping alone costs (airtime.md). */
const ASSUMED_LOSS = 0.02;
/**
 * How many events the assumption counts for, and for how many where the radio was surveyed; then how much what all receivers
 * together have shown counts for each.
 */
const ASSUMED_WEIGHT = 400;
const SURVEYED_WEIGHT = 3;
const COMMON_WEIGHT = 300;
/** The same where PDUs come over relays, which send copies: fewer get lost, and how many depends on how far a receiver is. */
const RELAYED_LOSS = 0.015;
const RELAYED_WEIGHT = 50;
const RELAYED_COMMON_WEIGHT = 100;
/** What of the earlier observations still counts after a new one. */
const MEMORY = 0.85;

/** Copies are missed together less often than chance would have it: that few were missed says little of single events. */
const COPIES_TRUST = 0.05;

/**
 * So much of what is missed by chance is missed in spite of copies, as a copy that goes out an interval later finds the receiver
 * on another channel, and for how many missed chunks that counts against those that were seen to be. Measured.
 */
const JOINT_LOSS = 0.8;
const JOINT_WEIGHT = 3;

/** Between segments of one message at least [Mesh Protocol 1.1, 4.2.48.1]. */
const SEGMENT_INTERVAL_MS = 10;

/** From the last segment to its acknowledgment where nothing waits for its turn on the bearer. Measured. */
const FAST_ACK_MS = 35;

/** Waits of this many mean deviations are long enough; of short answers, once so many are known, fewer: they hardly scatter. */
const DEVIATIONS = 4;
const SHORT_DEVIATIONS = 2;
const KNOWN = 10;
const MIN_TIMEOUT_MS = 80;
const MAX_TIMEOUT_MS = 4000;
/** There and back, what one more relay takes: its delay, and two copies of each. */
const HOP_MS = 100;

/** Servers wait 20 to 50 ms before they answer [Mesh Protocol 1.1, 3.7.3.1]. */
const DELAY_MS = 35;

/** How long answers of one kind take: smoothed mean and mean deviation. */
interface RoundTrip {
  /** Answers that it is made of. */
  count: number;
  ms: number;
  deviation: number;
}

/** What the radio has shown so far: pace of the bearer, round trip, loss. Times in ms. */
export class Estimates {
  /** Time that the bearer takes for one advertising event of a segment, of an unsegmented message. */
  segmentMs = 25;
  unsegmentedMs = 25;
  /** What one segment adds to an answer of several. */
  answerSegmentMs = 40;
  /** From the last segment of a message to one receiver until its acknowledgment. */
  ackMs = 60;
  /** Relays do not keep up with two copies of each PDU. */
  relaysLag = false;
  /** `ackMs` was measured, and so holds what losses cost. */
  isAckMeasured = false;
  #unsegmentedMeasured = false;
  #assumedWeight = ASSUMED_WEIGHT;
  readonly #requestPaces: number[] = [];
  /** By the number of copies: chunks that were missed, and that were expected to be by the loss of single events. */
  readonly #copies = new Map<number, { missed: number; expected: number }>();
  /** Answers of one PDU, of several. */
  readonly #short: RoundTrip = { count: 0, ms: 120, deviation: 60 };
  readonly #long: RoundTrip = { count: 0, ms: 300, deviation: 100 };

  /** `outlook`: what was known before. */
  constructor({ eventMs, roundTripMs, receivers }: Partial<RadioOutlook> = {}) {
    for (const { events } of receivers?.values() ?? []) if (events > 0) this.#assumedWeight = SURVEYED_WEIGHT;
    if (eventMs !== undefined) {
      this.unsegmentedMs = eventMs;
      this.segmentMs = Math.max(SEGMENT_INTERVAL_MS, eventMs);
      this.#unsegmentedMeasured = true;
      if (eventMs < SEGMENT_INTERVAL_MS) this.ackMs = FAST_ACK_MS;
    }
    if (roundTripMs !== undefined) this.#short.ms = roundTripMs;
  }

  /** The bearer has taken `elapsedMs` for `events` events in a row. */
  observePace(events: number, elapsedMs: number, segmented: boolean): void {
    if (events < 8) return;
    const pace = Math.max(0.5, elapsedMs / events);
    if (!segmented) {
      this.unsegmentedMs += 0.5 * (pace - this.unsegmentedMs);
      this.#unsegmentedMeasured = true;
      return;
    }
    this.segmentMs += 0.5 * (pace - this.segmentMs);
    // Held by the segment interval of 10 ms: an unsegmented message may go faster. Trying it once will tell.
    if (!this.isPaceMeasured) this.unsegmentedMs = pace < 13 ? pace / 3 : pace;
  }

  /** Copies fit between segments. */
  get isFast(): boolean {
    return this.unsegmentedMs < FAST_MS;
  }

  /** Unsegmented messages have shown the pace of the bearer. */
  get isPaceMeasured(): boolean {
    return this.#unsegmentedMeasured || this.#requestPaces.length > 0;
  }

  /**
   * A request in one event left so long after the one before it, which is all there is to go by until chunks have. Other
   * traffic gets in between: the shorter ones of these times tell.
   */
  observeRequestPace(ms: number): void {
    if (this.#unsegmentedMeasured) return;
    const paces = this.#requestPaces;
    paces.push(Math.max(0.5, ms));
    paces.sort((a, b) => a - b);
    this.unsegmentedMs = paces[Math.floor(paces.length / 3)] as number;
    this.segmentMs = Math.max(SEGMENT_INTERVAL_MS, this.unsegmentedMs);
  }

  /** `messages` acknowledged messages of `segments` segments in all took so long, one after the other. */
  observeAcknowledged(messages: number, segments: number, elapsedMs: number): void {
    if (messages < 4) return;
    const ackMs = Math.max(0, elapsedMs - segments * this.segmentMs) / messages;
    this.isAckMeasured = true;
    this.ackMs += 0.3 * (Math.min(ackMs, 5000) - this.ackMs);
  }

  /** An answer of so many PDUs came so long after the first request for it had left. */
  observeLongAnswer(ms: number, segments: number): void {
    const segmentMs = Math.max(0, ms - this.#short.ms) / (segments - 1);
    this.answerSegmentMs += 0.125 * (segmentMs - this.answerSegmentMs);
  }

  /** A request to one receiver was answered so long after it had left, by one PDU or by several (`long`). */
  observeRoundTrip(ms: number, long: boolean, relays = 0): void {
    const trip = this.#trip(long);
    const error = Math.max(20, ms - relays * HOP_MS * (long ? 2 : 1)) - trip.ms;
    trip.count++;
    trip.ms += 0.125 * error;
    trip.deviation += 0.25 * (Math.abs(error) - trip.deviation);
  }

  /** When an answer to a unicast request is overdue. */
  answerTimeoutMs(long: boolean, relays = 0): number {
    const { ms, deviation, count } = this.#trip(long);
    const way = relays * HOP_MS * (long ? 2 : 1);
    const timeout = ms + (long || count < KNOWN ? DEVIATIONS : SHORT_DEVIATIONS) * deviation;
    return Math.min(MAX_TIMEOUT_MS, way + Math.max(MIN_TIMEOUT_MS, timeout));
  }

  /** Mean time until such an answer to a unicast request. */
  roundTripMs(long: boolean): number {
    const { count, ms } = this.#trip(long);
    return long || count > 0 ? ms : Math.min(ms, DELAY_MS + 3 * this.unsegmentedMs);
  }

  #trip(long: boolean): RoundTrip {
    return long ? this.#long : this.#short;
  }

  /**
   * One sending to the group, each PDU in `copies` events: what each receiver missed of the chunks, of `segments` segments,
   * that it lacked before.
   */
  observeLoss(passes: readonly Pass[], segments: number, copies: number): void {
    if (passes.some(({ receiver }) => receiver.isRemote)) {
      this.#observeRelayed(passes, segments);
    } else if (copies > 1) this.#observeCopies(passes, segments, copies);
    else {
      for (const pass of passes) {
        const loss = eventLoss(pass.missed, pass.chunks, segments, 1);
        pass.receiver.singleLoss = loss;
        learn(pass, loss, segments);
      }
    }
  }

  /** Over relays: the chance to miss a PDU. When most of them get lost, they come faster than relays pass them on. */
  #observeRelayed(passes: readonly Pass[], segments: number): void {
    let sum = 0;
    let pdus = 0;
    for (const pass of passes) {
      const loss = eventLoss(pass.missed, pass.chunks, segments, 1);
      sum += loss * pass.chunks;
      pdus += pass.chunks;
      learn(pass, loss, segments);
    }
    if (pdus >= 40 && sum > 0.3 * pdus) this.relaysLag = true;
  }

  /**
   * Copies leave few losses, too few to tell of one receiver: all are taken together. And losses come in bursts: what is
   * missed in spite of copies overstates the loss of single events, which a sending without copies has shown better.
   */
  #observeCopies(passes: readonly Pass[], segments: number, copies: number): void {
    let chunks = 0;
    let missed = 0;
    for (const pass of passes) {
      chunks += pass.chunks;
      missed += pass.missed;
    }
    if (chunks === 0) return;
    this.#observeJoint(passes, missed, segments, copies);
    const loss = eventLoss(missed, chunks, segments, copies);
    for (const pass of passes) {
      const bounded = Math.min(loss, 1.3 * (pass.receiver.singleLoss ?? 1));
      learn(pass, bounded, segments * copies, bounded < pass.receiver.loss ? COPIES_TRUST : 1);
    }
  }

  #observeJoint(passes: readonly Pass[], missed: number, segments: number, copies: number): void {
    const losses = this.lossOf(passes.map(({ receiver }) => receiver));
    const joint = this.#copies.get(copies) ?? { missed: 0, expected: 0 };
    let expected = 0;
    for (const [i, { chunks }] of passes.entries())
      expected += chunks * missChance(losses[i] as number, copies, segments);
    joint.missed = MEMORY * joint.missed + missed;
    joint.expected = MEMORY * joint.expected + expected;
    this.#copies.set(copies, joint);
  }

  /** How much more often than by chance all of so many copies were missed. */
  jointLoss(copies: number): number {
    if (copies === 1) return 1;
    const { missed, expected } = this.#copies.get(copies) ?? { missed: 0, expected: 0 };
    return (missed + (this.isFast ? 1 : JOINT_LOSS) * JOINT_WEIGHT) / (expected + JOINT_WEIGHT);
  }

  /** The chance of each receiver to miss an event: its own record, steadied by that of all. */
  lossOf(receivers: readonly Receiver[]): number[] {
    const relayed = receivers.some(({ isRemote }) => isRemote);
    let weight = relayed ? Math.max(RELAYED_WEIGHT, this.#assumedWeight) : this.#assumedWeight;
    let sum = weight * (relayed ? RELAYED_LOSS : ASSUMED_LOSS);
    const commonWeight = relayed ? RELAYED_COMMON_WEIGHT : COMMON_WEIGHT;
    for (const receiver of receivers) {
      sum += receiver.loss * receiver.lossWeight;
      weight += receiver.lossWeight;
    }
    const common = sum / weight;
    return receivers.map(
      (receiver) =>
        (receiver.loss * receiver.lossWeight + common * commonWeight) / (receiver.lossWeight + commonWeight),
    );
  }
}

/** What one receiver missed of `chunks` chunks that were sent and that it lacked. */
export interface Pass {
  readonly receiver: Receiver;
  readonly chunks: number;
  readonly missed: number;
}

/** The loss of single events that explains so many missed chunks. Nothing arrived counts as half a chunk. */
function eventLoss(missed: number, chunks: number, segments: number, copies: number): number {
  const share = Math.min(missed, chunks - 0.5) / chunks;
  return (1 - (1 - share) ** (1 / segments)) ** (1 / copies);
}

/** `trust`, at most 1: how much a new observation counts, against earlier ones too. */
function learn({ receiver, chunks }: Pass, loss: number, eventsPerChunk: number, trust = 1): void {
  const weight = trust * chunks * eventsPerChunk;
  const before = receiver.lossWeight * MEMORY ** trust;
  receiver.loss = (receiver.loss * before + loss * weight) / (before + weight);
  receiver.lossWeight = before + weight;
}
