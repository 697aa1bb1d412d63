import { type Address, MeshError, type Unicast } from '@meshferry/core';
import type { QueuedMessage, QueuedPdu } from './friend-queue.ts';
import type { SubnetSecurity } from './key-material.ts';
import { type OutgoingSegments, SEQ_AUTH_WINDOW, type Segments } from './originator.ts';
import { encodeNetworkPdu, type NetworkPdu } from './pdu.ts';

/** A PDU of another node, kept with the IV Index that it was received with. */
export interface KeptPdu extends NetworkPdu {
  readonly ivIndex: number;
}

/** Where own messages get their sequence numbers from. */
export interface SequenceSource {
  /** A new SEQ below `end`. */
  takeSeq(end?: number): number | MeshError;
  /** The IV Index to transmit with. */
  transmitIvIndex(): number;
}

/**
 * A message of another node (one PDU or more): SEQ, SRC, DST and IV Index as received, TTL one less [Mesh Protocol 1.1,
 * 3.5.5]. `seqZero`: it is an acknowledgment of that message.
 */
export function receivedMessage(src: Unicast, dst: Address, pdus: readonly KeptPdu[], seqZero?: number): QueuedMessage {
  return {
    src,
    acknowledges: acknowledgmentKey(src, dst, seqZero),
    pdus: pdus.map((pdu) => ({ point: pdu, encode: (security) => encodeNetworkPdu(pdu, security, pdu.ivIndex) })),
  };
}

/**
 * A message of the Friend itself. It gets its sequence numbers when it is delivered: a Friend Update or Confirm that
 * overtakes it would otherwise make the Low Power node take it for a replay.
 */
export class OwnMessage implements QueuedMessage {
  readonly src: Unicast;
  readonly pdus: readonly QueuedPdu[];
  readonly acknowledges: string | undefined;
  readonly #message: OutgoingSegments;
  readonly #source: SequenceSource;
  #started: { readonly segments: Segments; readonly seqAuth: number; readonly ivIndex: number } | undefined;

  constructor(message: OutgoingSegments, source: SequenceSource) {
    const { src, dst, segN, acknowledges } = message;
    this.#message = message;
    this.#source = source;
    this.src = src;
    this.acknowledges = acknowledgmentKey(src, dst, acknowledges);
    this.pdus = Array.from({ length: segN + 1 }, (_, segO) => ({
      encode: (security: SubnetSecurity) => this.#encode(segO, security),
    }));
  }

  /** Encrypted once, with the SEQ of the first segment; the others go under the same IV Index or not at all. */
  #encode(segO: number, security: SubnetSecurity): Uint8Array | undefined {
    const { ctl, ttl, src, dst } = this.#message;
    const { takeSeq, transmitIvIndex } = this.#source;
    const ivIndex = transmitIvIndex();
    const started = this.#started;
    const seq = takeSeq(started === undefined ? undefined : started.seqAuth + SEQ_AUTH_WINDOW);
    if (seq instanceof MeshError || (started !== undefined && started.ivIndex !== ivIndex)) return undefined;
    const segments = started?.segments ?? this.#message.encrypt(seq, ivIndex, security);
    if (segments instanceof MeshError) return undefined;
    this.#started ??= { segments, seqAuth: seq, ivIndex };
    return encodeNetworkPdu({ ctl, ttl, seq, src, dst, transportPdu: segments.segment(segO) }, security, ivIndex);
  }
}

function acknowledgmentKey(src: Unicast, dst: Address, seqZero: number | undefined): string | undefined {
  return seqZero === undefined ? undefined : `${src}/${dst}/${seqZero}`;
}
