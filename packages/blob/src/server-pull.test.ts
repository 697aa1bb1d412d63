import { MemoryStore, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { BlobStatus } from './constants.ts';
import * as messages from './messages.ts';
import type { BlobPullOptions } from './server-contract.ts';
import { Bench, TESTER } from './testing/bench.ts';
import { GROUP } from './testing/mesh.ts';

describe('a server in pull mode', () => {
  it('answers Block Start with the first chunks that it wants, encoded', () => {
    const bench = pulling();
    expect(bench.blockStart(0)).toMatchObject({ status: 0, format: 'encoded', missingChunks: [0, 1, 2, 3] });
    expect(toHex(bench.sent.at(-1)!.payload)).toBe('67c00000080000010203');
  });

  it('asks for the next ones as soon as all are here that it asked for', () => {
    const bench = pulling();
    bench.blockStart(0);
    expect(chunks(bench, 0, 1, 2)).toEqual([]);
    expect(chunks(bench, 3)).toEqual([[4, 5, 6, 7]]);
    expect(bench.sent.at(-1)).toMatchObject({ dst: TESTER, ttl: 3 });
  });

  it('asks again after the Block Report Time-out, which each chunk starts anew', () => {
    const bench = pulling();
    bench.blockStart(0);
    expect(reportsWithin(bench, 9900)).toEqual([]);
    expect(reportsWithin(bench, 100)).toEqual([[0, 1, 2, 3]]);
    expect(reportsWithin(bench, 10_000)).toEqual([[0, 1, 2, 3]]);
    chunks(bench, 1);
    bench.clock.advance(9000);
    chunks(bench, 1, 6);
    expect(reportsWithin(bench, 9900)).toEqual([]);
    expect(reportsWithin(bench, 100)).toEqual([[0, 2, 3, 4]]);
  });

  it('reports a finished block at once, and again until the next one starts', () => {
    const bench = pulling();
    bench.blockStart(0);
    expect(chunks(bench, 7, 6, 5, 4, 3, 2, 1, 0)).toEqual([[]]);
    expect(bench.server.phase).toBe(2);
    expect(reportsWithin(bench, 20_000)).toEqual([[], []]);
    expect(bench.blockGet()).toMatchObject({ status: 0, format: 'encoded', missingChunks: [] });
    expect(bench.blockStart(1)).toMatchObject({ missingChunks: [0, 1] });
  });

  it.each(['Transfer Get', 'the time-out'])('waits with its last block for %s', (end) => {
    const bench = pulling();
    lastBlock(bench);
    expect(bench.server.phase).toBe(3);
    expect(reportsWithin(bench, 20_000)).toEqual([[], []]);
    expect(bench.told).toEqual([]);
    if (end === 'Transfer Get') {
      expect(bench.get()).toMatchObject({
        status: 0,
        transferMode: 'pull',
        phase: 4,
        blocksNotReceived: Uint8Array.of(0),
      });
    } else bench.clock.advance(40_000);
    expect(bench.server.phase).toBe(4);
    expect(bench.told).toEqual(['complete']);
    expect(bench.store.keys('')).toEqual([]);
    expect(reportsWithin(bench, 100_000)).toEqual([]);
  });

  it('takes repetitions of its last block for what they are', () => {
    const bench = pulling();
    lastBlock(bench);
    expect(bench.start({ transferMode: 'pull' })).toMatchObject({ status: 0, phase: 3 });
    expect(bench.blockStart(1)).toMatchObject({ status: 0, missingChunks: [] });
    expect(chunks(bench, 0, 1)).toEqual([]);
    expect(bench.blockStart(0)).toMatchObject({ status: BlobStatus.wrongPhase });
    expect(bench.flash.writes).toEqual([0, 64]);
  });

  it('says that nothing is missing of a block that it has', () => {
    const bench = pulling();
    bench.blockStart(0);
    chunks(bench, 0, 1, 2, 3, 4, 5, 6, 7);
    expect(bench.blockStart(0)).toMatchObject({ status: 0, blockNumber: 0, missingChunks: [] });
    expect(bench.server.phase).toBe(2);
  });

  it('suspends after the Receive BLOB Time-out, never before it had its say, and reports no more', () => {
    const bench = pulling({ reportIntervalMs: 31_000 }, 0);
    bench.blockStart(0);
    expect(reportsWithin(bench, 31_000)).toEqual([[0, 1, 2, 3]]);
    expect(bench.server.phase).toBe(3);
    bench.clock.advance(1000);
    expect(bench.server.phase).toBe(5);
    expect(reportsWithin(bench, 100_000)).toEqual([]);
    expect(bench.blockGet()).toMatchObject({ status: BlobStatus.informationUnavailable });
    expect(bench.start({ transferMode: 'pull' })).toMatchObject({ status: 0, phase: 2 });
    expect(reportsWithin(bench, 20_000)).toEqual([]);
    expect(bench.blockStart(0)).toMatchObject({ missingChunks: [0, 1, 2, 3] });
  });

  it('stops when it is cancelled', () => {
    const bench = pulling();
    bench.blockStart(0);
    bench.server.cancel();
    expect(reportsWithin(bench, 100_000)).toEqual([]);
  });

  it('codes chunk numbers of one, two and three octets', () => {
    const bench = pulling();
    bench.server.cancel();
    bench.expect();
    bench.start({ transferMode: 'pull', blobSize: 2050, blockSizeLog: 12 });
    bench.blockStart(0, 2);
    for (let i = 0; i < 1025; i++) if (![126, 127, 128, 1024].includes(i)) bench.receive(chunk(i, 2));
    expect(reportsWithin(bench, 10_000)).toEqual([[126, 127, 128, 1024]]);
    expect(toHex(bench.sent.at(-1)!.payload)).toBe('687e7fc280d080');
  });

  it('asks for no more than its Friend holds, one chunk at least, and polls after each report', () => {
    for (const [chunkSize, wanted] of [
      [8, [0, 1, 2]],
      [17, [0]],
      [29, [0]],
    ] as const) {
      let polls = 0;
      const bench = pulling({ friendQueue: 3, reported: () => polls++ });
      expect(bench.ask(messages.BlobInformationGet, {})).toMatchObject({ maxChunkSize: 25 });
      if (chunkSize > 25) {
        expect(bench.blockStart(0, chunkSize)).toMatchObject({ status: BlobStatus.invalidChunkSize });
        continue;
      }
      expect(bench.blockStart(0, chunkSize)).toMatchObject({ missingChunks: wanted });
      expect(polls).toBe(0);
      bench.clock.advance(10_001);
      expect(polls).toBe(1);
    }
  });

  it('spreads its reports after chunks that many have received at the same time', () => {
    const bench = pulling({ window: 1 });
    bench.blockStart(0);
    const delays = [0, 1, 2, 3].map((number) => {
      const from = bench.clock.now;
      const before = bench.sent.length;
      bench.receive(chunk(number), GROUP);
      while (bench.sent.length === before) bench.clock.advance(1);
      return bench.clock.now - from;
    });
    for (const delay of delays) expect(delay).toBeGreaterThanOrEqual(20);
    for (const delay of delays) expect(delay).toBeLessThanOrEqual(501);
    expect(new Set(delays).size).toBe(4);
  });

  it('reports to the client that goes on with a suspended transfer', () => {
    const bench = pulling();
    bench.blockStart(0);
    bench.clock.advance(60_000);
    bench.receive(start(), undefined, 0x0007);
    bench.clock.advance(60);
    bench.receive(messages.BlobBlockStart.encode({ blockNumber: 0, chunkSize: 8 }), undefined, 0x0007);
    bench.clock.advance(10_000);
    expect(bench.sent.at(-1)?.dst).toBe(0x0007);
  });
});

describe('a power cut in pull mode', () => {
  it('in the middle of a block brings it back suspended, without its chunks', () => {
    const bench = pulling();
    bench.blockStart(0);
    chunks(bench, 0, 1);
    expect(bench.restart()).toBe(true);
    expect(bench.server.phase).toBe(5);
    expect(reportsWithin(bench, 100_000)).toEqual([]);
    expect(bench.start({ transferMode: 'pull' })).toMatchObject({ status: 0, phase: 2 });
    expect(bench.blockStart(0)).toMatchObject({ missingChunks: [0, 1, 2, 3] });
    bench.clock.advance(10_000);
    expect(bench.sent.at(-1)).toMatchObject({ dst: TESTER, ttl: 3 });
  });

  it('after the last block finds it complete', () => {
    const bench = pulling();
    lastBlock(bench);
    expect(bench.restart()).toBe(true);
    expect(bench.server.phase).toBe(4);
    expect(bench.told).toEqual(['complete']);
    expect(bench.get()).toMatchObject({ status: 0, phase: 4 });
  });
});

/** A server that has accepted a transfer in pull mode: 80 octets in blocks of 64. */
function pulling(pull: BlobPullOptions = {}, timeoutBase = 5): Bench {
  const bench = new Bench({}, new MemoryStore(), pull);
  bench.expect({ timeoutBase });
  expect(bench.start({ transferMode: 'pull' })).toMatchObject({ status: 0, transferMode: 'pull', phase: 2 });
  return bench;
}

function lastBlock(bench: Bench): void {
  bench.blockStart(0);
  chunks(bench, 0, 1, 2, 3, 4, 5, 6, 7);
  bench.blockStart(1);
  expect(chunks(bench, 0, 1)).toEqual([[]]);
}

/** Sends chunks of 8 octets; gives the lists of the reports within 60 ms after each. */
function chunks(bench: Bench, ...numbers: number[]): (readonly number[])[] {
  return numbers.flatMap((number) => bench.tell(chunk(number)).map(({ value }) => value.missingChunks as number[]));
}

function chunk(chunkNumber: number, length = 8): Uint8Array {
  return messages.BlobChunkTransfer.encode({ chunkNumber, data: new Uint8Array(length).fill(chunkNumber) });
}

function start(): Uint8Array {
  const parameters = { blobId: 0x1100000000000011n, blobSize: 80, blockSizeLog: 6, clientMtuSize: 380 };
  return messages.BlobTransferStart.encode({ transferMode: 'pull', ...parameters });
}

/** The lists of the reports that come in the next `ms`. */
function reportsWithin(bench: Bench, ms: number): (readonly number[])[] {
  const from = bench.sent.length;
  bench.clock.advance(ms);
  return bench.sent.slice(from).map(({ payload }) => {
    const report = messages.BlobPartialBlockReport.decode(payload);
    if (!report.ok) throw new Error(toHex(payload));
    return report.value.missingChunks;
  });
}
