import { fail, ok, type Result } from '@meshferry/core';
import type { PduError } from '@meshferry/network';

// Generic Provisioning PDU [Mesh Protocol 1.1, 5.3.1]. Octet 0: six bits by kind, then GPCF (2 bits). Numbers big-endian.

/** A Generic Provisioning PDU: a segment of a Provisioning PDU, an acknowledgment, or control of the link. */
export type GenericProvisioningPdu =
  | TransactionStart
  | { readonly kind: 'transaction-acknowledgment' }
  | TransactionContinuation
  | { readonly kind: 'link-open' /** 16 octets. */; readonly deviceUuid: Uint8Array }
  | { readonly kind: 'link-ack' }
  | { readonly kind: 'link-close' /** 0 Success, 1 Timeout, 2 Fail; others are reserved. */; readonly reason: number };

/** The first segment of a Provisioning PDU. */
export interface TransactionStart {
  readonly kind: 'transaction-start';
  /** Number of the last segment, 0 to 63. */
  readonly segN: number;
  /** Octets of the whole Provisioning PDU, 16 bits. */
  readonly totalLength: number;
  /** Frame check sequence over the whole Provisioning PDU. */
  readonly fcs: number;
  /** At most 20 octets. */
  readonly data: Uint8Array;
}

/** Another segment of a Provisioning PDU. */
export interface TransactionContinuation {
  readonly kind: 'transaction-continuation';
  /** 1 to 63. */
  readonly segmentIndex: number;
  /** 1 to 23 octets. */
  readonly data: Uint8Array;
}

/** Octets of a Provisioning PDU in a Transaction Start. */
export const START_DATA_MAX = 20;
/** Octets of a Provisioning PDU in a Transaction Continuation. */
export const CONTINUATION_DATA_MAX = 23;

const Gpcf = { start: 0b00, acknowledgment: 0b01, continuation: 0b10, control: 0b11 } as const;
const BearerOpcode = { open: 0x00, ack: 0x01, close: 0x02 } as const;
const START_HEAD = 4;
const UUID_OCTETS = 16;

/** Never throws; what has a reserved value, wrong padding or a wrong length is no PDU. */
export function decodeGenericProvisioningPdu(octets: Uint8Array): Result<GenericProvisioningPdu, PduError> {
  const [head] = octets;
  if (head === undefined) return bad('GPCF', 0, 'missing');
  const high = head >> 2;
  switch (head & 3) {
    case Gpcf.start:
      return decodeStart(high, octets);
    case Gpcf.acknowledgment:
      if (high !== 0) return bad('Padding', 0, 'not 0');
      return octets.length === 1 ? ok({ kind: 'transaction-acknowledgment' }) : wrongLength(1);
    case Gpcf.continuation:
      return decodeContinuation(high, octets);
    default:
      return decodeControl(high, octets);
  }
}

/** Fields are cut to their width. */
export function encodeGenericProvisioningPdu(pdu: GenericProvisioningPdu): Uint8Array {
  switch (pdu.kind) {
    case 'transaction-start': {
      const { segN, totalLength, fcs, data } = pdu;
      return withHead([(segN << 2) | Gpcf.start, totalLength >> 8, totalLength, fcs], data);
    }
    case 'transaction-acknowledgment':
      return Uint8Array.of(Gpcf.acknowledgment);
    case 'transaction-continuation':
      return withHead([(pdu.segmentIndex << 2) | Gpcf.continuation], pdu.data);
    case 'link-open':
      return withHead([(BearerOpcode.open << 2) | Gpcf.control], pdu.deviceUuid);
    case 'link-ack':
      return Uint8Array.of((BearerOpcode.ack << 2) | Gpcf.control);
    case 'link-close':
      return Uint8Array.of((BearerOpcode.close << 2) | Gpcf.control, pdu.reason);
  }
}

function decodeStart(segN: number, octets: Uint8Array): Result<GenericProvisioningPdu, PduError> {
  if (octets.length < START_HEAD) return bad('TotalLength', 1, 'missing');
  if (octets.length > START_HEAD + START_DATA_MAX) return bad('Data', START_HEAD, 'longer than 20 octets');
  const totalLength = (octets[1]! << 8) | octets[2]!;
  return ok({ kind: 'transaction-start', segN, totalLength, fcs: octets[3]!, data: octets.subarray(START_HEAD) });
}

function decodeContinuation(segmentIndex: number, octets: Uint8Array): Result<GenericProvisioningPdu, PduError> {
  if (segmentIndex === 0) return bad('SegmentIndex', 0, '0 is that of the start');
  const length = octets.length - 1;
  if (length < 1 || length > CONTINUATION_DATA_MAX) return bad('Data', 1, 'not 1 to 23 octets');
  return ok({ kind: 'transaction-continuation', segmentIndex, data: octets.subarray(1) });
}

function decodeControl(opcode: number, octets: Uint8Array): Result<GenericProvisioningPdu, PduError> {
  switch (opcode) {
    case BearerOpcode.open:
      if (octets.length !== 1 + UUID_OCTETS) return wrongLength(1 + UUID_OCTETS);
      return ok({ kind: 'link-open', deviceUuid: octets.subarray(1) });
    case BearerOpcode.ack:
      return octets.length === 1 ? ok({ kind: 'link-ack' }) : wrongLength(1);
    case BearerOpcode.close:
      return octets.length === 2 ? ok({ kind: 'link-close', reason: octets[1]! }) : wrongLength(2);
    default:
      return bad('BearerOpcode', 0, 'reserved');
  }
}

function withHead(head: readonly number[], data: Uint8Array): Uint8Array {
  const octets = new Uint8Array(head.length + data.length);
  octets.set(head);
  octets.set(data, head.length);
  return octets;
}

function wrongLength(octets: number): Result<never, PduError> {
  return bad('PDU', 0, `not ${octets} octets`);
}

function bad(field: string, offset: number, reason: string): Result<never, PduError> {
  return fail({ field, offset, reason });
}
