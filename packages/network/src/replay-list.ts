import type { Address, Store, Unicast, Write } from '@meshferry/core';
import { pairKey } from './addresses.ts';

const PREFIX = 'rpl/';
const HEAD_OCTETS = 7;
const SEQ_AUTH_OCTETS = 9;

/** A point in a source's sequence: a higher IV Index always wins, then the higher SEQ. */
export interface SequencePoint {
  readonly ivIndex: number;
  readonly seq: number;
}

interface Entry {
  readonly src: Unicast;
  /** Of its record. */
  readonly key: string;
  ivIndex: number;
  seq: number;
  readonly seqAuths: SeqAuth[];
  dirty: boolean;
}

interface SeqAuth {
  readonly dst: Address;
  ivIndex: number;
  seq: number;
}

/**
 * The replay protection list [Mesh Protocol 1.1, 3.9.8]: for each source the IV Index and SEQ last accepted, and for each
 * source and destination the largest SeqAuth of a completed message. Entries are never evicted: a new source without
 * room is not accepted. Changes are collected and written by {@link flush}, which must come before any effect.
 */
export class ReplayList {
  readonly #store: Store;
  readonly #capacity: number;
  readonly #entries = new Map<Unicast, Entry>();
  readonly #seqAuths = new Map<number, SeqAuth>();
  readonly #dirty: Entry[] = [];

  constructor(store: Store, capacity: number) {
    this.#store = store;
    this.#capacity = capacity;
    for (const key of store.keys(PREFIX)) this.#load(key);
  }

  /** Sources that have an entry. */
  get size(): number {
    return this.#entries.size;
  }

  /** Changes that {@link flush} would write. */
  get hasUnwritten(): boolean {
    return this.#dirty.length > 0;
  }

  /** Whether a PDU is newer than all accepted from its source, and the source has an entry or room for one. */
  accepts(src: Unicast, ivIndex: number, seq: number): boolean {
    const entry = this.#entries.get(src);
    if (entry === undefined) return this.#entries.size < this.#capacity;
    return isNewer(entry, ivIndex, seq);
  }

  /** Whether a new source would find no room. */
  isFullFor(src: Unicast): boolean {
    return this.#entries.size >= this.#capacity && !this.#entries.has(src);
  }

  /** Records a valid PDU; false (and no change) when it is not acceptable (any more). */
  record(src: Unicast, ivIndex: number, seq: number): boolean {
    const known = this.#entries.get(src);
    if (known === undefined ? this.#entries.size >= this.#capacity : !isNewer(known, ivIndex, seq)) return false;
    const entry = known ?? this.#addEntry(src, ivIndex, seq);
    entry.ivIndex = ivIndex;
    entry.seq = seq;
    this.#touch(entry);
    return true;
  }

  /** The entry of a source. */
  last(src: Unicast): SequencePoint | undefined {
    const entry = this.#entries.get(src);
    return entry === undefined ? undefined : { ivIndex: entry.ivIndex, seq: entry.seq };
  }

  /** The largest SeqAuth of a message completed from `src` to `dst`. */
  lastSeqAuth(src: Unicast, dst: Address): SequencePoint | undefined {
    return this.#seqAuths.get(pairKey(src, dst));
  }

  /** Records the SeqAuth of a completed message. The source must have an entry already ({@link record}). */
  recordSeqAuth(src: Unicast, dst: Address, ivIndex: number, seq: number): void {
    const entry = this.#entries.get(src);
    if (entry === undefined) return;
    const known = this.#seqAuths.get(pairKey(src, dst));
    if (known === undefined) this.#addSeqAuth(entry, { dst, ivIndex, seq });
    else {
      known.ivIndex = ivIndex;
      known.seq = seq;
    }
    this.#touch(entry);
  }

  /** Writes what has changed, all of it or nothing. Throws `store-failed`; then it stays unwritten. */
  flush(): void {
    if (this.#dirty.length === 0) return;
    this.#store.batch(this.#dirty.map((entry): Write => [entry.key, encode(entry)]));
    for (const entry of this.#dirty) entry.dirty = false;
    this.#dirty.length = 0;
  }

  /**
   * Deletes what is older than an IV Index: nothing older is accepted any more, so nothing needs protection from it.
   * Throws `store-failed`; then nothing has changed.
   */
  prune(oldest: number): void {
    const stale = [...this.#entries.values()].filter((entry) => entry.ivIndex < oldest);
    if (stale.length === 0) return;
    this.#store.batch(stale.map((entry): Write => [entry.key, null]));
    for (const entry of stale) {
      this.#entries.delete(entry.src);
      for (const { dst } of entry.seqAuths) this.#seqAuths.delete(pairKey(entry.src, dst));
    }
    const kept = this.#dirty.filter((entry) => entry.ivIndex >= oldest);
    this.#dirty.splice(0, this.#dirty.length, ...kept);
  }

  #addEntry(src: Unicast, ivIndex: number, seq: number): Entry {
    const entry: Entry = { src, key: keyOf(src), ivIndex, seq, seqAuths: [], dirty: false };
    this.#entries.set(src, entry);
    return entry;
  }

  #addSeqAuth(entry: Entry, seqAuth: SeqAuth): void {
    entry.seqAuths.push(seqAuth);
    this.#seqAuths.set(pairKey(entry.src, seqAuth.dst), seqAuth);
  }

  #touch(entry: Entry): void {
    if (entry.dirty) return;
    entry.dirty = true;
    this.#dirty.push(entry);
  }

  /** IV Index (4) ‖ SEQ (3) ‖ for each destination DST (2) ‖ IV Index (4) ‖ SEQ of SeqAuth (3). */
  #load(key: string): void {
    const record = this.#store.get(key);
    const src = Number.parseInt(key.slice(PREFIX.length), 16);
    if (record === undefined || record.length < HEAD_OCTETS || !(src > 0)) return;
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    const entry = this.#addEntry(src, view.getUint32(0), readSeq(record, 4));
    for (let at = HEAD_OCTETS; at + SEQ_AUTH_OCTETS <= record.length; at += SEQ_AUTH_OCTETS) {
      const [dst, ivIndex, seq] = [view.getUint16(at), view.getUint32(at + 2), readSeq(record, at + 6)];
      this.#addSeqAuth(entry, { dst, ivIndex, seq });
    }
  }
}

/** Positive when `a` is the later one, 0 when equal. */
export function comparePoints(a: SequencePoint, ivIndex: number, seq: number): number {
  return a.ivIndex === ivIndex ? a.seq - seq : a.ivIndex - ivIndex;
}

/** Whether the PDU is newer than all that were accepted from its source. */
function isNewer(entry: Entry, ivIndex: number, seq: number): boolean {
  return ivIndex > entry.ivIndex || (ivIndex === entry.ivIndex && seq > entry.seq);
}

function keyOf(src: Unicast): string {
  return PREFIX + src.toString(16).padStart(4, '0');
}

function encode(entry: Entry): Uint8Array {
  const record = new Uint8Array(HEAD_OCTETS + SEQ_AUTH_OCTETS * entry.seqAuths.length);
  writePoint(record, 0, entry);
  let at = HEAD_OCTETS;
  for (const seqAuth of entry.seqAuths) {
    record[at] = seqAuth.dst >>> 8;
    record[at + 1] = seqAuth.dst;
    writePoint(record, at + 2, seqAuth);
    at += SEQ_AUTH_OCTETS;
  }
  return record;
}

function readSeq(octets: Uint8Array, at: number): number {
  return (octets[at]! << 16) | (octets[at + 1]! << 8) | octets[at + 2]!;
}

/** IV Index (4) ‖ SEQ (3). */
function writePoint(octets: Uint8Array, at: number, { ivIndex, seq }: SequencePoint): void {
  octets[at] = ivIndex >>> 24;
  octets[at + 1] = ivIndex >>> 16;
  octets[at + 2] = ivIndex >>> 8;
  octets[at + 3] = ivIndex;
  octets[at + 4] = seq >>> 16;
  octets[at + 5] = seq >>> 8;
  octets[at + 6] = seq;
}
