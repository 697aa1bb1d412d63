import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ImageUpload } from '../messages/image.ts';
import { chunkLength, dataThatFits } from './chunk-length.ts';

interface ChunkCase {
  readonly limit: number;
  readonly off: number;
  readonly total: number;
  readonly image: number;
  readonly sha: boolean;
  readonly data: number;
}

const { chunkSize } = JSON.parse(readFileSync(new URL('../vectors/smp.json', import.meta.url), 'utf8')) as {
  chunkSize: { cases: ChunkCase[] };
};

function packet({ off, total, image, sha }: Omit<ChunkCase, 'limit' | 'data'>, data: number): number {
  const first = { ...(image > 0 && { image }), len: total, ...(sha && { sha: new Uint8Array(32) }) };
  const request = { ...(off === 0 && first), off, data: new Uint8Array(data) };
  return ImageUpload.encodeRequest(request, { version: 1, sequence: 0 }).length;
}

describe('the length of a chunk', () => {
  it('is that of the vectors', () => {
    for (const { limit, data, ...chunk } of chunkSize.cases) {
      expect(chunkLength(packet(chunk, 0), chunk.total - chunk.off, { packet: limit }), JSON.stringify(chunk)).toBe(
        data,
      );
    }
  });

  it('fills the packet to the last octet', () => {
    const off = fc.oneof(
      fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536),
      fc.integer({ min: 0, max: 2 ** 32 - 70_000 }),
    );
    fc.assert(
      fc.property(off, fc.integer({ min: 80, max: 3000 }), fc.boolean(), (at, limit, sha) => {
        const chunk = { off: at, total: at + 70_000, image: 0, sha };
        const length = chunkLength(packet(chunk, 0), 70_000, { packet: limit });
        expect(packet(chunk, length)).toBeLessThanOrEqual(limit);
        expect(packet(chunk, length + 1)).toBeGreaterThan(limit);
      }),
      { numRuns: 10_000 },
    );
  });

  it('is a multiple of the alignment unless it is the last', () => {
    expect(chunkLength(20, 1000, { packet: 120, alignment: 16 })).toBe(96);
    expect(chunkLength(20, 97, { packet: 120, alignment: 16 })).toBe(97);
    expect(chunkLength(20, 1000, { packet: 120, chunkOctets: 50 })).toBe(50);
    expect(chunkLength(20, 1000, { packet: 30, alignment: 16 })).toBe(0);
  });

  it('counts the head of the data where it grows', () => {
    expect([24, 25, 26, 257, 258, 259].map(dataThatFits)).toEqual([23, 23, 24, 255, 255, 256]);
    expect([-50, 0, 1, 2].map(dataThatFits)).toEqual([0, 0, 0, 1]);
  });
});
