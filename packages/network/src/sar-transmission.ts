import type { Sent } from '@meshferry/bearer';
import { type Cancel, type Clock, Deadline, MeshError } from '@meshferry/core';
import type { SarTransmitter } from './contract.ts';
import { multicastRetransmissionsMs, segmentIntervalMs, unicastRetransmissionsMs } from './sar-states.ts';

/** How the bearers take PDUs: what the spacing of segments has to reckon with. */
export interface Pace {
  /** PDUs that can be on air in parallel. */
  readonly sets: number;
  /** For how long one PDU occupies a set, at least, ms. */
  readonly occupancyMs: number;
}

/** What a segmented message on its way out needs. */
export interface SarTransmissionOptions {
  readonly clock: Clock;
  readonly state: SarTransmitter;
  readonly segN: number;
  readonly ttl: number;
  /** To a unicast address: acknowledged. Otherwise sent in rounds. */
  readonly unicast: boolean;
  readonly pace: Pace;
  /**
   * Hands a segment to the network layer; `sent` is called once, not before this returns, unless cancelled. One of a bulk
   * transfer may have to wait for its turn: `begun` is called when that has come, perhaps before this returns.
   */
  send(segO: number, sent: (outcome: Sent | MeshError) => void, begun: () => void): Cancel;
  /** Whether segments wait for their turn. */
  readonly isBulk: boolean;
  /** All segments of a round to a unicast address have left. */
  readonly waiting?: (() => void) | undefined;
  /** See `AccessSend.observe`. */
  readonly observe?: ((sent: number, received: number) => void) | undefined;
  /** To a unicast address: the least wait for an acknowledgment, ms, whatever the state says. Default 0. */
  readonly leastWaitMs?: number;
  /** To a unicast address: all was acknowledged so long after the first round of segments had left, ms. */
  readonly took?: ((ms: number) => void) | undefined;
  /** Called once, when all is over; not when cancelled. */
  finished(error?: MeshError): void;
}

/** Sending a round of segments; waiting for acknowledgments or the next round; over. */
type State = 'sending' | 'waiting' | 'over';

/** The transmission of one segmented message [Mesh Protocol 1.1, 3.5.3.3]. */
export class SarTransmission {
  readonly #options: SarTransmissionOptions;
  #state: State = 'waiting';
  /** Bit i: segment i is acknowledged. */
  #acknowledged = 0;
  /** Segments that were handed over in the current round, bit by bit. */
  #inRound = 0;
  /** Where the current round looks for its next segment. */
  #position = 0;
  /** Segments that the bearers hold, and how to take them back. */
  readonly #outstanding = new Map<number, Cancel>();
  /** The segment handed over last. */
  #latest = -1;
  /** Start of the latest segment, as far as it is known. */
  #latestStart = 0;
  /** The latest segment waits for its turn: nothing goes behind it. */
  #queued = false;
  /** Inside of {@link SarTransmissionOptions.send}. */
  #handing = false;
  /** The next segment must not be handed over earlier. */
  #notBefore = 0;
  #left: number;
  #leftWithoutProgress: number;
  readonly #deadline: Deadline;
  /** When the first round had left. */
  #firstRoundAt: number | undefined;

  constructor(options: SarTransmissionOptions) {
    const { state, unicast, clock } = options;
    this.#options = options;
    this.#left = unicast ? state.unicastRetransmissionsCount : state.multicastRetransmissionsCount;
    this.#leftWithoutProgress = state.unicastRetransmissionsWithoutProgressCount;
    this.#deadline = new Deadline(clock, () => this.#due());
  }

  start(): void {
    this.#startRound();
  }

  /** A valid acknowledgment of this message: unsigned 32 bits, bit i for segment i. Those above SegN are ignored. */
  acknowledge(ackedSegments: number): void {
    if (this.#state === 'over' || !this.#options.unicast) return;
    const all = this.#allSegments();
    if ((ackedSegments & all) === 0) {
      this.#finish(refused());
      return;
    }
    const news = ackedSegments & all & ~this.#acknowledged;
    if (news === 0) return;
    this.#acknowledged |= news;
    this.#tell(news, all);
    if ((this.#acknowledged & all) === all) {
      this.#took();
      this.#finish();
      return;
    }
    this.#leftWithoutProgress = this.#options.state.unicastRetransmissionsWithoutProgressCount;
    if (this.#state === 'sending') {
      this.#sendNext();
      return;
    }
    if (this.#left === 0) {
      this.#finish(timedOut());
      return;
    }
    this.#left--;
    this.#startRound();
  }

  /** Ends it; segments still at the bearers are taken back. */
  cancel(): void {
    this.#stop();
  }

  #startRound(): void {
    this.#state = 'sending';
    this.#position = 0;
    this.#inRound = 0;
    this.#deadline.clear();
    this.#sendNext();
  }

  /** Hands over as many segments as may be handed over now. */
  #sendNext(): void {
    const { clock } = this.#options;
    while (this.#state === 'sending') {
      const segO = this.#nextSegment();
      if (segO > this.#options.segN) {
        if (this.#outstanding.size === 0) this.#roundSent();
        return;
      }
      if (!this.#bearerHasRoom()) return;
      const wait = this.#notBefore - clock.now;
      if (wait > 0) {
        this.#deadline.set(wait);
        return;
      }
      this.#handOver(segO);
    }
  }

  /** The first segment from the position on that is not acknowledged. */
  #nextSegment(): number {
    while (this.#position <= this.#options.segN && ((this.#acknowledged >>> this.#position) & 1) === 1)
      this.#position++;
    return this.#position;
  }

  /**
   * Segments are spaced start to start, and a start is known only when the bearer has finished. One more than fits on
   * air may wait there, so that a slow advertiser never idles, if the bearer itself keeps the distance or has a free
   * set to start it at once.
   */
  #bearerHasRoom(): boolean {
    const { pace, state } = this.#options;
    const held = this.#outstanding.size;
    if (held === 0) return true;
    if (this.#queued) return false;
    if (held > pace.sets) return false;
    return pace.sets > 1 || pace.occupancyMs >= segmentIntervalMs(state);
  }

  #handOver(segO: number): void {
    const { send, isBulk } = this.#options;
    this.#position = segO + 1;
    this.#inRound |= 1 << segO;
    this.#latest = segO;
    this.#startsNow();
    this.#queued = isBulk;
    this.#handing = true;
    const cancel = send(
      segO,
      (outcome) => this.#sent(segO, outcome),
      () => this.#begun(),
    );
    this.#handing = false;
    this.#outstanding.set(segO, cancel);
  }

  #begun(): void {
    this.#queued = false;
    this.#startsNow();
    if (!this.#handing) this.#sendNext();
  }

  /** The latest segment, as far as is known before the bearer tells. */
  #startsNow(): void {
    const { clock, state } = this.#options;
    this.#latestStart = clock.now;
    this.#notBefore = clock.now + segmentIntervalMs(state);
  }

  #sent(segO: number, outcome: Sent | MeshError): void {
    if (this.#state === 'over') return;
    this.#outstanding.delete(segO);
    if (outcome instanceof MeshError) {
      this.#finish(outcome);
      return;
    }
    this.#learnStart(segO, outcome);
    this.#sendNext();
  }

  /** What the end of one segment tells about the start of the latest. */
  #learnStart(segO: number, sent: Sent): void {
    const { clock, pace, state } = this.#options;
    if (segO !== this.#latest && this.#queued) return;
    const start = segO === this.#latest ? sent.start : pace.sets === 1 ? clock.now : this.#latestStart;
    if (start < this.#latestStart) return;
    this.#latestStart = start;
    this.#notBefore = start + segmentIntervalMs(state);
  }

  #roundSent(): void {
    const { unicast, state, ttl, clock, waiting, leastWaitMs = 0 } = this.#options;
    this.#state = 'waiting';
    this.#firstRoundAt ??= clock.now;
    // A message that goes out once has nothing to wait for; with rounds the last one is waited after like the others.
    if (!unicast && state.multicastRetransmissionsCount === 0) {
      this.#finish();
      return;
    }
    const wait = unicast
      ? Math.max(unicastRetransmissionsMs(state, ttl), leastWaitMs)
      : multicastRetransmissionsMs(state);
    this.#deadline.set(this.#latestStart + wait - clock.now);
    if (unicast) waiting?.();
  }

  #due(): void {
    if (this.#state === 'sending') this.#sendNext();
    else if (this.#state === 'waiting') this.#waitedInVain();
  }

  #waitedInVain(): void {
    const { unicast } = this.#options;
    if (!unicast && this.#left === 0) {
      this.#finish();
      return;
    }
    if (unicast && (this.#left === 0 || this.#leftWithoutProgress === 0)) {
      this.#finish(timedOut());
      return;
    }
    this.#left--;
    this.#leftWithoutProgress--;
    this.#startRound();
  }

  /** Of what was still on its way, or not yet sent, the acknowledgment says nothing. */
  #tell(news: number, all: number): void {
    const isWhole = this.#state === 'waiting' || (this.#acknowledged & all) === all;
    const sent = countBits(this.#inRound);
    if (isWhole && sent > 0) this.#options.observe?.(sent, countBits(news & this.#inRound));
    this.#inRound = 0;
  }

  #took(): void {
    const { took, clock } = this.#options;
    took?.(this.#firstRoundAt === undefined ? 0 : clock.now - this.#firstRoundAt);
  }

  #allSegments(): number {
    return this.#options.segN === 31 ? -1 : ((1 << (this.#options.segN + 1)) - 1) | 0;
  }

  #finish(error?: MeshError): void {
    this.#stop();
    this.#options.finished(error);
  }

  #stop(): void {
    this.#state = 'over';
    this.#deadline.clear();
    for (const cancel of this.#outstanding.values()) cancel();
    this.#outstanding.clear();
  }
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function timedOut(): MeshError {
  return new MeshError('segmented-timeout', 'the peer has not acknowledged all segments', {
    hint: 'Check that the node is powered and in reach, or raise the SAR Unicast Retransmissions counts.',
  });
}

function refused(): MeshError {
  return new MeshError('segmented-refused', 'the peer has no room for a message of this size now', {
    hint: 'Send a shorter message, or try again later.',
  });
}
