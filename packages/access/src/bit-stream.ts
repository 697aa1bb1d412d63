/**
 * Access parameters as a stream of bits: little-endian numbers, the first field of an octet in its least significant
 * bits [Mesh Protocol 1.1, 3.7.2]. The reader never throws: the first failure sticks, later reads give zeros.
 */
export class BitReader {
  readonly bytes: Uint8Array;
  /** Octets from the start of `bytes`: the octet that the next bit stands in. */
  offset: number;
  /** What went wrong first, or undefined. */
  failure: { readonly reason: string; readonly offset: number } | undefined;
  #end: number;
  #bit = 0;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
    this.#end = bytes.length;
  }

  /** Whole octets not yet read. */
  get remaining(): number {
    return this.#end - this.offset - (this.#bit > 0 ? 1 : 0);
  }

  /** Makes the octets end `length` octets from here; returns what {@link widen} takes to undo it. */
  narrow(length: number): number {
    const outer = this.#end;
    this.#end = Math.min(outer, this.offset + length);
    return outer;
  }

  /** Undoes {@link narrow}. */
  widen(outer: number): void {
    this.#end = outer;
  }

  /** Notes a failure at `offset` (default: here), unless there was one before. */
  fail(reason: string, offset: number = this.offset): void {
    this.failure ??= { reason, offset };
  }

  /** An unsigned number of `bits` (1 to 48) bits. */
  uint(bits: number): number {
    return this.#bit === 0 && (bits & 7) === 0 ? this.#whole(bits >> 3) : this.#bits(bits);
  }

  /** The next `length` octets, as a copy; they start at an octet's boundary. */
  octets(length: number): Uint8Array {
    if (this.offset + length > this.#end) {
      this.#short(length);
      return new Uint8Array(0);
    }
    const octets = this.bytes.slice(this.offset, this.offset + length);
    this.offset += length;
    return octets;
  }

  /** The common case: a number of whole octets. */
  #whole(octets: number): number {
    const { bytes, offset } = this;
    if (offset + octets > this.#end) return this.#short(octets);
    this.offset = offset + octets;
    if (octets === 1) return bytes[offset] as number;
    if (octets === 2) return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
    let value = 0;
    for (let i = octets - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] as number);
    return value;
  }

  #bits(bits: number): number {
    let value = 0;
    let scale = 1;
    let left = bits;
    while (left > 0) {
      if (this.offset >= this.#end) return this.#short(1);
      const take = Math.min(left, 8 - this.#bit);
      value += (((this.bytes[this.offset] as number) >> this.#bit) & ((1 << take) - 1)) * scale;
      scale *= 2 ** take;
      left -= take;
      this.#bit += take;
      if (this.#bit === 8) {
        this.#bit = 0;
        this.offset++;
      }
    }
    return value;
  }

  #short(needed: number): 0 {
    this.fail(`${needed} more octet${needed === 1 ? '' : 's'} needed, ${Math.max(0, this.remaining)} left`);
    return 0;
  }
}

/** The reverse of {@link BitReader}. */
export class BitWriter {
  #bytes = new Uint8Array(32);
  #length = 0;
  #bit = 0;

  /** Octets written so far, a started one included. */
  get length(): number {
    return this.#length + (this.#bit > 0 ? 1 : 0);
  }

  /** The low `bits` (1 to 48) bits of a whole number that is not negative. */
  uint(value: number, bits: number): void {
    if (this.#bit === 0 && (bits & 7) === 0) this.#whole(value, bits >> 3);
    else this.#bits(value, bits);
  }

  /** Octets as they stand; they start at an octet's boundary. */
  octets(octets: Uint8Array): void {
    this.#room(octets.length);
    this.#bytes.set(octets, this.#length);
    this.#length += octets.length;
  }

  /** All that was written, in a new array. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  #whole(value: number, octets: number): void {
    this.#room(octets);
    let rest = value;
    for (let i = 0; i < octets; i++) {
      this.#bytes[this.#length++] = rest & 0xff;
      rest = Math.floor(rest / 256);
    }
  }

  #bits(value: number, bits: number): void {
    let rest = value;
    let left = bits;
    while (left > 0) {
      if (this.#bit === 0) this.#room(1);
      const take = Math.min(left, 8 - this.#bit);
      const step = 2 ** take;
      this.#bytes[this.#length]! |= (rest % step) << this.#bit;
      rest = Math.floor(rest / step);
      left -= take;
      this.#bit += take;
      if (this.#bit === 8) {
        this.#bit = 0;
        this.#length++;
      }
    }
  }

  #room(octets: number): void {
    const needed = this.#length + octets + 1;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
