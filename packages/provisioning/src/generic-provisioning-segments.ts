import { fcs } from '@meshferry/crypto';
import {
  CONTINUATION_DATA_MAX,
  START_DATA_MAX,
  type TransactionContinuation,
  type TransactionStart,
} from './generic-provisioning-pdu.ts';

/** A Provisioning PDU's part in one Generic Provisioning PDU. */
export type TransactionSegment = TransactionStart | TransactionContinuation;

const SEGMENTS_MAX = 64;
/** Octets of the longest Provisioning PDU that 64 segments carry. */
export const PB_ADV_MAX_PDU: number = START_DATA_MAX + (SEGMENTS_MAX - 1) * CONTINUATION_DATA_MAX;

/** The segments of a Provisioning PDU of 1 to {@link PB_ADV_MAX_PDU} octets, all but the last full [5.3.1.1]. */
export function segmentTransaction(pdu: Uint8Array): TransactionSegment[] {
  const segN = lastSegment(pdu.length);
  const segments: TransactionSegment[] = [
    {
      kind: 'transaction-start',
      segN,
      totalLength: pdu.length,
      fcs: fcs(pdu),
      data: pdu.subarray(0, START_DATA_MAX),
    },
  ];
  for (let segmentIndex = 1; segmentIndex <= segN; segmentIndex++) {
    const at = offsetOf(segmentIndex);
    const data = pdu.subarray(at, at + CONTINUATION_DATA_MAX);
    segments.push({ kind: 'transaction-continuation', segmentIndex, data });
  }
  return segments;
}

/**
 * Puts the segments of one Provisioning PDU together, in whatever order they come [5.3.3]. What does not fit is as if it
 * had not come: a count that does not follow from the length, a segment of another length, a wrong check sequence.
 */
export class TransactionAssembly {
  readonly #buffer = new Uint8Array(PB_ADV_MAX_PDU);
  /** Octets of each segment that is there; 0: it is missing. */
  readonly #lengths = new Uint8Array(SEGMENTS_MAX);
  #start: TransactionStart | undefined;

  /** The whole PDU when this segment completes it; the next one can begin then. */
  add(segment: TransactionSegment): Uint8Array | undefined {
    if (segment.kind === 'transaction-start' ? !this.#begin(segment) : !this.#continue(segment)) return undefined;
    const start = this.#start;
    if (start === undefined) return undefined;
    for (let i = 0; i <= start.segN; i++) if (this.#lengths[i] !== segmentLength(start, i)) return undefined;
    const pdu = this.#buffer.slice(0, start.totalLength);
    this.clear();
    return fcs(pdu) === start.fcs ? pdu : undefined;
  }

  /** Forgets what is there. */
  clear(): void {
    this.#start = undefined;
    this.#lengths.fill(0);
  }

  /** A start that says something else than the one before replaces it. */
  #begin(start: TransactionStart): boolean {
    const { segN, totalLength, data } = start;
    if (totalLength < 1 || totalLength > PB_ADV_MAX_PDU || segN !== lastSegment(totalLength)) return false;
    if (data.length !== segmentLength(start, 0)) return false;
    const known = this.#start;
    if (known !== undefined && (known.totalLength !== totalLength || known.fcs !== start.fcs)) this.clear();
    for (let i = 1; i < SEGMENTS_MAX; i++) if (this.#lengths[i] !== segmentLength(start, i)) this.#lengths[i] = 0;
    this.#start = start;
    this.#keep(0, 0, data);
    return true;
  }

  /** Before the start it is not known how long a segment has to be: {@link add} and #begin look at that. */
  #continue({ segmentIndex, data }: TransactionContinuation): boolean {
    const start = this.#start;
    if (start !== undefined && data.length !== segmentLength(start, segmentIndex)) return false;
    this.#keep(segmentIndex, offsetOf(segmentIndex), data);
    return true;
  }

  #keep(index: number, offset: number, data: Uint8Array): void {
    this.#buffer.set(data, offset);
    this.#lengths[index] = data.length;
  }
}

function lastSegment(length: number): number {
  return length <= START_DATA_MAX ? 0 : Math.ceil((length - START_DATA_MAX) / CONTINUATION_DATA_MAX);
}

function offsetOf(segmentIndex: number): number {
  return START_DATA_MAX + (segmentIndex - 1) * CONTINUATION_DATA_MAX;
}

/** Octets that the segment has to have; 0 for one that there is none of. */
function segmentLength({ segN, totalLength }: TransactionStart, index: number): number {
  if (index > segN) return 0;
  if (index === 0) return Math.min(totalLength, START_DATA_MAX);
  return Math.min(totalLength - offsetOf(index), CONTINUATION_DATA_MAX);
}
