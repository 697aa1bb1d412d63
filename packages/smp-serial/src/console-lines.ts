import { MeshError } from '@meshferry/core';
import { writeBase64 } from './base64.ts';
import { crc16 } from './crc16.ts';

/** Octets of the longest line that every receiver takes, with its marker and its newline [spec: smp section 7]. */
export const CONSOLE_LINE = 127;
/** The longest packet: the length before it counts it and its CRC in 16 bits. */
export const CONSOLE_PACKET_MAX: number = 0xffff - 2;

/** What a line begins with: the first one of a frame, or one that goes on. */
export const FIRST_LINE: readonly [number, number] = [0x06, 0x09];
export const FURTHER_LINE: readonly [number, number] = [0x04, 0x14];
export const NEWLINE = 0x0a;

/** Marker and newline. */
const LINE_OVERHEAD = 3;

/** How {@link encodeConsoleLines} cuts a frame. */
export interface ConsoleLineOptions {
  /** Octets of a line at most, with marker and newline; 7 or more. Default 127. */
  readonly maxLine?: number;
  /**
   * All lines of about the same length: as each takes a buffer of the receiver, a short last line in front of the next
   * packet would leave it little time. Default: all but the last are as long as can be.
   */
  readonly isEven?: boolean;
}

/**
 * A packet as lines of a console: length, packet and CRC-16 in base64, each line with its marker and its newline. Throws
 * `packet-too-long` above {@link CONSOLE_PACKET_MAX}.
 */
export function encodeConsoleLines(packet: Uint8Array, options: ConsoleLineOptions = {}): Uint8Array[] {
  const { maxLine = CONSOLE_LINE, isEven = false } = options;
  const frame = frameOf(packet);
  const groups = Math.ceil(frame.length / 3);
  const groupsPerLine = Math.floor((maxLine - LINE_OVERHEAD) / 4);
  const count = Math.ceil(groups / groupsPerLine);
  const text = new Uint8Array(groups * 4 + count * LINE_OVERHEAD);
  const lines: Uint8Array[] = [];
  let at = 0;
  for (let line = 0, from = 0; line < count; line++) {
    const left = groups - from / 3;
    const to = from + 3 * (isEven ? Math.ceil(left / (count - line)) : Math.min(groupsPerLine, left));
    const begin = at;
    [text[at], text[at + 1]] = line === 0 ? FIRST_LINE : FURTHER_LINE;
    at = writeBase64(frame, from, Math.min(to, frame.length), text, at + 2);
    text[at++] = NEWLINE;
    lines.push(text.subarray(begin, at));
    from = to;
  }
  return lines;
}

function frameOf(packet: Uint8Array): Uint8Array {
  const { length } = packet;
  if (length > CONSOLE_PACKET_MAX) {
    throw new MeshError('packet-too-long', `a packet of ${length} octets: a frame holds ${CONSOLE_PACKET_MAX}`, {
      hint: 'Send less data in each packet.',
    });
  }
  const frame = new Uint8Array(length + 4);
  frame[0] = (length + 2) >>> 8;
  frame[1] = length + 2;
  frame.set(packet, 2);
  const crc = crc16(packet);
  frame[length + 2] = crc >>> 8;
  frame[length + 3] = crc;
  return frame;
}
