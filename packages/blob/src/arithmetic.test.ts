import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockCount,
  blockShape,
  chunkSizeOfSegments,
  isChunkSizeLegal,
  segmentsOfBlock,
  segmentsOfChunk,
  sizeOfChunk,
} from './arithmetic.ts';
import { allBits, clearBit, countBits, firstBit, fitBits, numbersOfBits, setBit } from './bits.ts';

describe('arithmetic of blocks and chunks', () => {
  it('cuts the 80 octets of the qualification tester', () => {
    expect(blockCount(80, 6)).toBe(2);
    expect(blockShape(80, 6, 1, 8)).toEqual({ number: 1, offset: 64, size: 16, chunkSize: 8, chunkCount: 2 });
    expect(blockShape(80, 6, 0, 65).chunkCount).toBe(1);
    const oneBlock = blockShape(80, 18, 0, 11);
    expect([oneBlock.chunkCount, sizeOfChunk(oneBlock, 6), sizeOfChunk(oneBlock, 7)]).toEqual([8, 11, 3]);
  });

  it('knows the segment table of the specification page', () => {
    expect([1, 2, 3, 5, 12, 32].map(chunkSizeOfSegments)).toEqual([8, 17, 29, 53, 137, 377]);
    expect([1, 8, 9, 17, 18, 377].map(segmentsOfChunk)).toEqual([1, 1, 2, 2, 3, 32]);
    let segments = 0;
    for (let i = 0; i < 64; i++) segments += segmentsOfBlock(blockShape(262_144, 12, i, 377));
    expect(segments).toBe(22_272);
  });

  it('handles the largest BLOB in one block of 2^32 without overflow', () => {
    const block = blockShape(0xffff_ffff, 32, 0, 377);
    expect(blockCount(0xffff_ffff, 32)).toBe(1);
    expect(block.size).toBe(0xffff_ffff);
    expect(sizeOfChunk(block, block.chunkCount - 1)).toBe(0xffff_ffff - (block.chunkCount - 1) * 377);
  });

  it('covers any BLOB once, chunk by chunk', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 6, max: 16 }),
        fc.integer({ min: 1, max: 377 }),
        (size, log, chunkSize) => {
          let next = 0;
          for (let i = 0; i < blockCount(size, log); i++) {
            const block = blockShape(size, log, i, chunkSize);
            // Not by expect, which takes its time: this is asked a million times.
            if (block.offset !== next) throw new Error(`block ${i} begins at ${block.offset}, not at ${next}`);
            for (let j = 0; j < block.chunkCount; j++) {
              const length = sizeOfChunk(block, j);
              if (length < 1 || length > chunkSize) throw new Error(`chunk ${j} of block ${i} has ${length} octets`);
              next += length;
            }
          }
          expect(next).toBe(size);
        },
      ),
    );
  });

  it('takes the full block size for the check of a chunk size, and no more chunks than a bit field can tell', () => {
    const limits = { mtu: 380, maxChunkSize: 377, maxChunksNumber: 256 };
    expect([0, 15, 16, 377, 378].map((size) => isChunkSizeLegal(size, 12, limits))).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    const many = { ...limits, maxChunksNumber: 65_535 };
    expect(isChunkSizeLegal(8, 14, many)).toBe(true);
    expect(isChunkSizeLegal(8, 15, many)).toBe(false);
    expect([17, 18].map((size) => isChunkSizeLegal(size, 10, { ...many, mtu: 20 }))).toEqual([true, false]);
  });
});

describe('bit fields', () => {
  it('agree with a set of numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.array(fc.nat(299)), (count, cleared) => {
        const bits = allBits(count);
        const expected = new Set(Array.from({ length: count }, (_, i) => i));
        for (const index of cleared.filter((i) => i < count)) {
          clearBit(bits, index);
          expected.delete(index);
        }
        expect(numbersOfBits(bits)).toEqual([...expected]);
        expect(countBits(bits)).toBe(expected.size);
        expect(firstBit(bits)).toBe([...expected][0]);
      }),
    );
  });

  it('are cut to the numbers that exist', () => {
    const bits = new Uint8Array(2);
    setBit(bits, 3);
    setBit(bits, 12);
    expect(numbersOfBits(fitBits(bits, 11))).toEqual([3]);
    expect(fitBits(bits, 30)).toHaveLength(4);
  });
});
