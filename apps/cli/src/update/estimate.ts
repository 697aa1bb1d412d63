import { type BlobCapabilities, chunkSizeOfSegments, isChunkSizeLegal, segmentsOfChunk } from '@meshferry/blob';
import type { ControllerSettings } from '@meshferry/sim';

/** What a transfer is estimated from. */
export interface Outlook {
  /** Octets of the image. */
  readonly size: number;
  readonly targets: number;
  /** Whether the image goes to a group, once for all. */
  readonly group: boolean;
  readonly settings: 'auto' | 'stock';
  readonly controller: ControllerSettings;
  /** What every target that takes part can take. */
  readonly capabilities: BlobCapabilities;
}

/** How an image will be sent, as far as it is known before the first block. */
export interface TransferPlan {
  readonly chunkSize: number;
  readonly blockSizeLog: number;
  /** Advertising events of each PDU. */
  readonly copies: number;
}

export interface Estimate {
  readonly plan: TransferPlan;
  /** The whole update in seconds, from the check of the targets to the last confirmation. */
  readonly seconds: { readonly expected: number; readonly low: number; readonly high: number };
  /** Share of the time in which this process is on the air, 0 to 1. */
  readonly airtimeShare: number;
}

/** Chance that a target misses an advertising event: nothing lost, a usual room, a bad one. */
const LOSS = { low: 0, expected: 0.03, high: 0.2 };
/** Checks, start, verification, swap and reboot, confirmation: what is no transfer, s. */
const AROUND = { low: 10, expected: 20, high: 60 };
/** One event on three channels, s. */
const EVENT = 0.00113;
/** Requests and answers of one block, ms: to each target alone, or to the group with answers spread over 500 ms. */
const ROUND_EACH = 120;
const ROUND_GROUP = 700;
/** Rounds of a loss-free block: Block Start and Block Get. */
const ROUNDS = 2;
/** No segment follows another of its message sooner, ms [Mesh Protocol 1.1, 4.2.28.1]. */
const SEGMENT_INTERVAL = 10;
/** The defaults of other stacks: a segment each 60 ms, 3 SAR passes to a group, 3 events of each PDU [spec/blob.md 14.2]. */
const STOCK = { segmentMs: 90, passes: 3, copies: 3 };

/**
 * The cheapest way to send and what it may take [spec/blob.md 14.3 and 14.4]. A simple model: targets that fall silent,
 * relays and other traffic are not in it. Undefined when the targets have no size of blocks and chunks in common.
 */
export function estimate(outlook: Outlook): Estimate | undefined {
  const cheapest = cheapestPlan(outlook);
  if (cheapest === undefined) return undefined;
  const plan = outlook.settings === 'stock' ? stockPlan(outlook) : cheapest;
  const at = (loss: number): number => transferSeconds(outlook, plan, loss);
  const seconds = {
    expected: at(LOSS.expected) + AROUND.expected,
    low: at(LOSS.low) + AROUND.low,
    high: at(LOSS.high) + AROUND.high,
  };
  const events = (outlook.size / plan.chunkSize) * segmentsOfChunk(plan.chunkSize) * plan.copies * sendings(outlook);
  return { plan, seconds, airtimeShare: Math.min(1, (events * EVENT) / seconds.expected) };
}

function stockPlan({ capabilities }: Outlook): TransferPlan {
  const { maxBlockSizeLog, maxChunkSize, mtuSize } = capabilities;
  return { chunkSize: Math.min(maxChunkSize, mtuSize - 3), blockSizeLog: maxBlockSizeLog, copies: STOCK.copies };
}

function cheapestPlan(outlook: Outlook): TransferPlan | undefined {
  const { capabilities } = outlook;
  const limits = { ...capabilities, mtu: capabilities.mtuSize };
  // Those that fill their segments, and the largest: where few are legal, one that fills none may be all there is.
  const chunkSizes = [
    ...Array.from({ length: 32 }, (_, i) => chunkSizeOfSegments(i + 1)),
    stockPlan(outlook).chunkSize,
  ];
  let best: TransferPlan | undefined;
  let bestSeconds = Number.POSITIVE_INFINITY;
  for (let log = capabilities.minBlockSizeLog; log <= capabilities.maxBlockSizeLog; log++) {
    for (const chunkSize of chunkSizes) {
      if (!isChunkSizeLegal(chunkSize, log, limits)) continue;
      for (let copies = 1; copies <= 3; copies++) {
        const plan = { chunkSize, blockSizeLog: log, copies };
        const seconds = transferSeconds(outlook, plan, LOSS.expected);
        if (seconds >= bestSeconds) continue;
        best = plan;
        bestSeconds = seconds;
      }
    }
  }
  return best;
}

function transferSeconds(outlook: Outlook, plan: TransferPlan, loss: number): number {
  const { size, targets, group, settings } = outlook;
  const blocks = Math.ceil(size / 2 ** plan.blockSizeLog);
  const chunks = Math.ceil(size / plan.chunkSize);
  const segments = segmentsOfChunk(plan.chunkSize);
  const pdu = settings === 'stock' ? STOCK.segmentMs : pduMs(outlook, segments, plan.copies);
  const passes = settings === 'stock' && group ? STOCK.passes : 1;
  const missed = 1 - (1 - loss ** (plan.copies * passes)) ** segments;
  const receivers = group ? targets : 1;
  const repeats = expectedSendings(missed, receivers);
  const round = Math.min(ROUND_GROUP, receivers * ROUND_EACH);
  const one = chunks * segments * passes * pdu * repeats + blocks * round * (ROUNDS + repeats - 1);
  return (one * sendings(outlook)) / 1000;
}

/** How often the image is sent: once to a group, else to each target. */
function sendings({ targets, group }: Outlook): number {
  return group ? 1 : targets;
}

/** What a PDU takes of this process's advertiser, all its copies, ms. */
function pduMs({ controller }: Outlook, segments: number, copies: number): number {
  const { kind, intervalMs, sets, rearmMs } = controller;
  const event = kind === 'interval' ? intervalMs + 5 : 1000 * EVENT + rearmMs;
  const pdu = (copies * event) / sets;
  return segments > 1 ? Math.max(SEGMENT_INTERVAL, pdu) : pdu;
}

/** How often a chunk must be sent until all have it, when each misses it with this chance. */
function expectedSendings(missed: number, receivers: number): number {
  let total = 1;
  for (let power = missed; power > 1e-4 && total < 100; power *= missed) total += 1 - (1 - power) ** receivers;
  return total;
}
