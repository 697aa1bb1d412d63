import { EVENT, OPCODE } from './codes.ts';

/** What comes out of an {@link H4Parser}. The octets handed over are good during the call only. */
export interface H4Sink {
  event(code: number, parameters: Uint8Array): void;
  /** `flags`: PB in bits 0 and 1, BC in bits 2 and 3. */
  acl(handle: number, flags: number, data: Uint8Array): void;
  /** A packet began that cannot be. All further octets are discarded until {@link H4Parser.search}. */
  outOfStep(reason: string): void;
}

const TYPE = { ACL: 0x02, SCO: 0x03, EVENT: 0x04, ISO: 0x05 } as const;
/** Octets of packet type and header, by packet type. */
const HEADER: readonly number[] = [0, 0, 5, 4, 3, 5];
/** The packet type of commands. */
export const H4_COMMAND = 0x01;
/** The packet type of ACL data. */
export const H4_ACL: number = TYPE.ACL;
/**
 * Longest ACL data: as much as any controller has. What one announces is for the other direction: 27 octets there and 251 or
 * whole frames here are common.
 */
const MAX_ACL = 1021;
/** Nothing here asks for isochronous data: a longer packet of it is garbage. */
const MAX_ISO = 2048;
const MAX_EVENT = 255;
/** Octets kept of what was discarded, to tell what kind of port it is. */
const KEPT = 64;

/** Command Complete of Reset, status 0; the fourth octet, the number of commands, is any. */
const RESET_COMPLETE: readonly number[] = [
  TYPE.EVENT,
  EVENT.COMMAND_COMPLETE,
  4,
  -1,
  OPCODE.RESET & 0xff,
  OPCODE.RESET >> 8,
  0,
];

/**
 * Cuts a byte stream into H4 packets, whatever its chunks [Bluetooth Core, Vol 4, Part A]. There is no delimiter and no
 * checksum: octets that cannot be a packet mean that the stream is out of step, and only a Reset helps.
 */
export class H4Parser {
  readonly #sink: H4Sink;
  #mode: 'packets' | 'discarding' | 'searching' = 'packets';
  /** The packet that began in an earlier chunk: its octets so far. */
  #partial = new Uint8Array(HEADER[TYPE.EVENT]! + MAX_EVENT);
  #have = 0;
  /** Octets of a packet of no interest that are still to come. */
  #skip = 0;
  #matched = 0;
  #discarded: number[] = [];

  constructor(sink: H4Sink) {
    this.#sink = sink;
  }

  /** Whether the last octet so far ended a packet. */
  get betweenPackets(): boolean {
    return this.#have === 0 && this.#skip === 0;
  }

  /** The first octets discarded since {@link discard}. */
  get discarded(): Uint8Array {
    return Uint8Array.from(this.#discarded);
  }

  /** Throws away all input from now on. */
  discard(): void {
    this.#mode = 'discarding';
    this.#have = 0;
    this.#skip = 0;
    this.#discarded = [];
  }

  /** Throws away all input up to the answer to Reset, which is the next packet then. */
  search(): void {
    this.#mode = 'searching';
    this.#matched = 0;
    this.#have = 0;
    this.#skip = 0;
  }

  /** Takes the next octets; the sink may call {@link discard} and {@link search} meanwhile. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#mode === 'packets') at = this.#packet(chunk, at);
      else if (this.#mode === 'searching') at = this.#search(chunk, at);
      else {
        this.#keep(chunk.subarray(at));
        return;
      }
    }
  }

  /** One packet, or as much of it as is there; returns where the next octets are. */
  #packet(chunk: Uint8Array, at: number): number {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      return at + skipped;
    }
    if (this.#have > 0) return this.#more(chunk, at);
    const size = this.#size(chunk, at, chunk.length);
    if (size < 0) return at;
    if (size > 0 && (isSkipped(chunk[at]!) || at + size <= chunk.length)) {
      this.#deliver(chunk, at, size);
      return isSkipped(chunk[at]!) ? at + HEADER[chunk[at]!]! : at + size;
    }
    // At most a header and what its checked length says: it has room.
    this.#reserve(size);
    this.#partial.set(chunk.subarray(at));
    this.#have = chunk.length - at;
    return chunk.length;
  }

  /** More of a packet that began in an earlier chunk: first up to its header, then up to its end. */
  #more(chunk: Uint8Array, at: number): number {
    let size = this.#size(this.#partial, 0, this.#have);
    const wanted = (size > 0 ? size : HEADER[this.#partial[0]!]!) - this.#have;
    const taken = Math.min(wanted, chunk.length - at);
    this.#reserve(size);
    this.#partial.set(chunk.subarray(at, at + taken), this.#have);
    this.#have += taken;
    size = size > 0 ? size : this.#size(this.#partial, 0, this.#have);
    if (size < 0) return at;
    if (size > 0 && (isSkipped(this.#partial[0]!) || this.#have === size)) {
      this.#have = 0;
      this.#deliver(this.#partial, 0, size);
    }
    return at + taken;
  }

  /** Whole size of the packet at `at`; 0 while its header is incomplete, -1 when it cannot be (and then it is over). */
  #size(octets: Uint8Array, at: number, end: number): number {
    const type = octets[at]!;
    const header = HEADER[type] ?? 0;
    if (header === 0) return this.#lose(`packet type 0x${hex(type)}`);
    if (end - at < header) return 0;
    if (type === TYPE.EVENT) {
      const code = octets[at + 1]!;
      const length = octets[at + 2]!;
      return canBe(code, length) ? header + length : this.#lose(`event 0x${hex(code)} of ${length} octets`);
    }
    if (type === TYPE.SCO) return header + octets[at + 3]!;
    let length = octets[at + 3]! | (octets[at + 4]! << 8);
    if (type === TYPE.ISO) length &= 0x3fff;
    const most = type === TYPE.ISO ? MAX_ISO : MAX_ACL;
    return length <= most ? header + length : this.#lose(`data packet of ${length} octets, at most ${most} can be`);
  }

  #deliver(octets: Uint8Array, at: number, size: number): void {
    const type = octets[at]!;
    const body = octets.subarray(at + HEADER[type]!, at + size);
    if (type === TYPE.EVENT) this.#sink.event(octets[at + 1]!, body);
    else if (type === TYPE.ACL) {
      const word = octets[at + 1]! | (octets[at + 2]! << 8);
      this.#sink.acl(word & 0x0fff, word >> 12, body);
    } else this.#skip = size - HEADER[type]!;
  }

  #lose(reason: string): -1 {
    this.discard();
    this.#sink.outOfStep(reason);
    return -1;
  }

  #reserve(size: number): void {
    if (size <= this.#partial.length) return;
    const larger = new Uint8Array(size);
    larger.set(this.#partial.subarray(0, this.#have));
    this.#partial = larger;
  }

  #search(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      this.#matched = matchedWith(this.#matched, this.#window, chunk[at]!);
      if (this.#matched === RESET_COMPLETE.length) {
        this.#mode = 'packets';
        this.#sink.event(EVENT.COMMAND_COMPLETE, this.#window.slice(3));
        return at + 1;
      }
    }
    this.#keep(chunk.subarray(from));
    return chunk.length;
  }

  readonly #window = new Uint8Array(RESET_COMPLETE.length);

  #keep(octets: Uint8Array): void {
    for (let i = 0; i < octets.length && this.#discarded.length < KEPT; i++) this.#discarded.push(octets[i]!);
  }
}

/** How much of the answer to Reset ends with `octet`, when `matched` octets of it (in `window`) were there before. */
function matchedWith(matched: number, window: Uint8Array, octet: number): number {
  window[matched] = octet;
  for (let length = matched + 1; length > 0; length--) {
    const start = matched + 1 - length;
    let i = 0;
    while (i < length && (RESET_COMPLETE[i] === -1 || RESET_COMPLETE[i] === window[start + i])) i++;
    if (i < length) continue;
    window.copyWithin(0, start, start + length);
    return length;
  }
  return 0;
}

function isSkipped(type: number): boolean {
  return type === TYPE.SCO || type === TYPE.ISO;
}

/** Whether an event of this code can have this length. Unknown codes can have any. */
function canBe(code: number, length: number): boolean {
  switch (code) {
    case 0:
      return false;
    case EVENT.DISCONNECTION_COMPLETE:
    case EVENT.COMMAND_STATUS:
      return length === 4;
    case EVENT.COMMAND_COMPLETE:
      return length >= 3;
    case EVENT.HARDWARE_ERROR:
    case EVENT.DATA_BUFFER_OVERFLOW:
      return length === 1;
    case EVENT.NUMBER_OF_COMPLETED_PACKETS:
      return length % 4 === 1;
    case EVENT.LE_META:
      return length >= 1;
    default:
      return true;
  }
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
