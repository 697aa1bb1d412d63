import { type Address, type Clock, Deadline, isUnicast, type Unicast } from '@meshferry/core';
import { pairKey } from './addresses.ts';
import type { SarReceiver } from './contract.ts';
import { seqAuthSeq } from './lower-transport-pdu.ts';
import { allSegments, Reassembly } from './reassembly.ts';
import { comparePoints, type SequencePoint } from './replay-list.ts';
import {
  acknowledgmentDelayMs,
  discardTimeoutMs,
  receptionIntervalMs,
  repeatedAcknowledgmentMs,
} from './sar-states.ts';
import {
  fullOctets,
  isSameMessage,
  type Reassembled,
  type Segment,
  type SegmentOrigin,
  type SegmentResult,
} from './segment.ts';

export interface SarReceiverOptions {
  readonly clock: Clock;
  /** The SAR Receiver state, read whenever it matters. */
  state(): SarReceiver;
  /** Most segments of a message, 1 to 32. */
  readonly maxSegments: number;
  /** Most reassemblies open at a time, of all sources and of one. */
  readonly maxOpen: number;
  readonly maxOpenPerSource: number;
  /** The largest SeqAuth completed before, also before a restart. */
  completed(src: Unicast, dst: Address): SequencePoint | undefined;
  /** Sends a Segment Acknowledgment for the message whose (first) segment came like this. */
  acknowledge(origin: SegmentOrigin, seqZero: number, ackedSegments: number): void;
  complete(message: Reassembled): void;
  /** Whether a Friend acknowledged it and waits for this node to fetch the rest: no timers, no acknowledgments. */
  isFromFriend?(origin: SegmentOrigin): boolean;
}

/** Contexts that are over, kept to recognise segments that come late. */
const REMEMBERED = 128;

/** Collecting; all there; given up after the discard timeout; refused for lack of room. */
type State = 'receiving' | 'complete' | 'discarded' | 'rejected';

/** What is known of the newest message of one (source, destination). */
interface Context {
  readonly pair: number;
  readonly segment: Segment;
  readonly origin: SegmentOrigin;
  readonly seqAuth: SequencePoint;
  state: State;
  /** Only while receiving. */
  reassembly: Reassembly | undefined;
  lastSeq: number;
  /** By SegO; only while receiving. */
  seqs: number[];
  /** Acknowledgments to be repeated after the one sent last. */
  repeats: number;
  acknowledgedAt: number;
  readonly acknowledgment: Deadline;
  readonly discard: Deadline;
}

/** Puts segmented messages together and acknowledges them [Mesh Protocol 1.1, 3.5.3.4]. */
export class SegmentReceiver {
  readonly #options: SarReceiverOptions;
  /** By (source, destination); those that are over in the order of their end. */
  readonly #contexts = new Map<number, Context>();
  #open = 0;

  constructor(options: SarReceiverOptions) {
    this.#options = options;
  }

  /** Reassemblies under way. */
  get open(): number {
    return this.#open;
  }

  /** Takes a segment that the replay list accepts. */
  receive(segment: Segment, origin: SegmentOrigin): SegmentResult {
    const seq = seqAuthSeq(origin.seq, segment.seqZero);
    if (seq < 0) return 'ignored';
    const { src, dst, ivIndex } = origin;
    const context = this.#contexts.get(pairKey(src, dst));
    const age = context === undefined ? -1 : comparePoints(context.seqAuth, ivIndex, seq);
    if (age > 0) return 'seq-auth-error';
    if (context !== undefined && age === 0) return this.#continue(context, segment, origin);

    const completed = this.#options.completed(src, dst);
    const completedAge = completed === undefined ? -1 : comparePoints(completed, ivIndex, seq);
    if (completedAge > 0) return 'seq-auth-error';
    const opened = this.#openContext(segment, origin, { ivIndex, seq });
    if (completedAge === 0) {
      // Completed before a restart, or so long ago that the context is forgotten.
      this.#end(opened, 'complete');
      this.#acknowledgeAgain(opened, allSegments(segment.segN));
      return 'most-recent-seq-auth';
    }
    return this.#first(opened, segment, origin);
  }

  /** Stops all timers and forgets everything. */
  close(): void {
    for (const context of this.#contexts.values()) stopTimers(context);
    this.#contexts.clear();
    this.#open = 0;
  }

  #first(context: Context, segment: Segment, origin: SegmentOrigin): SegmentResult {
    if (!this.#hasRoom(segment, origin.src)) {
      this.#end(context, 'rejected');
      this.#acknowledgeAgain(context, 0);
      return 'message-rejected';
    }
    context.reassembly = new Reassembly(segment.segN, fullOctets(segment));
    this.#open++;
    return this.#store(context, segment, origin) ?? 'first-segment';
  }

  #continue(context: Context, segment: Segment, origin: SegmentOrigin): SegmentResult {
    switch (context.state) {
      case 'complete':
        this.#acknowledgeAgain(context, allSegments(context.segment.segN));
        return 'most-recent-seq-auth';
      case 'discarded':
        return 'late-segment';
      case 'rejected':
        this.#acknowledgeAgain(context, 0);
        return 'message-rejected';
      case 'receiving':
        if (!isSameMessage(segment, context.segment)) return 'ignored';
        if (context.reassembly?.has(segment.segO)) return 'repeated-segment';
        return this.#store(context, segment, origin) ?? 'next-segment';
    }
  }

  /** Takes a new segment; 'last-segment' when that completes the message. */
  #store(context: Context, segment: Segment, origin: SegmentOrigin): 'last-segment' | undefined {
    const reassembly = context.reassembly!;
    reassembly.add(segment.segO, segment.segment);
    context.lastSeq = Math.max(context.lastSeq, origin.seq);
    const { seqs } = context;
    seqs[segment.segO] = origin.seq;
    const state = this.#options.state();
    if (!reassembly.isComplete) {
      if (this.#isFromFriend(context)) return undefined;
      context.discard.set(discardTimeoutMs(state));
      context.repeats = 0;
      if (isUnicast(origin.dst)) context.acknowledgment.set(acknowledgmentDelayMs(state, segment.segN));
      return undefined;
    }
    this.#end(context, 'complete');
    this.#acknowledge(context, reassembly.received);
    this.#options.complete({
      segment: context.segment,
      origin: context.origin,
      seqAuthSeq: context.seqAuth.seq,
      lastSeq: context.lastSeq,
      seqs,
      upperTransportPdu: reassembly.message(),
    });
    return 'last-segment';
  }

  /** A context for a new SeqAuth; an older one of the same source and destination is given up. */
  #openContext(segment: Segment, origin: SegmentOrigin, seqAuth: SequencePoint): Context {
    const pair = pairKey(origin.src, origin.dst);
    const older = this.#contexts.get(pair);
    if (older !== undefined) this.#forget(older);
    const { clock } = this.#options;
    const context: Context = {
      pair,
      segment,
      origin,
      seqAuth,
      state: 'receiving',
      reassembly: undefined,
      lastSeq: origin.seq,
      seqs: [],
      repeats: 0,
      acknowledgedAt: Number.NEGATIVE_INFINITY,
      acknowledgment: new Deadline(clock, () => this.#acknowledgmentDue(context)),
      discard: new Deadline(clock, () => this.#end(context, 'discarded')),
    };
    this.#contexts.set(pair, context);
    return context;
  }

  #hasRoom(segment: Segment, src: Unicast): boolean {
    const { maxSegments, maxOpen, maxOpenPerSource } = this.#options;
    if (segment.segN >= maxSegments || this.#open >= maxOpen) return false;
    if (this.#open < maxOpenPerSource) return true;
    let ofSource = 0;
    for (const context of this.#contexts.values()) {
      if (context.reassembly !== undefined && context.origin.src === src) ofSource++;
    }
    return ofSource < maxOpenPerSource;
  }

  /** Frees the segments; what remains tells late segments from new ones. */
  #end(context: Context, state: Exclude<State, 'receiving'>): void {
    if (context.reassembly !== undefined) this.#open--;
    context.reassembly = undefined;
    context.seqs = [];
    context.state = state;
    stopTimers(context);
    this.#contexts.delete(context.pair);
    this.#contexts.set(context.pair, context);
    if (this.#contexts.size - this.#open > REMEMBERED) this.#forgetOldest();
  }

  #forgetOldest(): void {
    for (const context of this.#contexts.values()) {
      if (context.state !== 'receiving') {
        this.#forget(context);
        return;
      }
    }
  }

  #forget(context: Context): void {
    if (context.reassembly !== undefined) this.#open--;
    context.reassembly = undefined;
    stopTimers(context);
    this.#contexts.delete(context.pair);
  }

  #acknowledgmentDue(context: Context): void {
    const received = context.reassembly?.received ?? allSegments(context.segment.segN);
    if (context.repeats === 0) {
      this.#acknowledge(context, received);
      return;
    }
    context.repeats--;
    this.#send(context, received);
    if (context.repeats > 0) context.acknowledgment.set(receptionIntervalMs(this.#options.state()));
  }

  /** The acknowledgment of new segments, repeated for long messages. */
  #acknowledge(context: Context, ackedSegments: number): void {
    const state = this.#options.state();
    this.#send(context, ackedSegments);
    if (!isUnicast(context.origin.dst) || context.segment.segN <= state.segmentsThreshold) return;
    context.repeats = state.acknowledgmentRetransmissionsCount;
    if (context.repeats > 0) context.acknowledgment.set(receptionIntervalMs(state));
  }

  /** The acknowledgment of a message that is over; not too often. */
  #acknowledgeAgain(context: Context, ackedSegments: number): void {
    const sinceLast = this.#options.clock.now - context.acknowledgedAt;
    if (sinceLast >= repeatedAcknowledgmentMs(this.#options.state())) this.#send(context, ackedSegments);
  }

  #isFromFriend({ origin }: Context): boolean {
    return this.#options.isFromFriend?.(origin) ?? false;
  }

  #send(context: Context, ackedSegments: number): void {
    if (!isUnicast(context.origin.dst) || this.#isFromFriend(context)) return;
    context.acknowledgedAt = this.#options.clock.now;
    this.#options.acknowledge(context.origin, context.segment.seqZero, ackedSegments);
  }
}

function stopTimers(context: Context): void {
  context.acknowledgment.clear();
  context.discard.clear();
  context.repeats = 0;
}
