import { concat, equal, SeededRandom, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader, MESSAGE_MAX } from './frame.ts';

/** Messages in a stream that comes in the given pieces, and how many frames were bad. */
function read(...chunks: readonly Uint8Array[]): { messages: string[]; bad: number } {
  const messages: string[] = [];
  let bad = 0;
  const reader = new FrameReader({ message: (octets) => void messages.push(toHex(octets)), bad: () => bad++ });
  for (const chunk of chunks) reader.push(chunk);
  return { messages, bad };
}

const message = fc.uint8Array({ minLength: 1, maxLength: MESSAGE_MAX });
/** Noise as it comes: many zeros, so that there are frames in it. */
const noise = fc
  .array(fc.oneof(fc.constant(0), fc.nat(255)), { maxLength: 300 })
  .map((octets) => Uint8Array.from(octets));

describe('frames [PROTOCOL.md 2]', () => {
  it('have no zero in them, take three octets besides the CRC, and come out as they went in, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (sent, cuts) => {
          const frames = sent.map(encodeFrame);
          for (const [i, frame] of frames.entries()) {
            expect(frame.length).toBe(sent[i]!.length + 7);
            expect(frame.indexOf(0, 1)).toBe(frame.length - 1);
          }
          const stream = concat(...frames);
          const chunks: Uint8Array[] = [];
          for (let at = 0; at < stream.length; ) {
            const size = cuts.next().value;
            chunks.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(read(...chunks)).toEqual({ messages: sent.map(toHex), bad: 0 });
        },
      ),
    );
  });

  it('are found whole after any noise and after any half frame', () => {
    fc.assert(
      fc.property(noise, message, fc.nat(), message, (before, half, cut, whole) => {
        const frame = encodeFrame(half);
        const { messages } = read(before, frame.subarray(0, cut % frame.length), encodeFrame(whole));
        expect(messages.at(-1)).toBe(toHex(whole));
      }),
    );
  });

  it('are not found where an octet is changed, and the next one is', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), message, (first, at, flip, second) => {
        const frame = encodeFrame(first);
        frame[at % frame.length]! ^= flip;
        const { messages } = read(frame, encodeFrame(second));
        expect(messages.filter((each) => each !== toHex(first))).toEqual(
          toHex(first) === toHex(second) ? [] : [toHex(second)],
        );
      }),
    );
  });

  it('are too long beyond 128 octets, and too short without a message', () => {
    const long = new Uint8Array(MESSAGE_MAX + 1).fill(0x55);
    expect(read(encodeFrame(long))).toEqual({ messages: [], bad: 1 });
    expect(read(new Uint8Array(100_000).fill(1), Uint8Array.of(0))).toEqual({ messages: [], bad: 1 });
    expect(read(encodeFrame(new Uint8Array(0)))).toEqual({ messages: [], bad: 1 });
    expect(read(new Uint8Array(10))).toEqual({ messages: [], bad: 0 });
  });

  // A million streams of octets, pieces of frames and whole ones: none throws, and none takes a valid frame with it.
  it('survive a million streams of garbage', () => {
    const random = new SeededRandom(`${process.env.MESHFERRY_SEED}/garbage`);
    const valid = encodeFrame(Uint8Array.of(1, 2, 3));
    let found = 0;
    let others = 0;
    const reader = new FrameReader({
      message: (octets) => {
        if (equal(octets, Uint8Array.of(1, 2, 3))) found++;
        else others++;
      },
      bad: () => {},
    });
    for (let i = 0; i < 1_000_000; i++) {
      const garbage = random.bytes(1 + (random.uint32() % 24));
      if (i % 3 === 0) garbage[random.uint32() % garbage.length] = 0;
      reader.push(garbage);
      if (i % 5 === 0) reader.push(valid.subarray(0, random.uint32() % (valid.length - 1)));
      reader.push(valid);
    }
    expect(found).toBe(1_000_000);
    expect(others).toBeLessThan(3); // a CRC of 32 bits lets one in 4 thousand million pass
  });
});
