import type { Address, NetIndex, Unicast } from '@meshferry/core';
import type { Credentials } from './contract.ts';
import type { SubnetSecurity } from './key-material.ts';
import {
  ACCESS_SEGMENT_OCTETS,
  CONTROL_SEGMENT_OCTETS,
  type SegmentedAccess,
  type SegmentedControl,
} from './lower-transport-pdu.ts';

/** A segment of either kind. */
export type Segment = SegmentedAccess | SegmentedControl;

/** How a segment came: what the message that it belongs to inherits from its first segment. */
export interface SegmentOrigin {
  readonly src: Unicast;
  readonly dst: Address;
  /** Of this segment. */
  readonly seq: number;
  readonly ivIndex: number;
  readonly ttl: number;
  readonly netIndex: NetIndex;
  readonly credentials: Credentials;
  /** What secured it. */
  readonly security: SubnetSecurity;
  readonly rssi: number | undefined;
}

/** A message put together. */
export interface Reassembled {
  /** Its first segment that arrived, without payload of interest. */
  readonly segment: Segment;
  readonly origin: SegmentOrigin;
  /** SEQ of SeqAuth. */
  readonly seqAuthSeq: number;
  /** The largest SEQ of its segments. */
  readonly lastSeq: number;
  /** SEQ of each segment. */
  readonly seqs: readonly number[];
  readonly upperTransportPdu: Uint8Array;
}

/** What became of a segment [Mesh Protocol 1.1, table 3.24]. */
export type SegmentResult =
  | 'seq-auth-error'
  | 'repeated-segment'
  | 'most-recent-seq-auth'
  | 'late-segment'
  | 'message-rejected'
  | 'first-segment'
  | 'next-segment'
  | 'last-segment'
  | 'ignored';

/** Whether both are segments of one message: AKF, AID, SZMIC (or opcode) and SegN are the same. */
export function isSameMessage(a: Segment, b: Segment): boolean {
  if (a.segN !== b.segN) return false;
  if (a.format === 'segmented-control') return b.format === 'segmented-control' && a.opcode === b.opcode;
  return b.format === 'segmented-access' && a.akf === b.akf && a.aid === b.aid && a.szmic === b.szmic;
}

/** Payload octets of every segment of this kind but the last. */
export function fullOctets(segment: Segment): number {
  return segment.format === 'segmented-access' ? ACCESS_SEGMENT_OCTETS : CONTROL_SEGMENT_OCTETS;
}
