import { blockShape, segmentsOfBlock, segmentsOfChunk } from './arithmetic.ts';

/** What sending a block to a group costs, as far as it is known before. Times in ms. */
export interface Conditions {
  /** Chance that one advertising event is missed, for each receiver. */
  readonly loss: readonly number[];
  /** Time that the bearer takes for one event of an unsegmented message, of a segment. */
  readonly unsegmentedMs: number;
  readonly segmentMs: number;
  /** One request to all and their short answers. */
  readonly roundMs: number;
  /** What one answer longer than a PDU costs the client: it must be acknowledged. */
  readonly longAnswerMs: number;
  /** From the last segment of a message to one receiver until its acknowledgment. */
  readonly ackMs: number;
  /** Advertising events of each segment to one receiver. */
  readonly unicastCopies: number;
  /** What a lost segment or acknowledgment costs besides, where `ackMs` does not hold it already. */
  readonly retransmissionMs: number;
}

/** A way to send the chunks of a block. */
export interface Sending {
  readonly chunkSize: number;
  /** Advertising events of each PDU to the group. */
  readonly copies: number;
  /** To each receiver by itself, acknowledged by the transport layer. */
  readonly byUnicast: boolean;
}

/** Expected time of one block of `blockSize` octets sent to all with repair until nobody misses anything (blob.md 14.4). */
export function groupBlockMs(blockSize: number, { chunkSize, copies }: Sending, conditions: Conditions): number {
  const segments = segmentsOfChunk(chunkSize);
  const shape = blockShape(blockSize, Math.ceil(Math.log2(blockSize)), 0, chunkSize);
  const pduMs = copies * (segments === 1 ? conditions.unsegmentedMs : conditions.segmentMs);
  const missed = conditions.loss.map((loss) => 1 - (1 - loss ** copies) ** segments);
  const { sendings, rounds, answers } = expectedRepairs(missed, shape.chunkCount);
  const answerSegments = segmentsOfBlockStatus(shape.chunkCount);
  const acknowledging = answerSegments > 1 ? answers * conditions.longAnswerMs : 0;
  const answering = (rounds - 1) * (answerSegments - 1) * ANSWER_SEGMENT_MS;
  return segmentsOfBlock(shape) * pduMs * sendings + (1 + rounds) * conditions.roundMs + answering + acknowledging;
}

/** Pace of the segments of a long answer: three copies each at the usual Network Transmit, all receivers at a time. */
const ANSWER_SEGMENT_MS = 75;

/** Network PDUs of a Block Status that lists some of `chunks` chunks: one up to 40. */
function segmentsOfBlockStatus(chunks: number): number {
  return chunks <= 40 ? 1 : Math.ceil((6 + Math.ceil(chunks / 8) + 4) / 12);
}

/** Chance that one chunk is missed, for each receiver, and chunks of the block → sendings of a chunk, checks, answers with a list. */
function expectedRepairs(
  missed: readonly number[],
  chunks: number,
): { sendings: number; rounds: number; answers: number } {
  let sendings = 1;
  let rounds = 1;
  let answers = 0;
  const power = [...missed];
  for (let i = 0; i < MAX_ROUNDS; i++) {
    let chunkDone = 1;
    let blockDone = 1;
    for (const [receiver, chance] of power.entries()) {
      const whole = (1 - chance) ** chunks;
      chunkDone *= 1 - chance;
      blockDone *= whole;
      answers += 1 - whole;
      power[receiver] = chance * (missed[receiver] as number);
    }
    sendings += 1 - chunkDone;
    rounds += 1 - blockDone;
    if (blockDone > 0.99) break;
  }
  return { sendings, rounds, answers };
}

const MAX_ROUNDS = 40;

/** Expected time of sending `chunks` chunks once more to all, and of another check if somebody misses one again. */
export function groupRepairMs(chunks: number, { chunkSize, copies }: Sending, conditions: Conditions): number {
  const segments = segmentsOfChunk(chunkSize);
  const pduMs = copies * (segments === 1 ? conditions.unsegmentedMs : conditions.segmentMs);
  const missed = conditions.loss.map((loss) => 1 - (1 - loss ** copies) ** segments);
  const { sendings, rounds } = expectedRepairs(missed, chunks);
  return chunks * segments * pduMs * sendings + (rounds - 1) * conditions.roundMs;
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
  const pairs = conditions.loss.length * Math.ceil(blockSize / chunkSize);
  return unicastRepairMs(pairs, chunkSize, conditions) + 2 * conditions.roundMs;
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
  return pdus * SLEEPY_PDU_MS * Math.max(1, receivers / 2) + 2 * roundMs + SLEEPY_START_MS;
}

/** From one poll of a Low Power node to the next, measured; until its Block Start has reached it. */
const SLEEPY_PDU_MS = 110;
const SLEEPY_START_MS = 1500;
