import { type Clock, MemoryStore, type Unicast } from '@meshferry/core';
import type { SarReceiver } from './contract.ts';
import type { QueuedMessage } from './friend-queue.ts';
import { type KeptPdu, receivedMessage } from './friend-queued.ts';
import {
  ACCESS_SEGMENT_OCTETS,
  CONTROL_SEGMENT_OCTETS,
  decodeLowerTransportPdu,
  encodeLowerTransportPdu,
} from './lower-transport-pdu.ts';
import type { ReceivedPdu } from './network-receiver.ts';
import { ReplayList } from './replay-list.ts';
import { SegmentReceiver } from './sar-receiver.ts';
import type { Reassembled, SegmentOrigin } from './segment.ts';

export interface FriendReceiverOptions {
  readonly clock: Clock;
  /** The SAR Receiver state. */
  state(): SarReceiver;
  /** PDUs of a Friend Queue: longer messages are refused. */
  readonly queueSize: number;
  readonly maxOpen: number;
  readonly maxOpenPerSource: number;
  /** Acknowledges on behalf of a Low Power node. */
  acknowledge(origin: SegmentOrigin, seqZero: number, ackedSegments: number): void;
  /** Puts a message into the queues that want it. */
  keep(origin: SegmentOrigin, message: QueuedMessage): void;
}

/** Sources that it tells replays of; the Low Power nodes have lists of their own. */
const SOURCES = 0x7fff;

/**
 * The lower transport of a Friend in place of its Low Power nodes: puts segments together and acknowledges them, keeps
 * replays out of the queues [Mesh Protocol 1.1, 3.5.3.4, 3.5.5].
 */
export class FriendReceiver {
  readonly #options: FriendReceiverOptions;
  readonly #replay = new ReplayList(new MemoryStore(), SOURCES);
  readonly #segments: SegmentReceiver;

  constructor(options: FriendReceiverOptions) {
    this.#options = options;
    const { clock, state, queueSize, maxOpen, maxOpenPerSource } = options;
    this.#segments = new SegmentReceiver({
      clock,
      state,
      maxSegments: Math.min(queueSize, 32),
      maxOpen,
      maxOpenPerSource,
      completed: (src, dst) => this.#replay.lastSeqAuth(src, dst),
      acknowledge: (origin, seqZero, acked) => options.acknowledge(origin, seqZero, acked),
      complete: (message) => this.#complete(message),
    });
  }

  /** A PDU that at least one queue wants, with a TTL of 2 or more. */
  receive(pdu: ReceivedPdu): void {
    const decoded = decodeLowerTransportPdu(pdu.ctl, pdu.transportPdu);
    if (!decoded.ok || !this.#replay.accepts(pdu.src, pdu.ivIndex, pdu.seq)) return;
    const transport = decoded.value;
    if (transport.format === 'segmented-access' || transport.format === 'segmented-control') {
      this.#segments.receive(transport, pdu);
      return;
    }
    this.#replay.record(pdu.src, pdu.ivIndex, pdu.seq);
    const seqZero = transport.format === 'segment-acknowledgment' ? transport.seqZero : undefined;
    const kept = keptPdu(pdu, pdu.ctl, pdu.seq, pdu.transportPdu);
    this.#options.keep(pdu, receivedMessage(kept.src, kept.dst, [kept], seqZero));
  }

  /** Of a source that sends under a new IV Index nothing older is accepted anyway. */
  prune(oldestIvIndex: number): void {
    this.#replay.prune(oldestIvIndex);
  }

  close(): void {
    this.#segments.close();
  }

  #complete({ segment, origin, seqAuthSeq, lastSeq, seqs, upperTransportPdu }: Reassembled): void {
    const { src, dst, ivIndex } = origin;
    this.#replay.record(src, ivIndex, lastSeq);
    this.#replay.recordSeqAuth(src, dst, ivIndex, seqAuthSeq);
    const ctl = segment.format === 'segmented-control';
    const full = ctl ? CONTROL_SEGMENT_OCTETS : ACCESS_SEGMENT_OCTETS;
    const kept = seqs.map((seq, segO) => {
      const part = upperTransportPdu.subarray(segO * full, (segO + 1) * full);
      return keptPdu(origin, ctl, seq, encodeLowerTransportPdu({ ...segment, segO, segment: part }));
    });
    this.#options.keep(origin, receivedMessage(src, dst, kept));
  }
}

function keptPdu(
  { src, dst, ttl, ivIndex }: Pick<SegmentOrigin, 'dst' | 'ttl' | 'ivIndex'> & { readonly src: Unicast },
  ctl: boolean,
  seq: number,
  transportPdu: Uint8Array,
): KeptPdu {
  return { ctl, ttl: ttl - 1, seq, src, dst, transportPdu: transportPdu.slice(), ivIndex };
}
