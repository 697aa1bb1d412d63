import type { ByteStream } from '@meshferry/byte-streams';
import type { Clock, MeshError, Timer } from '@meshferry/core';
import { LinePacer } from './line-pacer.ts';
import { Repeats } from './repeats.ts';

/** How fast lines are sent. */
export interface SerialPace {
  /** What a receiver with two buffers of a line is given for each, after it has come, ms. Default 0; after losses it is more. */
  readonly pauseMs?: number;
  /**
   * The rate that the line really has, in baud: packets are then handed over no faster than it carries them, so that times are
   * counted from when they leave. Default: none, the stream holds back as it likes.
   */
  readonly baudRate?: number;
}

interface Waiting {
  readonly lines: readonly Uint8Array[];
  readonly done: (error?: MeshError) => void;
}

/** Start bit, 8 data bits, stop bit. */
const BITS_PER_OCTET = 10;
/** What is handed over ahead of the line, ms: it does not fall idle while this process is busy. */
const AHEAD_MS = 5;
/** Packets of so many lines fit the buffers of any receiver: their loss says nothing about the pace. */
const SHORT_LINES = 2;
/** Sums of fractions of milliseconds are not exact: what is this near is now. */
const EPSILON_MS = 1e-6;

/** Sends packets as lines over a byte stream, one after the other, each line when its time has come. */
export class LineSender {
  readonly #stream: ByteStream;
  readonly #clock: Clock;
  readonly #pacer: LinePacer;
  readonly #repeats = new Repeats();
  /** How often a packet was sent again at most, since there was a new one. */
  #losses = 0;
  readonly #msPerOctet: number;
  /** The first is being sent, `#sent` lines of it are. */
  readonly #queue: Waiting[] = [];
  #sent = 0;
  /** When the line will have carried all that was handed over. */
  #idleAt = 0;
  #isHeldBack = false;
  #timer: Timer | undefined;

  constructor(stream: ByteStream, clock: Clock, { pauseMs = 0, baudRate }: SerialPace) {
    this.#stream = stream;
    this.#clock = clock;
    this.#pacer = new LinePacer(pauseMs);
    this.#msPerOctet = baudRate === undefined ? 0 : (BITS_PER_OCTET * 1000) / baudRate;
  }

  /** Looks whether a request goes out again, and slows down then. */
  watch(packet: Uint8Array, lines: number): void {
    if (lines <= SHORT_LINES) return;
    const repeats = this.#repeats.count(packet);
    // All packets of a window go again when one of them is lost: that is one loss, until one of them is lost anew.
    if (repeats > this.#losses) this.#pacer.lost();
    else if (repeats === 0) this.#pacer.good();
    this.#losses = repeats === 0 ? 0 : Math.max(this.#losses, repeats);
  }

  /** `done` is called when there is room for the next. */
  send(lines: readonly Uint8Array[], done: (error?: MeshError) => void): void {
    this.#queue.push({ lines, done });
    if (this.#queue.length === 1) this.#wait(0, this.#next);
  }

  /** The stream has room again. */
  drained(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#hasLeft();
  }

  /** The stream is over: all that wait are told. */
  end(reason: MeshError): void {
    this.#timer?.cancel();
    for (const { done } of this.#queue.splice(0)) done(reason);
  }

  readonly #next = (): void => {
    const waiting = this.#queue[0];
    if (waiting === undefined || this.#isHeldBack) return;
    if (this.#sent < waiting.lines.length) this.#nextLine(waiting.lines[this.#sent] as Uint8Array);
    else this.#nextPacket(waiting);
  };

  #nextLine(line: Uint8Array): void {
    const { now } = this.#clock;
    const wait = Math.max(this.#pacer.wait(now), this.#idleAt - now - AHEAD_MS);
    if (wait > EPSILON_MS) {
      this.#wait(wait, this.#next);
      return;
    }
    this.#sent++;
    this.#idleAt = Math.max(now, this.#idleAt) + line.length * this.#msPerOctet;
    const hasRoom = this.#stream.write(line);
    if (this.#pacer.pauseMs > 0 && this.#stream.flush !== undefined) {
      this.#stream.flush(this.#hasLeft);
    } else if (hasRoom) {
      this.#hasLeft();
    } else {
      this.#isHeldBack = true;
    }
  }

  readonly #hasLeft = (): void => {
    this.#pacer.sent(this.#clock.now);
    this.#next();
  };

  #nextPacket({ done }: Waiting): void {
    this.#queue.shift();
    this.#sent = 0;
    if (this.#queue.length > 0) this.#wait(0, this.#next);
    done();
  }

  #wait(ms: number, run: () => void): void {
    this.#timer = this.#clock.after(ms, run);
  }
}
