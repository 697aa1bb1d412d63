/** Whether the n-th packet of its kind is meant, counted from 1. */
export type Nth = (n: number) => boolean;

/** Every n-th. */
export function every(n: number): Nth {
  return (count) => count % n === 0;
}

/** The ones given. */
export function only(...counts: readonly number[]): Nth {
  return (count) => counts.includes(count);
}

/** What a server does wrong on purpose [spec: smp section 10]; may be changed at any time. Requests and answers are counted from 1. */
export interface SmpServerFaults {
  /** Requests that are not heard; all of them: as of a client that would have to pair first. */
  dropRequest?: Nth;
  /** Requests that are answered by rc 10, busy. */
  busy?: Nth;
  /** Answers that are not sent; what was asked is done. */
  dropResponse?: Nth;
  /** Answers that come twice. */
  repeatResponse?: Nth;
  /** Answers with the sequence number of no request. */
  wrongSequence?: Nth;
  /** Answers before which the previous one comes once more. */
  staleResponse?: Nth;
  /** Answers behind which 5 more octets follow. */
  extraOctets?: Nth;
  /** Answers whose CBOR is cut short, the length field being right. */
  malformedResponse?: Nth;
  /** How long the n-th answer is held back besides, ms. */
  delayResponse?: (n: number) => number;
  /** The flash refuses to write the octet at this offset of an image that is uploaded. */
  flashErrorAt?: number;
  /** The flash refuses to erase. */
  eraseError?: boolean;
  /** The device loses power when an upload has come to this offset; the chunk is not answered. Happens once. */
  rebootAt?: number;
}
