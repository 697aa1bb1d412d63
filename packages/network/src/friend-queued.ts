import { type Address, MeshError, type Unicast } from '@meshferry/core';
import type { QueuedMessage } from './friend-queue.ts';
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

/** A message of another node: SEQ, SRC, DST and IV Index as received, TTL one less [Mesh Protocol 1.1, 3.5.5]. */
export class ReceivedMessage implements QueuedMessage {
  readonly acknowledges: string | undefined;
  readonly #pdus: readonly KeptPdu[];
  #next = 0;

  /** `seqZero`: the message is an acknowledgment of that one. */
  constructor(pdus: readonly KeptPdu[], seqZero?: number) {
    this.#pdus = pdus;
    const [pdu] = pdus;
    this.acknowledges = pdu === undefined ? undefined : acknowledgmentKey(pdu.src, pdu.dst, seqZero);
  }

  get left(): number {
    return this.#pdus.length - this.#next;
  }

  next(security: SubnetSecurity): Uint8Array | undefined {
    const pdu = this.#pdus[this.#next++];
    return pdu === undefined ? undefined : encodeNetworkPdu(pdu, security, pdu.ivIndex);
  }
}

/**
 * A message of the Friend itself. It gets its sequence numbers when it is delivered: a Friend Update or Confirm that
 * overtakes it would otherwise make the Low Power node take it for a replay.
 */
export class OwnMessage implements QueuedMessage {
  readonly acknowledges: string | undefined;
  readonly #message: OutgoingSegments;
  readonly #source: SequenceSource;
  #segO = 0;
  #started: { readonly segments: Segments; readonly seqAuth: number; readonly ivIndex: number } | undefined;

  constructor(message: OutgoingSegments, source: SequenceSource) {
    this.#message = message;
    this.#source = source;
    this.acknowledges = acknowledgmentKey(message.src, message.dst, message.acknowledges);
  }

  get left(): number {
    return this.#message.segN + 1 - this.#segO;
  }

  next(security: SubnetSecurity): Uint8Array | undefined {
    const { ctl, ttl, src, dst } = this.#message;
    const { takeSeq, transmitIvIndex } = this.#source;
    const ivIndex = transmitIvIndex();
    const started = this.#started;
    const seq = takeSeq(started === undefined ? undefined : started.seqAuth + SEQ_AUTH_WINDOW);
    if (seq instanceof MeshError || (started !== undefined && started.ivIndex !== ivIndex)) return undefined;
    const segments = started?.segments ?? this.#message.encrypt(seq, ivIndex, security);
    if (segments instanceof MeshError) return undefined;
    this.#started ??= { segments, seqAuth: seq, ivIndex };
    const transportPdu = segments.segment(this.#segO++);
    return encodeNetworkPdu({ ctl, ttl, seq, src, dst, transportPdu }, security, ivIndex);
  }
}

function acknowledgmentKey(src: Unicast, dst: Address, seqZero: number | undefined): string | undefined {
  return seqZero === undefined ? undefined : `${src}/${dst}/${seqZero}`;
}
