import { blockShape, segmentsOfBlock, segmentsOfChunk } from './arithmetic.ts';

/** What sending a block to a group costs, as far as it is known before. Times in ms. */
export interface Conditions {
  /** Chance that one advertising event is missed, for each receiver. */
  readonly loss: readonly number[];
  /** How much more often than by chance all of so many copies are missed. */
  jointLoss(copies: number): number;
  /** Relays pass the PDUs on: `loss` is the chance to miss a PDU, and copies of the source alone do not lower it. */
  readonly relayed: boolean;
  /** From 0, receivers miss the same chunks, to 1, each misses others, by chance. */
  readonly spread: number;
  /** Time that the bearer takes for one event of an unsegmented message, of a segment. */
  readonly unsegmentedMs: number;
  readonly segmentMs: number;
  /** Requests to so many and their answers of one PDU. */
  roundMs(asked: number): number;
  /** What one segment adds to an answer of several. */
  readonly answerSegmentMs: number;
  /** For how long acknowledging an answer of several PDUs takes the bearer. */
  readonly answerAckMs: number;
  /** Long answers that come in parallel without getting into each other's way. */
  readonly answersAtATime: number;
  /** From the last segment of a message to one receiver until its acknowledgment. */
  readonly ackMs: number;
  /** Advertising events of each segment to one receiver. */
  readonly unicastCopies: number;
  /** What a lost segment or acknowledgment costs besides, where `ackMs` does not hold it already. */
  readonly retransmissionMs: number;
}

/** A way to send chunks of a block. */
export interface Sending {
  readonly chunkSize: number;
  /** How often each chunk goes to the group. */
  readonly copies: number;
  /** To each receiver by itself, acknowledged by the transport layer. */
  readonly byUnicast: boolean;
}

/** Expected time of one block of `blockSize` octets sent to all with repair until nobody misses anything (blob.md 14.4). */
export function groupBlockMs(blockSize: number, sending: Sending, conditions: Conditions): number {
  const { chunkSize } = sending;
  const shape = blockShape(blockSize, Math.ceil(Math.log2(blockSize)), 0, chunkSize);
  const sendingMs = segmentsOfBlock(shape) * pduMs(sending, conditions);
  const missed = missedBy(sending, conditions);
  const repairs = REPAIR_COPIES.map((again) =>
    repairMs(missed, shape.chunkCount, shape.chunkCount, { ...sending, copies: again }, conditions),
  );
  return conditions.roundMs(missed.length) + sendingMs + Math.min(...repairs);
}

/** Repairs of a few chunks may take more copies than their first sending: one check less is worth that. */
export const REPAIR_COPIES: readonly number[] = [1, 2, 3];

/** What is missing of a block. */
export interface Lack {
  /** Chunks that somebody misses, and the sum of what each misses. */
  readonly chunks: number;
  readonly pairs: number;
  /** Chunks of the block. */
  readonly of: number;
}

/** Expected time of sending chunks once more to all who miss some, of the check and of all that follows from it. */
export function groupRepairMs({ chunks, pairs, of }: Lack, sending: Sending, conditions: Conditions): number {
  const sendingMs = chunks * segmentsOfChunk(sending.chunkSize) * pduMs(sending, conditions);
  const share = pairs / (chunks * conditions.loss.length);
  const missing = missedBy(sending, conditions).map((missed) => share * missed);
  return sendingMs + repairMs(missing, chunks, of, sending, conditions);
}

/**
 * Checks and further sendings, until nobody misses any of `chunks` chunks of a block of `ofBlock`, when each receiver misses
 * each of them with the chance of its own now.
 */
function repairMs(
  missing: readonly number[],
  chunks: number,
  ofBlock: number,
  sending: Sending,
  conditions: Conditions,
): number {
  const chunkMs = segmentsOfChunk(sending.chunkSize) * pduMs(sending, conditions);
  const segments = segmentsOfBlockStatus(ofBlock);
  const listMs = conditions.answerSegmentMs * (segments - 1);
  const ackMs = conditions.loss.map((loss) => conditions.answerAckMs * (segments > 1 ? timesSent(loss, segments) : 0));
  const missedAgain = missedBy(sending, conditions);
  const chances = [...missing];
  let asked = missing.length;
  let needed = 1;
  let sum = 0;
  for (let round = 0; round < MAX_ROUNDS && asked > NEGLIGIBLE; round++) {
    let listing = 0;
    let chunkHeld = 1;
    let most = 0;
    for (const [receiver, chance] of chances.entries()) {
      const lists = 1 - (1 - chance) ** chunks;
      listing += lists;
      sum += lists * (ackMs[receiver] as number);
      chunkHeld *= 1 - chance;
      most = Math.max(most, chance);
      chances[receiver] = chance * (missedAgain[receiver] as number);
    }
    // What anybody misses.
    const missed = most + conditions.spread * (1 - chunkHeld - most);
    sum += needed * conditions.roundMs(Math.max(1, asked / needed));
    sum += listMs * (Math.min(1, listing) + Math.max(0, listing - 1) / conditions.answersAtATime);
    sum += chunkMs * chunks * missed;
    asked = listing;
    needed = Math.min(1, listing, Math.max(NEGLIGIBLE, 1 - (1 - missed) ** chunks));
  }
  return sum;
}

/** How often something of `segments` PDUs is sent until all have arrived, those that are missing again. */
function timesSent(loss: number, segments: number): number {
  let times = 0;
  for (let missed = 1; missed > 0.01; missed *= Math.min(0.8, loss)) times += 1 - (1 - missed) ** segments;
  return times;
}

const MAX_ROUNDS = 40;
/** Receivers that may be expected to miss something, on average, when nothing more is reckoned with. */
const NEGLIGIBLE = 0.02;

/** A bearer that takes less for an event has time for copies between segments, which keep an interval of 10 ms. */
export const FAST_MS = 5;

/** All copies of one PDU. */
function pduMs({ chunkSize, copies }: Sending, { unsegmentedMs, segmentMs }: Conditions): number {
  if (chunkSize <= 8) return copies * unsegmentedMs;
  return unsegmentedMs < FAST_MS ? Math.max(segmentMs, copies * unsegmentedMs) : copies * segmentMs;
}

function missedBy({ chunkSize, copies }: Sending, { loss, relayed, jointLoss }: Conditions): number[] {
  const effective = relayed ? 1 : copies;
  const joint = jointLoss(effective);
  return loss.map((each) => Math.min(1, joint * missChance(each, effective, segmentsOfChunk(chunkSize))));
}

/** Chance that a chunk of `segments` PDUs, each sent in `copies` events that are missed with chance `loss`, does not arrive. */
export function missChance(loss: number, copies: number, segments: number): number {
  return 1 - (1 - loss ** copies) ** segments;
}

/** Network PDUs of a Block Status that lists some of `chunks` chunks: one up to 40. */
export function segmentsOfBlockStatus(chunks: number): number {
  return chunks <= 40 ? 1 : Math.ceil((6 + Math.ceil(chunks / 8) + 4) / 12);
}

/**
 * Expected time of `pairs` chunks that are each sent to one receiver and acknowledged by its transport layer. What is lost,
 * a segment or the acknowledgment, costs a retransmission interval.
 */
export function unicastRepairMs(pairs: number, chunkSize: number, conditions: Conditions): number {
  const { loss: losses, segmentMs, unicastCopies, ackMs, retransmissionMs } = conditions;
  const loss = Math.min(0.8, losses.reduce((sum, each) => sum + each, 0) / Math.max(1, losses.length));
  const segments = Math.max(2, segmentsOfChunk(chunkSize));
  let retransmissions = 0;
  for (let missed = loss; missed > 0.001; missed *= loss) retransmissions += 1 - (1 - missed) ** (segments + 1);
  return pairs * ((segments * unicastCopies * segmentMs) / (1 - loss) + ackMs + retransmissions * retransmissionMs);
}

/** Expected time of one block that is sent to each receiver by itself. */
export function unicastBlockMs(blockSize: number, chunkSize: number, conditions: Conditions): number {
  const receivers = conditions.loss.length;
  const pairs = receivers * Math.ceil(blockSize / chunkSize);
  return unicastRepairMs(pairs, chunkSize, conditions) + 2 * conditions.roundMs(receivers);
}

/**
 * Expected time of one block to Low Power nodes, each of which gets it through its Friend, a poll for each PDU. The Friends
 * are one; nodes take turns.
 */
export function sleepyBlockMs(
  blockSize: number,
  chunkSize: number,
  receivers: number,
  { roundMs }: Conditions,
): number {
  const pdus = Math.ceil(blockSize / chunkSize) * segmentsOfChunk(chunkSize);
  return pdus * SLEEPY_PDU_MS * Math.max(1, receivers / 2) + 2 * roundMs(receivers) + SLEEPY_START_MS;
}

/** From one poll of a Low Power node to the next, measured; until its Block Start has reached it. */
const SLEEPY_PDU_MS = 110;
const SLEEPY_START_MS = 1500;
