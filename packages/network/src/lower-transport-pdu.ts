import { fail, ok, type Result } from '@meshferry/core';
import type { PduError } from './decode-error.ts';

// Lower Transport PDUs [Mesh Protocol 1.1, 3.5.2]: CTL of the Network PDU and the top bit of octet 0 choose the format.

/** Payload octets of every segment but the last. */
export const ACCESS_SEGMENT_OCTETS = 12;
export const CONTROL_SEGMENT_OCTETS = 8;
/** Longest parameters of an unsegmented control message. */
export const UNSEGMENTED_CONTROL_MAX = 11;
/** Longest Upper Transport Access PDU that goes unsegmented. */
export const UNSEGMENTED_UPPER_MAX = 15;
export const MAX_SEGMENTS = 32;
/** Control opcode of a Segment Acknowledgment. */
export const OPCODE_SEGMENT_ACKNOWLEDGMENT = 0x00;

export interface UnsegmentedAccess {
  readonly format: 'unsegmented-access';
  /** Secured with an AppKey; otherwise with a device key. */
  readonly akf: boolean;
  /** 6 bits. */
  readonly aid: number;
  /** EncAccessMessage ‖ TransMIC (32 bits), 5 to 15 octets. */
  readonly upperTransportPdu: Uint8Array;
}

/** What segments of both kinds have. */
export interface SegmentFields {
  /** 13 bits. */
  readonly seqZero: number;
  /** Number of this segment. */
  readonly segO: number;
  /** Number of the last segment. */
  readonly segN: number;
  readonly segment: Uint8Array;
}

export interface SegmentedAccess extends SegmentFields {
  readonly format: 'segmented-access';
  readonly akf: boolean;
  readonly aid: number;
  /** TransMIC of 64 bits. */
  readonly szmic: boolean;
}

export interface UnsegmentedControl {
  readonly format: 'unsegmented-control';
  /** 7 bits. */
  readonly opcode: number;
  /** 0 to 11 octets. */
  readonly parameters: Uint8Array;
}

export interface SegmentedControl extends SegmentFields {
  readonly format: 'segmented-control';
  readonly opcode: number;
}

export interface SegmentAcknowledgment {
  readonly format: 'segment-acknowledgment';
  /** Sent by a Friend on behalf of its Low Power node. */
  readonly obo: boolean;
  readonly seqZero: number;
  /** Unsigned 32 bits; bit i for segment i. */
  readonly ackedSegments: number;
}

export type LowerTransportPdu =
  | UnsegmentedAccess
  | SegmentedAccess
  | UnsegmentedControl
  | SegmentedControl
  | SegmentAcknowledgment;

export function encodeLowerTransportPdu(pdu: LowerTransportPdu): Uint8Array {
  switch (pdu.format) {
    case 'unsegmented-access':
      return prefixed(accessHead(pdu.akf, pdu.aid), pdu.upperTransportPdu);
    case 'unsegmented-control':
      return prefixed(pdu.opcode & 0x7f, pdu.parameters);
    case 'segmented-access':
      return segmented(0x80 | accessHead(pdu.akf, pdu.aid), pdu.szmic, pdu);
    case 'segmented-control':
      return segmented(0x80 | (pdu.opcode & 0x7f), false, pdu);
    case 'segment-acknowledgment':
      return acknowledgment(pdu);
  }
}

/**
 * Reads a TransportPDU; `ctl` is that of its Network PDU. RFU bits are ignored, every other
 * irregularity is an error [3.5.2].
 */
export function decodeLowerTransportPdu(ctl: boolean, octets: Uint8Array): Result<LowerTransportPdu, PduError> {
  if (octets.length === 0) return fail({ field: 'TransportPDU', offset: 0, reason: 'empty' });
  const segmentedFormat = octets[0]! >= 0x80;
  if (ctl) return segmentedFormat ? decodeSegmentedControl(octets) : decodeUnsegmentedControl(octets);
  return segmentedFormat ? decodeSegmentedAccess(octets) : decodeUnsegmentedAccess(octets);
}

/**
 * SEQ of the first segment of the message that a segment with this SEQ and SeqZero belongs to: the largest number not
 * above `seq` that ends in `seqZero` [3.5.3.1]. Negative: there is no such message.
 */
export function seqAuthSeq(seq: number, seqZero: number): number {
  return seq - ((seq - seqZero) & 0x1fff);
}

function decodeUnsegmentedAccess(octets: Uint8Array): Result<LowerTransportPdu, PduError> {
  if (octets.length < 6) return fail({ field: 'Upper Transport PDU', offset: 1, reason: 'shorter than 5 octets' });
  if (octets.length > 1 + UNSEGMENTED_UPPER_MAX) {
    return fail({ field: 'Upper Transport PDU', offset: 1, reason: 'longer than 15 octets' });
  }
  const head = octets[0]!;
  return ok({
    format: 'unsegmented-access',
    akf: (head & 0x40) !== 0,
    aid: head & 0x3f,
    upperTransportPdu: octets.slice(1),
  });
}

function decodeUnsegmentedControl(octets: Uint8Array): Result<LowerTransportPdu, PduError> {
  const opcode = octets[0]!;
  if (opcode !== OPCODE_SEGMENT_ACKNOWLEDGMENT) {
    if (octets.length > 1 + UNSEGMENTED_CONTROL_MAX) {
      return fail({ field: 'Parameters', offset: 1, reason: 'longer than 11 octets' });
    }
    return ok({ format: 'unsegmented-control', opcode, parameters: octets.slice(1) });
  }
  if (octets.length !== 7) return fail({ field: 'Parameters', offset: 1, reason: 'not 6 octets' });
  return ok({
    format: 'segment-acknowledgment',
    obo: octets[1]! >= 0x80,
    seqZero: ((octets[1]! & 0x7f) << 6) | (octets[2]! >> 2),
    ackedSegments: ((octets[3]! << 24) | (octets[4]! << 16) | (octets[5]! << 8) | octets[6]!) >>> 0,
  });
}

function decodeSegmentedAccess(octets: Uint8Array): Result<LowerTransportPdu, PduError> {
  const error = segmentError(octets, ACCESS_SEGMENT_OCTETS);
  if (error !== undefined) return fail(error);
  const head = octets[0]!;
  return ok({
    format: 'segmented-access',
    akf: (head & 0x40) !== 0,
    aid: head & 0x3f,
    szmic: octets[1]! >= 0x80,
    seqZero: ((octets[1]! & 0x7f) << 6) | (octets[2]! >> 2),
    segO: segOOf(octets),
    segN: octets[3]! & 0x1f,
    segment: octets.slice(4),
  });
}

function decodeSegmentedControl(octets: Uint8Array): Result<LowerTransportPdu, PduError> {
  const error = segmentError(octets, CONTROL_SEGMENT_OCTETS);
  if (error !== undefined) return fail(error);
  const opcode = octets[0]! & 0x7f;
  if (opcode === OPCODE_SEGMENT_ACKNOWLEDGMENT) return fail({ field: 'Opcode', offset: 0, reason: '0 in a segment' });
  return ok({
    format: 'segmented-control',
    opcode,
    seqZero: ((octets[1]! & 0x7f) << 6) | (octets[2]! >> 2),
    segO: segOOf(octets),
    segN: octets[3]! & 0x1f,
    segment: octets.slice(4),
  });
}

function segmentError(octets: Uint8Array, full: number): PduError | undefined {
  if (octets.length < 5) return { field: 'Segment', offset: 4, reason: 'empty' };
  if (octets.length > 4 + full) return { field: 'Segment', offset: 4, reason: `longer than ${full} octets` };
  const segO = segOOf(octets);
  const segN = octets[3]! & 0x1f;
  if (segO > segN) return { field: 'SegO', offset: 2, reason: `${segO} is above SegN ${segN}` };
  if (segO < segN && octets.length !== 4 + full) {
    return { field: 'Segment', offset: 4, reason: `not the last one and not ${full} octets` };
  }
  return undefined;
}

function segOOf(octets: Uint8Array): number {
  return ((octets[2]! & 0x03) << 3) | (octets[3]! >> 5);
}

function accessHead(akf: boolean, aid: number): number {
  return akf ? 0x40 | (aid & 0x3f) : 0;
}

function prefixed(head: number, rest: Uint8Array): Uint8Array {
  const octets = new Uint8Array(1 + rest.length);
  octets[0] = head;
  octets.set(rest, 1);
  return octets;
}

function segmented(head: number, szmic: boolean, { seqZero, segO, segN, segment }: SegmentFields): Uint8Array {
  const octets = new Uint8Array(4 + segment.length);
  octets[0] = head;
  octets[1] = (szmic ? 0x80 : 0) | ((seqZero >> 6) & 0x7f);
  octets[2] = ((seqZero & 0x3f) << 2) | (segO >> 3);
  octets[3] = ((segO & 0x07) << 5) | segN;
  octets.set(segment, 4);
  return octets;
}

function acknowledgment({ obo, seqZero, ackedSegments }: SegmentAcknowledgment): Uint8Array {
  const octets = new Uint8Array(7);
  octets[0] = OPCODE_SEGMENT_ACKNOWLEDGMENT;
  octets[1] = (obo ? 0x80 : 0) | ((seqZero >> 6) & 0x7f);
  octets[2] = (seqZero & 0x3f) << 2;
  octets[3] = ackedSegments >>> 24;
  octets[4] = ackedSegments >>> 16;
  octets[5] = ackedSegments >>> 8;
  octets[6] = ackedSegments;
  return octets;
}
