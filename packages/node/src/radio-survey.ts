import type { BlobClient, RadioOutlook } from '@meshferry/blob';
import type { AppIndex, Clock, MeshError, Unicast } from '@meshferry/core';
import { RadioProbe } from '@meshferry/dfu';

/** A node that {@link surveyRadio} may ask. */
export interface SurveyedNode {
  readonly address: Unicast;
  /** Octets of the longest access message that it takes. */
  readonly mtu: number;
  /** Its messages come over relays. */
  readonly isRemote: boolean;
}

/** What a {@link surveyRadio} needs, and how long it may take. */
export interface SurveyOptions {
  readonly clock: Clock;
  readonly client: BlobClient;
  /** Nodes that always listen. */
  readonly nodes: readonly SurveyedNode[];
  readonly appIndex: AppIndex;
  /** 0xFF (default): the Default TTL. */
  readonly ttl?: number;
  /** It ends earlier when enough is known. */
  readonly budgetMs: number;
}

/**
 * Finds out what the radio is like before a transfer. Messages in many segments go to some of the nodes, each segment in one
 * advertising event: their Segment Acknowledgments name those that came. They are ignored otherwise: nothing changes at the
 * nodes. What nobody answers is not in the outlook. Never rejects.
 */
export function surveyRadio(options: SurveyOptions): Promise<RadioOutlook> {
  return new Promise((resolve) => new Survey(options, resolve).begin());
}

/** Messages in a row by which the pace of the bearer is measured. */
const BURST = 9;
/** Until nodes have said what they may still have to say of an earlier matter, ms. */
const SETTLE_MS = 400;
/**
 * Acknowledgments, in three copies, come in the way of what is sent meanwhile: where there are few segments for each, or many
 * in that time, that is waited for, ms.
 */
const FEW_SEGMENTS = 16;
const FAST_MS = 8;
const PAUSE_MS = 80;
/** Segments of a message; relays pass each on before the next one comes, as of chunks. */
const SEGMENTS = { fewest: 20, most: 32, relayed: 8 };
const RELAYED_INTERVAL_STEP = 5;

interface Surveyed extends SurveyedNode {
  sent: number;
  received: number;
  failures: number;
}

class Survey {
  readonly #options: SurveyOptions;
  readonly #ended: (outlook: RadioOutlook) => void;
  readonly #nodes: readonly Surveyed[];
  readonly #endAt: number;
  /** When the messages of the burst had left. */
  readonly #left: number[] = [];
  #eventMs = 25;
  #over = false;
  /** Relays pass on what is for some of the nodes: chunks go to all of them as over relays, and so the survey does. */
  readonly #isRelayed: boolean;

  constructor(options: SurveyOptions, ended: (outlook: RadioOutlook) => void) {
    this.#options = options;
    this.#ended = ended;
    this.#endAt = options.clock.now + options.budgetMs;
    // Where the time is too short for all, those that are asked are from everywhere.
    const order = options.nodes.map((node, i) => ({ node, at: (i * GOLDEN) % 1 })).sort((a, b) => a.at - b.at);
    this.#isRelayed = options.nodes.some(({ isRemote }) => isRemote);
    this.#nodes = order.map(({ node }) => ({ ...node, sent: 0, received: 0, failures: 0 }));
  }

  begin(): void {
    const { client, appIndex } = this.#options;
    if (this.#nodes.length === 0) this.#end();
    for (let i = 0; i < BURST && !this.#over; i++) {
      const { address: dst } = this.#nodes[i % this.#nodes.length] as Surveyed;
      const transmit = { count: 1, intervalMs: 20 };
      // As long as a chunk; nobody answers, and relays leave it alone: that would take the bearer as well.
      const options = { dst, appIndex, ttl: 0, transmit, priority: 'bulk' } as const;
      client.model.send(RadioProbe, { octets: new Uint8Array(8) }, options, () => this.#burst());
    }
  }

  #burst(): void {
    const { clock } = this.#options;
    this.#left.push(clock.now);
    if (this.#left.length < BURST) return;
    this.#eventMs = Math.max(0.5, this.#paceMs);
    clock.after(SETTLE_MS, () => this.#pump());
  }

  /** From one message of the burst to the next. What this node relays gets in between: then the shorter ones of these times tell. */
  get #paceMs(): number {
    const left = this.#left;
    if (!this.#isRelayed) return (this.#options.clock.now - (left[0] as number)) / (BURST - 1);
    const paces = left.slice(1).map((at, i) => at - (left[i] as number));
    return paces.sort((a, b) => a - b)[Math.floor(paces.length / 3)] as number;
  }

  #pump(): void {
    const node = this.#options.clock.now < this.#endAt && !this.#isEnough ? this.#next() : undefined;
    if (node === undefined) this.#end();
    else this.#probe(node);
  }

  /** The one of which the least is known. */
  #next(): Surveyed | undefined {
    let best: Surveyed | undefined;
    for (const node of this.#nodes) {
      if (node.failures > 1) continue;
      if (best === undefined || node.sent < best.sent) best = node;
    }
    return best;
  }

  #probe(node: Surveyed): void {
    const { client, appIndex, ttl = 0xff } = this.#options;
    const octets = new Uint8Array(12 * this.#segmentsFor(node) - 7);
    const options = {
      dst: node.address,
      appIndex,
      ttl,
      // Over relays chunks go out in two copies as well; else each copy counts.
      transmit: { count: this.#isRelayed ? 2 : 1, intervalMs: 20 },
      sar: {
        segmentIntervalStep: this.#isRelayed ? RELAYED_INTERVAL_STEP : 0,
        unicastRetransmissionsCount: 6,
        unicastRetransmissionsWithoutProgressCount: 1,
      },
      priority: 'bulk',
      observe: (sent: number, received: number) => {
        node.sent += sent;
        node.received += received;
      },
    } as const;
    client.model.send(RadioProbe, { octets }, options, (error) => this.#probed(node, error));
  }

  #probed(node: Surveyed, error: MeshError | undefined): void {
    node.failures = error === undefined ? 0 : node.failures + 1;
    if (this.#waitsForCopies) this.#options.clock.after(PAUSE_MS, () => this.#pump());
    else this.#pump();
  }

  get #waitsForCopies(): boolean {
    return this.#eventMs < FAST_MS || this.#nodes.some((node) => this.#segmentsFor(node) < FEW_SEGMENTS);
  }

  /** Each node is to have its turn in half of the time, as far as messages of fewer segments do not waste it. */
  #segmentsFor({ mtu }: Surveyed): number {
    const longest = Math.min(this.#isRelayed ? SEGMENTS.relayed : SEGMENTS.most, Math.floor((mtu + 4) / 12));
    const share = this.#options.budgetMs / 2 / this.#nodes.length / Math.max(this.#eventMs, 1);
    return Math.max(2, Math.min(longest, Math.max(SEGMENTS.fewest, Math.floor(share))));
  }

  /** Whether more would change the expected time of a transfer by less than a twentieth. */
  get #isEnough(): boolean {
    let sent = 0;
    let received = 0;
    for (const node of this.#nodes) {
      sent += node.sent;
      received += node.received;
    }
    if (sent === 0) return false;
    const loss = 1 - received / sent;
    const error = Math.sqrt((Math.max(loss, LEAST_LOSS) * (1 - loss)) / sent);
    return error * slope(loss) < ENOUGH;
  }

  #end(): void {
    this.#over = true;
    const known = this.#nodes.filter(({ sent }) => sent > 0);
    this.#ended({
      ...(this.#left.length > 0 && { eventMs: this.#eventMs }),
      receivers: new Map(
        known.map(({ address, sent, received, isRemote }) => [
          address,
          { loss: 1 - received / sent, events: sent, isRemote },
        ]),
      ),
    });
  }
}

/** Multiples of it spread evenly over the unit interval. */
const GOLDEN = 0.618034;
/** Error of the logarithm of the time, one standard deviation. */
const ENOUGH = 0.05;
/** Scan hopping alone costs as much. */
const LEAST_LOSS = 0.015;

/** By how much the logarithm of the time of a transfer grows with the loss [design/airtime.md: 1020, 1390, 1690, 2250 s at 0, 5, 10, 20 %]. */
function slope(loss: number): number {
  return 1 / (0.12 + loss);
}
