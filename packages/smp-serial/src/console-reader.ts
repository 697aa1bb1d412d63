import { PADDING, SEXTETS } from './base64.ts';
import { FIRST_LINE, FURTHER_LINE, NEWLINE } from './console-lines.ts';
import { crc16 } from './crc16.ts';

/** What comes out of a {@link ConsoleReader}. */
export interface ConsoleSink {
  /** A packet whose CRC is right; it may be kept. It can be of any length. */
  packet(packet: Uint8Array): void;
  /** A line or frame was given up, for this reason. */
  dropped?(reason: string): void;
}

const CARRIAGE_RETURN = 0x0d;
/** Length before a packet and CRC behind it. */
const LENGTH_SIZE = 2;
const CRC_SIZE = 2;
const LAST_SEXTET = 63;
const FIRST_CAPACITY = 512;
/** Octets of a frame: its length field and as many as that can say. */
const FRAME_MAX = LENGTH_SIZE + 0xffff;

/**
 * Finds the packets in what a console says: shell text, prompts and logs between lines are passed over, also when a line begins
 * behind a prompt; what is broken is dropped, and the next first line begins anew [spec: smp section 7]. Lines may end within a group
 * of base64, or each be padded. Never throws.
 */
export class ConsoleReader {
  readonly #sink: ConsoleSink;
  #isInLine = false;
  /** A frame has begun, and may go on in another line. */
  #isInFrame = false;
  /** The first octet of what may become a marker, or 0. */
  #marker = 0;
  /** Behind padding, or a carriage return, nothing but the end of the line can come. */
  #isLineOver = false;
  /** Sextets of a group that is not whole yet. */
  #group = 0;
  #sextets = 0;
  #padding = 0;
  #frame: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  #length = 0;

  constructor(sink: ConsoleSink) {
    this.#sink = sink;
  }

  /** Takes octets as they come, cut anywhere. */
  push(octets: Uint8Array): void {
    for (let i = 0; i < octets.length; i++) {
      if (this.#isInLine && this.#sextets === 0 && this.#marker === 0 && !this.#isLineOver) {
        i = this.#takeGroups(octets, i);
        if (i === octets.length) return;
      }
      this.#take(octets[i] as number);
    }
  }

  /** Forgets what has begun: the line was opened anew. */
  reset(): void {
    this.#isInLine = false;
    this.#isInFrame = false;
    this.#marker = 0;
  }

  /** Whole groups of four characters, for as long as there are some; where it ended. */
  #takeGroups(octets: Uint8Array, from: number): number {
    let i = from;
    for (; i + 4 <= octets.length; i += 4) {
      const a = SEXTETS[octets[i] as number] as number;
      const b = SEXTETS[octets[i + 1] as number] as number;
      const c = SEXTETS[octets[i + 2] as number] as number;
      const d = SEXTETS[octets[i + 3] as number] as number;
      if ((a | b | c | d) > LAST_SEXTET) break;
      this.#append((a << 18) | (b << 12) | (c << 6) | d, 3);
    }
    return i;
  }

  #take(octet: number): void {
    if (octet === FIRST_LINE[0] || octet === FURTHER_LINE[0]) {
      this.#marker = octet;
    } else if (this.#marker !== 0) {
      const marker = this.#marker;
      this.#marker = 0;
      if (marker === FIRST_LINE[0] && octet === FIRST_LINE[1]) this.#beginFrame();
      else if (marker === FURTHER_LINE[0] && octet === FURTHER_LINE[1]) this.#goOn();
      else if (this.#isInLine) this.#drop('an octet that is no base64');
    } else if (this.#isInLine) {
      this.#takeInLine(octet);
    }
  }

  #takeInLine(octet: number): void {
    const sextet = SEXTETS[octet] as number;
    if (octet === NEWLINE) this.#endLine();
    else if (octet === CARRIAGE_RETURN) this.#isLineOver = true;
    else if (sextet <= LAST_SEXTET && !this.#isLineOver) this.#addToGroup(sextet);
    else if (octet === PADDING && this.#sextets >= 2) this.#pad();
    else this.#drop('an octet that is no base64');
  }

  #pad(): void {
    this.#isLineOver = true;
    this.#padding++;
    this.#addToGroup(0);
  }

  #addToGroup(sextet: number): void {
    this.#group = (this.#group << 6) | sextet;
    if (++this.#sextets < 4) return;
    this.#append(this.#group, 3 - this.#padding);
    this.#beginGroup();
  }

  #beginGroup(): void {
    this.#group = 0;
    this.#sextets = 0;
    this.#padding = 0;
  }

  #append(group: number, octets: number): void {
    if (this.#length + 3 > this.#frame.length) this.#grow();
    this.#frame[this.#length] = group >>> 16;
    this.#frame[this.#length + 1] = group >>> 8;
    this.#frame[this.#length + 2] = group;
    this.#length += octets;
  }

  /** Twice as much; what a line holds above the longest frame is dropped at its end. */
  #grow(): void {
    if (this.#length > FRAME_MAX) {
      this.#length = FRAME_MAX;
      return;
    }
    const frame = new Uint8Array(2 * this.#frame.length);
    frame.set(this.#frame);
    this.#frame = frame;
  }

  #beginFrame(): void {
    if (this.#isInFrame) this.#sink.dropped?.('another frame begins');
    this.#isInFrame = true;
    this.#length = 0;
    this.#beginGroup();
    this.#beginLine();
  }

  #goOn(): void {
    if (this.#isInFrame) this.#beginLine();
    else this.#sink.dropped?.('a line that goes on with nothing');
  }

  #beginLine(): void {
    this.#isInLine = true;
    this.#isLineOver = false;
  }

  #endLine(): void {
    this.#isInLine = false;
    const frame = this.#frame;
    if (this.#length < LENGTH_SIZE) return;
    const end = LENGTH_SIZE + ((frame[0] as number) << 8) + (frame[1] as number);
    if (end < LENGTH_SIZE + CRC_SIZE) this.#drop('a length below that of the CRC');
    else if (this.#length > end) this.#drop('more octets than the length says');
    else if (this.#length === end) this.#endFrame(end);
  }

  #endFrame(end: number): void {
    if (crc16(this.#frame, LENGTH_SIZE, end) !== 0) {
      this.#drop('the CRC is wrong');
      return;
    }
    this.#isInFrame = false;
    this.#sink.packet(this.#frame.slice(LENGTH_SIZE, end - CRC_SIZE));
  }

  #drop(reason: string): void {
    this.#isInLine = false;
    this.#isInFrame = false;
    this.#sink.dropped?.(reason);
  }
}
