/** How deep maps, arrays and tags may stand in each other; the outermost map is 1 [spec: smp section 2]. */
export const CBOR_NESTING_MAX = 16;

/** What the walk over one CBOR item found. */
export interface CborWalk {
  /** Where the item ends; octets after it were not looked at. */
  readonly end: number;
  /** What is to be replaced so that only plain items remain: tags, strings in pieces, simple values. Mostly none. */
  readonly edits: readonly Edit[];
}

/** Octets from `from` to before `to` that `by` takes the place of. */
interface Edit {
  readonly from: number;
  readonly to: number;
  readonly by: readonly number[];
}

/** Why octets are no well-formed CBOR. */
export interface CborError {
  readonly offset: number;
  readonly reason: string;
}

const BREAK = 0xff;
const UNDEFINED = 0xf7;

/**
 * Looks whether `octets` begin with a well-formed CBOR item before anything is built from them: lengths are there, breaks stand
 * only where an indefinite item ends, nesting stays within {@link CBOR_NESTING_MAX}. Allocates nothing by a length it read.
 */
export function walkCbor(octets: Uint8Array): CborWalk | CborError {
  const walk = new Walker(octets);
  walk.item(1);
  return walk.error ?? { end: walk.at, edits: walk.edits };
}

/** The octets of the item with the edits of the walk made. */
export function applyEdits(octets: Uint8Array, { end, edits }: CborWalk): Uint8Array {
  let size = end;
  for (const { from, to, by } of edits) size += by.length - (to - from);
  const plain = new Uint8Array(size);
  let read = 0;
  let write = 0;
  for (const { from, to, by } of edits) {
    plain.set(octets.subarray(read, from), write);
    write += from - read;
    plain.set(by, write);
    write += by.length;
    read = to;
  }
  plain.set(octets.subarray(read, end), write);
  return plain;
}

/** Goes over the octets; its methods say whether all is well so far. */
class Walker {
  at = 0;
  error: CborError | undefined;
  edits: Edit[] = NO_EDITS;
  readonly #octets: Uint8Array;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** One item, with all that is in it; `depth` is what a map or array here would have. */
  item(depth: number): boolean {
    const begin = this.at;
    const first = this.#octets[begin];
    if (first === undefined) return this.#fail(begin, 'an item is missing');
    const major = first >>> 5;
    const minor = first & 0x1f;
    if (major === 7) return this.#simpleOrFloat(begin, minor);
    if (minor === 31) return this.#indefinite(begin, major, depth);
    const value = this.#argument(begin, minor);
    if (value < 0) return false;
    if (major < 2) return true;
    if (major < 4) return this.#skip(begin, value);
    if (depth > CBOR_NESTING_MAX) return this.#tooDeep(begin);
    if (major === 6) {
      this.#edit({ from: begin, to: this.at, by: [] });
      return this.item(depth + 1);
    }
    const items = major === 5 ? 2 * value : value;
    const left = this.#octets.length - this.at;
    if (items > left) return this.#fail(begin, `${value} members, ${left} octets follow`);
    for (let i = 0; i < items; i++) if (!this.item(depth + 1)) return false;
    return true;
  }

  /** The number that follows an initial octet, -1 when it is not there; sets `at` behind it. */
  #argument(begin: number, minor: number): number {
    this.at = begin + 1;
    if (minor < 24) return minor;
    if (minor > 27) this.#fail(begin, `additional information ${minor} is reserved`);
    const size = 1 << (minor - 24);
    if (size > this.#octets.length - this.at) this.#fail(begin, 'cut short');
    if (this.error !== undefined) return -1;
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#octets[this.at + i] as number);
    this.at += size;
    return value;
  }

  #skip(begin: number, length: number): boolean {
    const left = this.#octets.length - this.at;
    if (length > left) return this.#fail(begin, `a string of ${length} octets, ${left} follow`);
    this.at += length;
    return true;
  }

  #simpleOrFloat(begin: number, minor: number): boolean {
    if (minor === 31) return this.#fail(begin, 'a break where nothing ends');
    const value = this.#argument(begin, minor);
    if (value < 0) return false;
    if (minor === 24 && value < 32) return this.#fail(begin, `simple value ${value} in two octets`);
    // Of the simple values only false, true, null and undefined mean something; the others count as undefined.
    if (minor < 20 || minor === 24) this.#edit({ from: begin, to: this.at, by: [UNDEFINED] });
    return true;
  }

  #indefinite(begin: number, major: number, depth: number): boolean {
    this.at = begin + 1;
    if (major === 2 || major === 3) return this.#pieces(begin, major);
    if (major !== 4 && major !== 5) return this.#fail(begin, 'an indefinite length is not possible here');
    if (depth > CBOR_NESTING_MAX) return this.#tooDeep(begin);
    let items = 0;
    while (!this.#isBreak()) {
      if (!this.item(depth + 1)) return false;
      items++;
    }
    return major === 4 || items % 2 === 0 || this.#fail(begin, 'a map ends after a key');
  }

  /** A string in pieces: they become one. */
  #pieces(begin: number, major: number): boolean {
    this.#edit({ from: begin, to: begin + 1, by: [] });
    const head = this.edits.length - 1;
    let total = 0;
    while (!this.#isBreak()) {
      const piece = this.at;
      const first = this.#octets[piece];
      if (first === undefined) return this.#fail(begin, 'a string in pieces does not end');
      const minor = first & 0x1f;
      if (first >>> 5 !== major || minor === 31) return this.#fail(piece, 'no piece of the string');
      const length = this.#argument(piece, minor);
      if (length < 0) return false;
      this.#edit({ from: piece, to: this.at, by: [] });
      if (!this.#skip(piece, length)) return false;
      total += length;
    }
    this.#edit({ from: this.at - 1, to: this.at, by: [] });
    this.edits[head] = { from: begin, to: begin + 1, by: stringHead(major, total) };
    return true;
  }

  /** Takes a break that stands here. */
  #isBreak(): boolean {
    if (this.#octets[this.at] !== BREAK) return false;
    this.at++;
    return true;
  }

  #edit(edit: Edit): void {
    if (this.edits === NO_EDITS) this.edits = [];
    this.edits.push(edit);
  }

  #tooDeep(offset: number): false {
    return this.#fail(offset, `nested deeper than ${CBOR_NESTING_MAX}`);
  }

  #fail(offset: number, reason: string): false {
    this.error ??= { offset, reason };
    return false;
  }
}

const NO_EDITS: Edit[] = [];

/** The head of a string of at most 2^32 − 1 octets, in five octets: cborg takes any form. */
function stringHead(major: number, length: number): number[] {
  return [(major << 5) | 26, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
}
