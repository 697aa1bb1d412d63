import { describe, expect, it } from 'vitest';
import { blockShape } from './arithmetic.ts';
import { isFilled, refusesLastChunk } from './last-chunk.ts';
import { Receiver } from './receiver.ts';

const FILLED = blockShape(1024, 8, 0, 64);
const WITH_REMAINDER = blockShape(1024, 8, 0, 65);

function missing(bits: number, fruitless: number): Receiver {
  const receiver = new Receiver({ address: 0x0100 });
  receiver.setMissing(Uint8Array.of(bits), 4);
  receiver.fruitless = fruitless;
  return receiver;
}

describe('a block that its chunks fill', () => {
  it('has a last chunk as long as the others', () => {
    expect([isFilled(FILLED), isFilled(WITH_REMAINDER)]).toEqual([true, false]);
  });

  it('is refused by who misses the last chunk, and it alone, whatever is tried', () => {
    expect(refusesLastChunk(missing(0b1000, 3), FILLED)).toBe(true);
    expect(refusesLastChunk(missing(0b1000, 2), FILLED)).toBe(false);
    expect(refusesLastChunk(missing(0b1001, 3), FILLED)).toBe(false);
    expect(refusesLastChunk(missing(0b0100, 3), FILLED)).toBe(false);
    expect(refusesLastChunk(missing(0b1000, 3), WITH_REMAINDER)).toBe(false);
  });
});
