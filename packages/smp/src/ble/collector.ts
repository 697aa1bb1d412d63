/** Puts the values of a GATT link together to packets; what it gives may share memory with the value. */
export interface PacketCollector {
  /** Octets that wait for the rest of their packet. */
  readonly held: number;
  add(value: Uint8Array): void;
  /** Drops what is held. */
  reset(): void;
}

/** What a {@link PacketCollector} tells. */
export interface CollectorSink {
  packet(packet: Uint8Array): void;
  /** Octets that belong to no packet, and why. */
  junk(reason: string, octets: Uint8Array): void;
}

const HEADER_OCTETS = 8;
const TOO_MANY = 'more octets than the header announces';
/** Header and the largest length that it can name. */
export const LONGEST_PACKET: number = HEADER_OCTETS + 0xffff;

/** Octets of the packet whose header is at `at`. */
export function packetOctets(octets: Uint8Array, at: number): number {
  return HEADER_OCTETS + (octets[at + 2]! << 8) + octets[at + 3]!;
}

/**
 * The server's way, as Zephyr has it: a first piece of less than a header, more octets than announced and packets longer
 * than the buffer are dropped whole, and a half packet spoils the next one [spec: smp section 6].
 */
export class StrictCollector implements PacketCollector {
  readonly #sink: CollectorSink;
  readonly #mostOctets: number;
  #packet: Uint8Array | undefined;
  #filled = 0;

  constructor(sink: CollectorSink, mostOctets: number) {
    this.#sink = sink;
    this.#mostOctets = mostOctets;
  }

  get held(): number {
    return this.#filled;
  }

  add(value: Uint8Array): void {
    if (this.#packet === undefined) this.#begin(value);
    else this.#go(this.#packet, value);
  }

  reset(): void {
    this.#packet = undefined;
    this.#filled = 0;
  }

  #begin(value: Uint8Array): void {
    const expected = value.length < HEADER_OCTETS ? 0 : packetOctets(value, 0);
    if (expected === 0) {
      this.#sink.junk('first piece shorter than a header', value);
    } else if (expected > this.#mostOctets) {
      this.#sink.junk('packet longer than the buffer', value);
    } else if (value.length > expected) {
      this.#sink.junk(TOO_MANY, value);
    } else if (value.length === expected) {
      this.#sink.packet(value);
    } else {
      this.#packet = new Uint8Array(expected);
      this.#packet.set(value);
      this.#filled = value.length;
    }
  }

  #go(packet: Uint8Array, value: Uint8Array): void {
    const filled = this.#filled + value.length;
    if (filled > packet.length) {
      this.reset();
      this.#sink.junk(TOO_MANY, value);
      return;
    }
    packet.set(value, this.#filled);
    this.#filled = filled;
    if (filled < packet.length) return;
    this.reset();
    this.#sink.packet(packet);
  }
}

/**
 * The client's way: several packets in a value, and cuts at any octet, are put up with. Where pieces are missing it finds
 * its feet again at the next value that begins like an answer it waits for.
 */
export class TolerantCollector implements PacketCollector {
  readonly #sink: CollectorSink;
  /** Whether the 8 octets at `at` are the header of an answer that is waited for. */
  readonly #awaited: (octets: Uint8Array, at: number) => boolean;
  readonly #header = new Uint8Array(HEADER_OCTETS);
  /** Once the header is whole. */
  #packet: Uint8Array | undefined;
  #filled = 0;

  constructor(sink: CollectorSink, awaited: (octets: Uint8Array, at: number) => boolean) {
    this.#sink = sink;
    this.#awaited = awaited;
  }

  get held(): number {
    return this.#filled;
  }

  add(value: Uint8Array): void {
    if (this.#filled > 0 && this.#startsAnswer(value, 0)) this.#drop('the rest of the packet is missing');
    let at = 0;
    while (at < value.length) {
      if (this.#filled > 0) {
        at = this.#fill(value, at);
      } else if (at > 0 && value.length - at >= HEADER_OCTETS && !this.#startsAnswer(value, at)) {
        this.#sink.junk('octets behind a packet', value.subarray(at));
        return;
      } else {
        at = this.#begin(value, at);
      }
    }
  }

  reset(): void {
    this.#packet = undefined;
    this.#filled = 0;
  }

  #startsAnswer(value: Uint8Array, at: number): boolean {
    return value.length - at >= HEADER_OCTETS && this.#awaited(value, at);
  }

  /** The common case needs no copy: a whole packet in one value. */
  #begin(value: Uint8Array, at: number): number {
    const left = value.length - at;
    if (left < HEADER_OCTETS) {
      this.#header.set(value.subarray(at));
      this.#filled = left;
      return value.length;
    }
    const expected = packetOctets(value, at);
    if (left >= expected) {
      this.#sink.packet(at === 0 && left === expected ? value : value.subarray(at, at + expected));
      return at + expected;
    }
    this.#packet = new Uint8Array(expected);
    this.#packet.set(at === 0 ? value : value.subarray(at));
    this.#filled = left;
    return value.length;
  }

  #fill(value: Uint8Array, at: number): number {
    const into = this.#packet ?? this.#header;
    const octets = Math.min(into.length - this.#filled, value.length - at);
    into.set(value.subarray(at, at + octets), this.#filled);
    this.#filled += octets;
    if (this.#filled === into.length) this.#full(into);
    return at + octets;
  }

  #full(into: Uint8Array): void {
    if (this.#packet === undefined) {
      this.#packet = new Uint8Array(packetOctets(into, 0));
      this.#packet.set(into);
      if (this.#packet.length > HEADER_OCTETS) return;
    }
    const packet = this.#packet;
    this.reset();
    this.#sink.packet(packet);
  }

  #drop(reason: string): void {
    const octets = (this.#packet ?? this.#header).slice(0, this.#filled);
    this.reset();
    this.#sink.junk(reason, octets);
  }
}
