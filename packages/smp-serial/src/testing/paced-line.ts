import type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
import { type Clock, MeshError } from '@meshferry/core';

/** How a {@link PacedLine} carries octets one way. */
export interface PacedWayOptions {
  /** Bits a second; an octet has 10. Infinity: at once, as a pseudo-terminal. */
  readonly baudRate: number;
  /** What stands at its end. Default: something that takes everything. */
  readonly receiver?: LineReceiver;
  /** Damages or removes a line, by its number. */
  readonly spoil?: (line: Uint8Array, number: number) => Uint8Array | undefined;
}

/** A receiver that collects lines in a few buffers and handles one after the other: the console of Zephyr [spec: smp section 7]. */
export interface LineReceiver {
  readonly buffers: number;
  readonly bufferOctets: number;
  /** For handling one line, ms. */
  readonly lineMs: number;
}

/** The console receiver of Zephyr, with as much time for a line as a loaded work queue may take. */
export const ZEPHYR_RECEIVER: LineReceiver = { buffers: 2, bufferOctets: 128, lineMs: 1 };

/** Octets that the system takes before it holds back, and below which it takes more. */
const HIGH_WATER = 4096;
const LOW_WATER = 1024;
const BITS_PER_OCTET = 10;
const NEWLINE = 0x0a;

/** A serial line in virtual time: two ends, each way with its rate. */
export class PacedLine {
  readonly near: ByteStream;
  readonly far: ByteStream;
  /** From the near end to the far one, and back. */
  readonly out: PacedWay;
  readonly in: PacedWay;

  constructor(clock: Clock, out: PacedWayOptions, back: PacedWayOptions = { baudRate: out.baudRate }) {
    this.out = new PacedWay(clock, out);
    this.in = new PacedWay(clock, back);
    this.near = endOf(this.out, this.in);
    this.far = endOf(this.in, this.out);
  }

  /** As when the cable is pulled. */
  unplug(): void {
    this.out.end();
    this.in.end();
  }
}

function endOf(out: PacedWay, back: PacedWay): ByteStream {
  return {
    write: (octets) => out.write(octets),
    flush: (done) => out.flush(done),
    listen: (listener) => {
      back.listener = listener;
      out.drained = () => listener.drained?.();
    },
    close: () => {
      back.listener = undefined;
      out.end();
    },
  };
}

/** One way of a {@link PacedLine}. */
class PacedWay {
  listener: ByteStreamListener | undefined;
  drained: (() => void) | undefined;
  /** Lines that came, and those that found no buffer or too small a one. */
  lines = 0;
  lost = 0;
  /** ms during which the line carried something, and when it first and last did. */
  busyMs = 0;
  firstAt: number | undefined;
  lastAt = 0;
  readonly #clock: Clock;
  readonly #options: PacedWayOptions;
  readonly #msPerOctet: number;
  #backlog = 0;
  #isFull = false;
  #idleAt = 0;
  #used = 0;
  #handledAt = 0;
  /** Whether the line that is coming has a buffer. */
  #isTaken = false;
  #coming: Uint8Array[] = [];
  #isOver = false;

  constructor(clock: Clock, options: PacedWayOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#msPerOctet = (BITS_PER_OCTET * 1000) / options.baudRate;
  }

  /** Share of the time between its first octet and its last one in which it was busy. */
  get busyShare(): number {
    return this.firstAt === undefined ? 0 : this.busyMs / (this.lastAt - this.firstAt);
  }

  write(octets: Uint8Array): boolean {
    if (this.#isOver) return true;
    for (let at = 0; at < octets.length; ) {
      const newline = octets.indexOf(NEWLINE, at);
      const end = newline < 0 ? octets.length : newline + 1;
      this.#carry(octets.subarray(at, end));
      at = end;
    }
    this.#isFull ||= this.#backlog > HIGH_WATER;
    return !this.#isFull;
  }

  flush(done: () => void): void {
    this.#clock.after(Math.max(0, this.#idleAt - this.#clock.now), done);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { listener } = this;
    this.#clock.after(0, () => listener?.ended(new MeshError('bearer-lost', 'the cable is pulled')));
  }

  #carry(piece: Uint8Array): void {
    const { now } = this.#clock;
    const start = Math.max(now, this.#idleAt);
    const ms = piece.length * this.#msPerOctet;
    this.#idleAt = start + ms;
    this.#backlog += piece.length;
    this.firstAt ??= start;
    this.busyMs += ms;
    this.lastAt = this.#idleAt;
    this.#clock.after(start - now, () => this.#begins());
    this.#clock.after(this.#idleAt - now, () => this.#comes(piece));
  }

  #begins(): void {
    const { receiver } = this.#options;
    if (this.#coming.length > 0 || receiver === undefined) return;
    this.#isTaken = this.#used < receiver.buffers;
    if (this.#isTaken) this.#used++;
  }

  #comes(piece: Uint8Array): void {
    this.#backlog -= piece.length;
    if (this.#isFull && this.#backlog < LOW_WATER) {
      this.#isFull = false;
      this.#clock.after(0, () => this.drained?.());
    }
    if (this.#isOver) return;
    this.#coming.push(piece);
    if (piece[piece.length - 1] !== NEWLINE && this.#options.receiver !== undefined) return;
    const line = this.#coming.length === 1 ? piece : Uint8Array.from(this.#coming.flatMap((octets) => [...octets]));
    this.#coming = [];
    const arrived = this.#options.spoil === undefined ? line : this.#options.spoil(line, this.lines);
    this.lines++;
    this.#handle(arrived);
  }

  #handle(line: Uint8Array | undefined): void {
    const { receiver } = this.#options;
    if (receiver === undefined) {
      if (line !== undefined) this.listener?.data(line);
      return;
    }
    const isWhole = line !== undefined && line.length <= receiver.bufferOctets;
    if (!this.#isTaken || !isWhole) this.lost++;
    if (!this.#isTaken) return;
    const { now } = this.#clock;
    this.#handledAt = Math.max(now, this.#handledAt) + receiver.lineMs;
    this.#clock.after(this.#handledAt - now, () => {
      this.#used--;
      if (isWhole) this.listener?.data(line);
    });
  }
}
