import { fail, ok, type Result } from '@meshferry/core';
import {
  decodeLowerTransportPdu,
  fullOctets,
  isSameMessage,
  type LowerTransportPdu,
  type NetworkPdu,
  openWithKeys,
  Reassembly,
  type Segment,
  seqAuthSeq,
} from '@meshferry/network';
import type { ObservedControl, ObservedError, ObservedMessage } from './observed.ts';
import type { ObservedSecurity, ObserverKeys } from './observer-keys.ts';

/** A Network PDU and what opened it. */
export interface OpenedPdu extends ObservedSecurity {
  readonly pdu: NetworkPdu;
  readonly ivIndex: number;
}

/** What a PDU completes: nothing, an access message or a control message. */
export interface Whole {
  readonly message?: ObservedMessage;
  readonly control?: ObservedControl;
}

/** A message being put together, or put together: then without its segments. */
interface Context {
  readonly segment: Segment;
  reassembly: Reassembly | undefined;
}

const NOTHING: Result<Whole, ObservedError> = ok({});

/**
 * Lower and upper transport as an observer sees them: the same PDUs, segments and keys as in a node, but messages of
 * everybody to everybody, no acknowledgments and no timers, since nothing on the air is missed for good.
 */
export class ObserverTransport {
  readonly #keys: ObserverKeys;
  readonly #contexts = new Map<string, Context>();

  constructor(keys: ObserverKeys) {
    this.#keys = keys;
  }

  /** The format of a PDU, or what is wrong with it. */
  decode({ ctl, transportPdu }: NetworkPdu): Result<LowerTransportPdu, ObservedError> {
    const decoded = decodeLowerTransportPdu(ctl, transportPdu);
    return decoded.ok ? decoded : fail(`malformed: ${decoded.error.field} ${decoded.error.reason}`);
  }

  /** Takes a PDU that was not heard before. */
  receive(transport: LowerTransportPdu, opened: OpenedPdu): Result<Whole, ObservedError> {
    const { pdu } = opened;
    switch (transport.format) {
      case 'unsegmented-access':
        return this.#open(transport, false, pdu.seq, undefined, transport.upperTransportPdu, opened);
      case 'unsegmented-control':
        return control(transport.opcode, transport.parameters, pdu.seq);
      case 'segment-acknowledgment':
        return control(pdu.transportPdu[0]!, pdu.transportPdu.subarray(1), pdu.seq);
      default:
        return this.#receiveSegment(transport, opened);
    }
  }

  #receiveSegment(segment: Segment, opened: OpenedPdu): Result<Whole, ObservedError> {
    const seq = seqAuthSeq(opened.pdu.seq, segment.seqZero);
    if (seq < 0) return fail('malformed: SeqZero no message can have');
    const context = this.#contextOf(segment, opened, seq);
    const { reassembly } = context;
    if (reassembly === undefined || reassembly.has(segment.segO)) return NOTHING;
    reassembly.add(segment.segO, segment.segment);
    if (!reassembly.isComplete) return NOTHING;
    context.reassembly = undefined;
    const octets = reassembly.message();
    const segments = segment.segN + 1;
    return segment.format === 'segmented-control'
      ? control(segment.opcode, octets, seq, segments)
      : this.#open(segment, segment.szmic, seq, segments, octets, opened);
  }

  /** The context of the message that a segment belongs to, begun by the first one. */
  #contextOf(segment: Segment, { pdu, ivIndex, security, friendship }: OpenedPdu, seq: number): Context {
    const friend = friendship === undefined ? '' : Object.values(friendship).join();
    const start = [security.netIndex, friend, pdu.src, pdu.dst, ivIndex, seq].join(' ');
    // Two messages can begin with one SEQ only in a friend queue or by mistake; they are told apart by their shape.
    for (let i = 0; ; i++) {
      const name = `${start} ${i}`;
      const known = this.#contexts.get(name);
      if (known !== undefined && !isSameMessage(known.segment, segment)) continue;
      const context = known ?? { segment, reassembly: new Reassembly(segment.segN, fullOctets(segment)) };
      if (known === undefined) this.#contexts.set(name, context);
      return context;
    }
  }

  #open(
    { akf, aid }: { readonly akf: boolean; readonly aid: number },
    szmic: boolean,
    seq: number,
    segments: number | undefined,
    upperTransportPdu: Uint8Array,
    { pdu, ivIndex, security }: OpenedPdu,
  ): Result<Whole, ObservedError> {
    const fields = { akf, szmic, seq, src: pdu.src, dst: pdu.dst, ivIndex };
    const opened = openWithKeys(this.#keys, fields, aid, security.netIndex, upperTransportPdu);
    if (opened === undefined) return fail('no matching key');
    const { key, label, payload } = opened;
    return ok({ message: { seq, key, label, micOctets: szmic ? 8 : 4, segments, payload } });
  }
}

function control(opcode: number, parameters: Uint8Array, seq: number, segments?: number): Result<Whole, ObservedError> {
  return ok({ control: { seq, opcode, segments, parameters } });
}
