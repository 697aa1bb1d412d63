import type { Transmit } from '@meshferry/bearer';
import { type Address, addressKind, type Cancel, MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import { ignore } from './cancellable.ts';
import type { Credentials, Done, SarTransmitter } from './contract.ts';
import {
  CONTROL_SEGMENT_OCTETS,
  encodeLowerTransportPdu,
  OPCODE_SEGMENT_ACKNOWLEDGMENT,
  UNSEGMENTED_CONTROL_MAX,
} from './lower-transport-pdu.ts';
import type { Originator, Segments } from './originator.ts';
import type { SegmentOrigin } from './segment.ts';
import { CONTROL_MAX } from './upper-transport.ts';

/** A control message on its way out [Mesh Protocol 1.1, 3.6.5]. */
export interface ControlSend {
  /** An element of this node. */
  readonly src: Unicast;
  /** Unicast or group. */
  readonly dst: Address;
  /** 0x01 to 0x7F. */
  readonly opcode: number;
  /** Up to 256 octets; more than 11 go segmented. */
  readonly parameters: Uint8Array;
  /** 0 or 2 to 127. */
  readonly ttl: number;
  readonly netIndex: NetIndex;
  readonly transmit: Transmit;
  /** Default: managed flooding. */
  readonly credentials?: Credentials | undefined;
}

/** Sends a control message; throws `bad-field` for one that cannot be sent. */
export function sendControl(originator: Originator, message: ControlSend, sar: SarTransmitter, done: Done): Cancel {
  check(message);
  const { opcode, parameters } = message;
  const route = { ...message, ctl: true };
  if (parameters.length <= UNSEGMENTED_CONTROL_MAX) {
    const pdu = encodeLowerTransportPdu({ format: 'unsegmented-control', opcode, parameters });
    return originator.sendUnsegmented({ ...route, encrypt: () => pdu }, done);
  }
  return originator.sendSegmented(
    { ...route, segN: segNOf(parameters), encrypt: (seq) => segments(opcode, parameters, seq & 0x1fff) },
    sar,
    done,
  );
}

/** Acknowledges segments: to their source, from the element they were for or on behalf of it, under their NetKey [3.5.3.4]. */
export function sendAcknowledgment(
  originator: Originator,
  { src, dst, ttl, netIndex }: SegmentOrigin,
  from: Unicast,
  segments: { readonly seqZero: number; readonly ackedSegments: number },
  node: { readonly defaultTtl: number; readonly transmit: Transmit },
): void {
  const pdu = encodeLowerTransportPdu({ format: 'segment-acknowledgment', obo: from !== dst, ...segments });
  const route = { src: from, dst: src, ttl: ttl === 0 ? 0 : node.defaultTtl, ctl: true, netIndex };
  const message = { ...route, transmit: node.transmit, encrypt: () => pdu, acknowledges: segments.seqZero };
  originator.sendUnsegmented(message, ignore);
}

function segments(opcode: number, parameters: Uint8Array, seqZero: number): Segments {
  const segN = segNOf(parameters);
  const segment = (segO: number): Uint8Array => {
    const at = segO * CONTROL_SEGMENT_OCTETS;
    const part = parameters.subarray(at, at + CONTROL_SEGMENT_OCTETS);
    return encodeLowerTransportPdu({ format: 'segmented-control', opcode, seqZero, segO, segN, segment: part });
  };
  return { segN, segment };
}

function segNOf(parameters: Uint8Array): number {
  return Math.ceil(parameters.length / CONTROL_SEGMENT_OCTETS) - 1;
}

function check({ opcode, dst, parameters, ttl }: ControlSend): void {
  const kind = addressKind(dst);
  const problem =
    opcode <= OPCODE_SEGMENT_ACKNOWLEDGMENT || opcode > 0x7f
      ? `opcode ${opcode}`
      : kind === 'unassigned' || kind === 'virtual'
        ? `a destination that is ${kind}`
        : parameters.length > CONTROL_MAX
          ? `${parameters.length} octets of parameters`
          : !(ttl >= 0 && ttl <= 127) || ttl === 1
            ? `TTL ${ttl}`
            : undefined;
  if (problem === undefined) return;
  throw new MeshError('bad-field', `control message with ${problem}`, {
    hint: 'Opcode 1 to 127, a unicast or group destination, up to 256 octets, TTL 0 or 2 to 127.',
  });
}
