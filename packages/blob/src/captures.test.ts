import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { fromHex, MemoryStore, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { BlobPhase } from './constants.ts';
import { Bench } from './testing/bench.ts';

const folder = new URL('../../../../shared/captures/', import.meta.url);

/** One access message of a recording: time in ms, addresses, octets. */
interface Recorded {
  readonly at: number;
  readonly src: number;
  readonly dst: number;
  readonly hex: string;
}

// Outside of the project's own checkout the recordings are missing; then these tests are skipped.
describe.skipIf(!existsSync(folder))('a server hears what Zephyr sent in pull mode', () => {
  it('and answers octet for octet as Zephyr did: dfu-distribution-pull-2-targets', () => {
    const recorded = blobMessages('dfu-distribution-pull-2-targets');
    const bench = new Bench({ minBlockSizeLog: 8, maxBlockSizeLog: 12, maxChunksNumber: 256, maxBlobSize: 0x80000 });
    const heard = replayed(bench, recorded, 0x0101, 0x29d5da7cabb4a750n);
    expect(heard).toEqual(unlike(recorded.filter(({ src }) => src === 0x0101).map(({ hex }) => hex)));
    expect(bench.server.phase).toBe(BlobPhase.complete);
    expect(bench.flash.content).toHaveLength(1500);
  });

  it.each([2, 3, 4, 5, 6])('and has all of it: blob-pull-5-low-power-nodes-over-friend, node %i', (node) => {
    const recorded = blobMessages('blob-pull-5-low-power-nodes-over-friend');
    const bench = new Bench({ minBlockSizeLog: 8, maxBlockSizeLog: 8 }, new MemoryStore());
    const heard = replayed(bench, recorded, node, 1n);
    const asked = (hex: string): boolean => hex.startsWith('67');
    expect(heard.filter(asked)).toEqual(
      unlike(recorded.filter(({ src }) => src === node).map(({ hex }) => hex)).filter(asked),
    );
    expect(bench.server.phase).toBe(BlobPhase.complete);
    expect(bench.flash.writes).toEqual([0, 256, 512]);
    expect(bench.flash.content).toEqual(new Uint8Array(768));
  });
});

/** What the server says to what was sent to `address`, at the recorded times; repetitions in a row once. */
function replayed(bench: Bench, recorded: readonly Recorded[], address: number, blobId: bigint): string[] {
  bench.expect({ blobId, timeoutBase: 10 });
  const start = bench.clock.now;
  for (const { at, hex } of recorded.filter(({ dst }) => dst === address)) {
    bench.clock.advance(Math.max(0, start + at - bench.clock.now));
    bench.receive(fromHex(hex));
  }
  bench.clock.advance(1000);
  return unlike(bench.sent.map(({ payload }) => toHex(payload)));
}

function unlike(lines: readonly string[]): string[] {
  return lines.filter((line, i) => line !== lines[i - 1]);
}

/** The BLOB Transfer messages of a recording, in the order in which they were complete. */
function blobMessages(name: string): Recorded[] {
  const text = gunzipSync(readFileSync(new URL(`${name}.expect.jsonl.gz`, folder))).toString();
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ k, p }) => k === 'acc' && /^(6[678]|830[0-7])/.test(p))
    .map(({ t, tend = t, src, dst, p }) => ({ at: tend / 1000, src, dst, hex: p }));
}
