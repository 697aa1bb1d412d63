import { blockCount, chunkSizeOfSegments } from './arithmetic.ts';
import {
  type Conditions,
  groupBlockMs,
  groupRepairMs,
  type Lack,
  REPAIR_COPIES,
  type Sending,
  sleepyBlockMs,
  unicastBlockMs,
  unicastRepairMs,
} from './cost-model.ts';
import type { Estimates } from './estimates.ts';
import type { Receiver } from './receiver.ts';
import { SHORT_AT_A_TIME } from './round.ts';
import { BLOCK_REPORT_MS, type Bounds, largestChunk, type OnAir, type Strategy } from './strategy.ts';

/** How long the report of a node that always listens may take, besides its way. */
const PROMPT_REPORT_MS = 2000;

/** Copies of a PDU that relays pass on, unless they prove slower. */
const RELAYED_COPIES = 2;
/** SAR Segment Interval Step for those: 60 ms, a little more than relays need for two copies. */
const RELAYED_INTERVAL_STEP = 5;
/** Between the copies of a PDU, where nothing asks for less. */
const COPY_INTERVAL_MS = 20;
/** More answers at a time, each sent on by every relay, would be lost where relays hear each other. */
const MAX_RELAYED_ANSWERS = 16;
/** From one PDU to the next where nothing is slower: the segment interval, and what is lost between messages. */
const RELAYED_PDU_MS = 10 * (RELAYED_INTERVAL_STEP + 1) + 2;
/** What a relay misses all behind it miss: so little is missed by some alone. Measured, on lines, grids and at random. */
const RELAYED_SPREAD = 0.1;
/** What each receiver adds to the time of capabilities and start, whose answers take two PDUs: PDUs of it, and waits. Measured. */
const OPENING_PDUS = 10;
const OPENING_MS = 50;
const RELAYED_OPENING_MS = 650;
/** What a PDU that every relay sends on costs, ms: two or three copies of it. */
const RELAYED_MS = 60;
const FAR_MS = 300;
/** Relays on the way to the farthest receiver, until it has been heard. */
const USUAL_RELAYS = 2;
/** Long answers that come in parallel without getting into each other's way. Relays send one after the other. */
const ANSWERS_AT_A_TIME = 5;
/** Network Transmit of most nodes, for the estimate of what a request to the group costs. */
const USUAL_COPIES = 3;
/** SAR Unicast Retransmissions Interval with its default, and the wait of the receiver before it acknowledges. */
const RETRANSMISSION_MS = 130;
/**
 * More answers of several PDUs jam the air: they collide, and each is sent again until it is acknowledged. After a request to
 * the group they come within half a second, among short ones.
 */
const MAX_LONG_OF_GROUP = 10;

/** Some are lost: waits take longer than round trips by so much. */
const OVERDUE = 1.5;
/** Share of answers to the group that collide with others. */
const GROUP_UNANSWERED = 0.15;

/** So many are asked one by one at first: with more that takes longer than the knowledge is worth. */
const MAX_PROBED = 100;

/** Adapts to what the radio shows. Chunks go out once, in one SAR pass: Block Status repairs what is lost (airtime.md). */
export class AutoStrategy implements Strategy {
  readonly asksGroupOnly = false;
  readonly #estimates: Estimates;
  readonly #clientTimeoutMs: number;

  constructor(estimates: Estimates, clientTimeoutMs: number) {
    this.#estimates = estimates;
    this.#clientTimeoutMs = clientTimeoutMs;
  }

  blockSizeLog(
    size: number,
    logs: readonly { log: number; bounds: Bounds }[],
    receivers: readonly Receiver[],
    hasGroup: boolean,
  ): number {
    const conditions = this.#conditions(receivers);
    const copies = this.#copiesFor(receivers);
    let best = logs[0]!.log;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const { log, bounds } of logs) {
      const { costMs } = cheapest(Math.min(2 ** log, size), bounds, conditions, hasGroup, copies, () => false);
      const cost = blockCount(size, log) * costMs;
      if (cost > bestCost) continue;
      best = log;
      bestCost = cost;
    }
    return best;
  }

  sending(
    log: number,
    bounds: Bounds,
    receivers: readonly Receiver[],
    hasGroup: boolean,
    avoid: (size: number) => boolean,
  ): Sending {
    return cheapest(2 ** log, bounds, this.#conditions(receivers), hasGroup, this.#copiesFor(receivers), avoid).sending;
  }

  blockMs(size: number, sending: Sending, receivers: readonly Receiver[], isPull: boolean): number {
    const conditions = this.#conditions(receivers);
    if (isPull && this.pullsByUnicast(receivers))
      return sleepyBlockMs(size, sending.chunkSize, receivers.length, conditions);
    return sending.byUnicast
      ? unicastBlockMs(size, sending.chunkSize, conditions)
      : groupBlockMs(size, sending, conditions);
  }

  roundMs(receivers: readonly Receiver[]): number {
    return this.#conditions(receivers).roundMs(receivers.length);
  }

  openingMs(receivers: readonly Receiver[]): number {
    const { unsegmentedMs } = this.#estimates;
    return receivers.length * (areRemote(receivers) ? RELAYED_OPENING_MS : OPENING_PDUS * unsegmentedMs + OPENING_MS);
  }

  repairing(lack: Lack, { chunkSize }: Sending, receivers: readonly Receiver[]): Sending {
    const conditions = this.#conditions(receivers);
    // Acknowledgments would take the relays' time as well.
    if (areRemote(receivers)) return { chunkSize, copies: this.#relayedCopies, byUnicast: false };
    let best: Sending = { chunkSize, copies: 1, byUnicast: true };
    let costMs = unicastRepairMs(lack.pairs, chunkSize, conditions) + conditions.roundMs(receivers.length);
    const fewest = this.#copiesFor(receivers);
    for (const copies of REPAIR_COPIES) {
      const sending = { chunkSize, copies, byUnicast: false };
      const cost = groupRepairMs(lack, sending, conditions);
      if (copies < fewest || cost > costMs) continue;
      best = sending;
      costMs = cost;
    }
    return best;
  }

  asksGroup(asked: readonly Receiver[], all: number, longAnswers: number): boolean {
    const { length } = asked;
    const remote = areRemote(asked);
    if (longAnswers > MAX_LONG_OF_GROUP) return false;
    // Requests one by one show the pace of the bearer, by which block and chunk size are chosen.
    if (!this.#estimates.isPaceMeasured && length <= MAX_PROBED) return false;
    if (remote && length > MAX_RELAYED_ANSWERS) return false;
    return length > 0.3 * all && this.#unicastRoundMs(length, remote) > this.#groupRoundMs(length, remote);
  }

  /** Answers to a group come within 500 ms; over relays each takes its turn on air. */
  groupWaitMs(asked: readonly Receiver[]): number {
    const answersMs = areRemote(asked) ? FAR_MS + RELAYED_MS * asked.length : asked.length;
    return 500 + this.#estimates.answerTimeoutMs(false) / 2 + answersMs;
  }

  unicastWaitMs(asks: number, long: boolean, relays = 0): number {
    const timeoutMs = this.#estimates.answerTimeoutMs(long, relays);
    return Math.min(timeoutMs * 1.5 ** (asks - 1), this.#clientTimeoutMs / 5);
  }

  /** Receivers that answer at once tell when asked; a request to a Low Power node would wait at its Friend, in the way of chunks. */
  reportPatienceMs({ isSleepy }: Receiver): number {
    const longest = Math.min(BLOCK_REPORT_MS, this.#clientTimeoutMs / 2);
    return isSleepy ? longest : Math.min(longest, PROMPT_REPORT_MS + this.#estimates.answerTimeoutMs(false));
  }

  /** What others want from the group would push what a Low Power node wants out of its Friend's queue. */
  pullsByUnicast(receivers: readonly Receiver[]): boolean {
    return receivers.some(({ isSleepy }) => isSleepy);
  }

  groupChunk(copies: number, relayed: boolean): OnAir {
    return {
      sar: { segmentIntervalStep: relayed ? RELAYED_INTERVAL_STEP : 0, multicastRetransmissionsCount: 0 },
      // Where the bearer is faster than the segment interval, copies go out between the segments.
      transmit: { count: copies, intervalMs: this.#estimates.isFast && !relayed ? 10 : 20 },
    };
  }

  /** A message begins as long after the last segment of the one before as segments keep between them. */
  relayPauseMs(copies: number): number {
    return Math.max(0, 10 * (RELAYED_INTERVAL_STEP + 1) - COPY_INTERVAL_MS * (copies - 1));
  }

  /** The first request to one receiver in reach goes out once: asking the few again costs less than copies of all. */
  request(receiver: Receiver, toGroup: boolean): OnAir {
    const { asks } = receiver;
    const sar = { segmentIntervalStep: 0, multicastRetransmissionsCount: 1, multicastRetransmissionsIntervalStep: 0 };
    if (toGroup || asks > 2 || this.#lossOf(receiver) > 0.3) return { sar };
    const count = receiver.isRemote ? RELAYED_COPIES : Math.max(1, asks);
    return { sar, transmit: { count, intervalMs: COPY_INTERVAL_MS } };
  }

  /** Segments that get lost are sent again by the transport layer; copies only where very many do, as over relays. */
  unicastChunk(receiver: Receiver): OnAir {
    const loss = this.#lossOf(receiver);
    const sar = {
      segmentIntervalStep: 0,
      unicastRetransmissionsCount: 15,
      unicastRetransmissionsWithoutProgressCount: 5,
    };
    if (receiver.isRemote) return { sar };
    const count = loss < 0.1 ? 1 : loss < 0.25 ? 2 : 3;
    return { sar, transmit: { count, intervalMs: 20 } };
  }

  patienceMs(): number {
    return Math.max(3000, 5 * this.#estimates.answerTimeoutMs(true));
  }

  #lossOf(receiver: Receiver): number {
    return this.#estimates.lossOf([receiver])[0] as number;
  }

  #conditions(receivers: readonly Receiver[]): Conditions {
    const { unsegmentedMs } = this.#estimates;
    const remote = areRemote(receivers);
    const leastMs = remote ? RELAYED_PDU_MS / this.#relayedCopies : 0;
    const loss = this.#estimates.lossOf(receivers);
    const mean = Math.min(0.5, loss.reduce((sum, each) => sum + each, 0) / Math.max(1, loss.length));
    // Requests go out once, short answers twice; over relays `loss` is of PDUs, and the last answer is that of the farthest.
    const unanswered = remote ? 1 - (1 - Math.min(0.5, Math.max(...loss))) ** 2 : 1 - (1 - mean) * (1 - mean ** 2);
    const relays = receivers.reduce((most, each) => Math.max(most, each.relays), remote ? USUAL_RELAYS : 0);
    const overdueMs = this.#estimates.answerTimeoutMs(false, relays);
    return {
      loss,
      jointLoss: (copies) => this.#estimates.jointLoss(copies),
      relayed: remote,
      spread: remote ? RELAYED_SPREAD : 1,
      segmentMs: Math.max(this.#estimates.segmentMs, leastMs),
      unsegmentedMs,
      roundMs: (asked) =>
        Math.min(this.#unicastRoundMs(asked, remote), this.#groupRoundMs(asked, remote)) +
        repetitions(asked, unanswered) * overdueMs,
      answerSegmentMs: remote ? 1.5 * RELAYED_MS : this.#estimates.answerSegmentMs,
      answerAckMs: remote ? 0 : USUAL_COPIES * unsegmentedMs,
      answersAtATime: remote ? 1 : ANSWERS_AT_A_TIME,
      ackMs: this.#estimates.ackMs,
      unicastCopies: this.#copiesFor(receivers),
      retransmissionMs: this.#estimates.isAckMeasured ? 0 : RETRANSMISSION_MS * this.#copiesFor(receivers),
    };
  }

  /**
   * Fewest copies of a PDU. A relay sends each PDU two or three times: a source that is faster only fills its queues, and in
   * that time it can as well send copies.
   */
  #copiesFor(receivers: readonly Receiver[]): number {
    return areRemote(receivers) ? this.#relayedCopies : 1;
  }

  get #relayedCopies(): number {
    return this.#estimates.relaysLag ? USUAL_COPIES : RELAYED_COPIES;
  }

  /** One request after the other; each is answered within 20 to 50 ms. */
  #unicastRoundMs(asked: number, remote: boolean): number {
    if (remote) return 2 * asked * RELAYED_MS + this.#estimates.roundTripMs(false) + FAR_MS;
    const atOnce = Math.min(asked, SHORT_AT_A_TIME);
    const { unsegmentedMs } = this.#estimates;
    return atOnce * unsegmentedMs + (asked - atOnce) * this.#requestMs + this.#estimates.roundTripMs(false);
  }

  /** From one request to the next: so many answers are waited for at a time. */
  get #requestMs(): number {
    return Math.max(this.#estimates.unsegmentedMs, (OVERDUE * this.#estimates.roundTripMs(false)) / SHORT_AT_A_TIME);
  }

  /** One request; the last of so many answers, each delayed by 20 to 500 ms at random. */
  #groupRoundMs(asked: number, remote: boolean): number {
    if (remote) return (1 + asked) * RELAYED_MS + this.#estimates.roundTripMs(false) + FAR_MS;
    const { unsegmentedMs } = this.#estimates;
    const answerMs = this.#estimates.roundTripMs(false) / 2;
    const silentMs = GROUP_UNANSWERED * asked * this.#requestMs;
    return USUAL_COPIES * unsegmentedMs + 20 + (480 * asked) / (asked + 1) + answerMs + silentMs;
  }
}

/** How often on average the last of `asked` receivers must be asked again, when each answer is missing by this chance. */
function repetitions(asked: number, unanswered: number): number {
  let sum = 0;
  for (let missing = unanswered; missing * asked > 0.01; missing *= unanswered) sum += 1 - (1 - missing) ** asked;
  return sum;
}

function areRemote(receivers: readonly Receiver[]): boolean {
  return receivers.some(({ isRemote }) => isRemote);
}

/** The cheapest of the sizes that fill their segments, of one to three copies to the group, and of one by one. */
function cheapest(
  blockSize: number,
  bounds: Bounds,
  conditions: Conditions,
  hasGroup: boolean,
  minCopies: number,
  avoid: (size: number) => boolean,
): { sending: Sending; costMs: number } {
  let best: Sending = { chunkSize: bounds.maxChunkSize, copies: minCopies, byUnicast: !hasGroup };
  let costMs = Number.POSITIVE_INFINITY;
  const consider = (sending: Sending): void => {
    const cost = sending.byUnicast
      ? unicastBlockMs(blockSize, sending.chunkSize, conditions)
      : groupBlockMs(blockSize, sending, conditions);
    if (cost >= costMs) return;
    best = sending;
    costMs = cost;
  };
  for (const chunkSize of chunkSizes(bounds, avoid, conditions.relayed)) {
    consider({ chunkSize, copies: 1, byUnicast: true });
    if (!hasGroup) continue;
    for (let copies = minCopies; copies <= (conditions.relayed ? minCopies : 3); copies++)
      consider({ chunkSize, copies, byUnicast: false });
  }
  return { sending: best, costMs };
}

/** Those that fill their segments; where none does, the largest. What relays can pass on in a second are PDUs: short ones waste it. */
function chunkSizes(
  { minChunkSize, maxChunkSize }: Bounds,
  avoid: (size: number) => boolean,
  relayed: boolean,
): readonly number[] {
  const sizes: number[] = [];
  for (let segments = relayed ? 2 : 1; segments <= 32; segments++) {
    const size = chunkSizeOfSegments(segments);
    if (size >= minChunkSize && size <= maxChunkSize && !avoid(size)) sizes.push(size);
  }
  return sizes.length > 0 ? sizes : [largestChunk({ minChunkSize, maxChunkSize }, avoid)];
}
