import { describe, expect, it } from 'vitest';
import { numbersOfBits } from './bits.ts';
import { BlobStatus } from './constants.ts';
import * as messages from './messages.ts';
import { Bench, BLOB_ID } from './testing/bench.ts';

const PHASES = [0, 1, 2, 3, 4, 5];
const { success, wrongPhase } = BlobStatus;

describe('the server reacts by phase (blob.md 7.1)', () => {
  it.each(PHASES)('reaches phase %i', (phase) => {
    expect(new Bench().bring(phase).server.phase).toBe(phase);
  });

  it.each([
    [0, { transferMode: 'none', phase: 0, blobId: undefined, blobSize: undefined }],
    [1, { transferMode: 'none', phase: 1, blobId: BLOB_ID, blobSize: undefined }],
    [
      2,
      {
        transferMode: 'push',
        phase: 2,
        blobId: BLOB_ID,
        blobSize: 80,
        transferMtuSize: 380,
        blocksNotReceived: bits(0, 1),
      },
    ],
    [3, { phase: 3, blocksNotReceived: bits(0, 1) }],
    [4, { phase: 4, blocksNotReceived: bits() }],
    [5, { phase: 5, blocksNotReceived: bits(0, 1) }],
  ])('Transfer Get in phase %i', (phase, expected) => {
    const bench = new Bench().bring(phase);
    expect(bench.get()).toMatchObject({ status: success, ...expected });
    expect(bench.server.phase).toBe(phase);
  });

  it.each([
    [0, wrongPhase, 0],
    [1, success, 2],
    [2, success, 2],
    [3, success, 3],
    [4, success, 4],
    [5, success, 2],
  ])('Transfer Start in phase %i: status %i, phase %i', (phase, status, after) => {
    const bench = new Bench().bring(phase);
    expect(bench.start()).toMatchObject({ status, phase: after });
    expect(bench.told.includes('resumed')).toBe(phase === 5);
  });

  it.each([
    [2, { transferMode: 'pull' }],
    [3, { blobSize: 81 }],
    [4, { blockSizeLog: 7 }],
    [5, { clientMtuSize: 379 }],
  ] as const)('Transfer Start again in phase %i with other parameters: Wrong Phase', (phase, other) => {
    const bench = new Bench().bring(phase);
    expect(bench.start(other)).toMatchObject({ status: wrongPhase, phase });
    expect(bench.start({ blobId: 5n })).toMatchObject({ status: BlobStatus.wrongBlobId, phase });
  });

  it.each(PHASES)('Transfer Cancel in phase %i', (phase) => {
    const bench = new Bench().bring(phase);
    const other = bench.ask(messages.BlobTransferCancel, { blobId: 5n });
    expect(other).toMatchObject({ status: phase === 0 ? success : BlobStatus.wrongBlobId, phase });
    expect(bench.ask(messages.BlobTransferCancel, { blobId: BLOB_ID })).toMatchObject({ status: success, phase: 0 });
    expect(bench.store.keys('')).toEqual([]);
    bench.clock.advance(100_000);
    expect(bench.server.phase).toBe(0);
    expect(bench.told.filter((line) => line.startsWith('failed'))).toHaveLength(phase === 0 ? 0 : 1);
  });

  it.each([
    [0, { status: wrongPhase, format: 'all', blockNumber: 0xffff, chunkSize: 0xffff }],
    [1, { status: wrongPhase, blockNumber: 0xffff }],
    [2, { status: success, format: 'none', blockNumber: 0xffff }],
    [3, { status: success, format: 'all', blockNumber: 0, chunkSize: 8 }],
    [4, { status: success, format: 'none', blockNumber: 1, chunkSize: 8 }],
    [5, { status: BlobStatus.informationUnavailable, format: 'all', blockNumber: 0xffff }],
  ])('Block Get in phase %i', (phase, expected) => {
    const bench = new Bench().bring(phase);
    expect(bench.blockGet()).toMatchObject(expected);
    expect(bench.server.phase).toBe(phase);
  });

  it.each([
    [0, wrongPhase, 'all', 0],
    [1, wrongPhase, 'all', 1],
    [2, success, 'all', 3],
    [3, success, 'all', 3],
    [4, success, 'none', 4],
    [5, success, 'all', 3],
  ])('Block Start 0 in phase %i: status %i, format %s, phase %i', (phase, status, format, after) => {
    const bench = new Bench().bring(phase);
    expect(bench.blockStart(0)).toMatchObject({ status, format });
    expect(bench.server.phase).toBe(after);
    expect(bench.told.includes('resumed')).toBe(phase === 5);
  });

  it('Block Start of another block or size in Waiting for Next Chunk: Wrong Phase', () => {
    const bench = new Bench().bring(3);
    bench.chunk(0);
    expect(bench.blockStart(1)).toMatchObject({ status: wrongPhase, blockNumber: 0 });
    expect(bench.blockStart(0, 16)).toMatchObject({ status: wrongPhase });
    expect(bench.blockStart(0, 8)).toMatchObject({ status: success, format: 'some', missing: Uint8Array.of(0xfe) });
  });

  it.each(PHASES)('a chunk counts in phase 3 only (here %i)', (phase) => {
    const bench = new Bench().bring(phase);
    const before = bench.server.progress;
    bench.chunk(0);
    expect(bench.server.progress > before).toBe(phase === 3);
  });

  it.each(PHASES)('Information Get in phase %i', (phase) => {
    const bench = new Bench().bring(phase);
    expect(bench.ask(messages.BlobInformationGet, {})).toMatchObject({
      minBlockSizeLog: 6,
      maxBlockSizeLog: 18,
      push: true,
      pull: true,
    });
  });
});

describe('the server at Transfer Start (7.2)', () => {
  it.each([
    [{ blobId: 5n }, BlobStatus.wrongBlobId],
    [{ blobId: 5n, blobSize: 0xffff_ffff }, BlobStatus.wrongBlobId],
    [{ blobSize: 5001 }, BlobStatus.blobTooLarge],
    [{ blockSizeLog: 5 }, BlobStatus.invalidBlockSize],
    [{ blockSizeLog: 33 }, BlobStatus.invalidBlockSize],
    [{ transferMode: 'pull' }, BlobStatus.unsupportedTransferMode],
  ] as const)('%o: status %i, and still waits', (other, status) => {
    const bench = new Bench({ maxBlobSize: 5000, pull: false }).bring(1);
    expect(bench.start(other)).toMatchObject({ status, phase: 1, blobId: BLOB_ID });
    expect(bench.start()).toMatchObject({ status: success });
  });

  it('cancels what has too many blocks, and what the sink has no room for', () => {
    const many = new Bench().bring(1);
    expect(many.start({ blobSize: 64 * 2888 + 1 })).toMatchObject({ status: BlobStatus.invalidParameter, phase: 0 });
    const full = new Bench().bring(1);
    full.flash.begin = () => false;
    expect(full.start()).toMatchObject({ status: BlobStatus.internalError, phase: 0 });
    expect([many.told.length, full.told.length]).toEqual([1, 1]);
  });

  it.each([
    [20, 20],
    [380, 380],
    [384, 380],
  ])('works with the smaller MTU: %i gives %i', (clientMtuSize, transferMtuSize) => {
    const bench = new Bench().bring(1);
    expect(bench.start({ clientMtuSize })).toMatchObject({ transferMtuSize });
    expect(bench.start({ clientMtuSize: 384 })).toMatchObject({ status: success });
    expect(bench.start({ clientMtuSize: Math.max(transferMtuSize - 1, 20) })).toMatchObject({
      status: transferMtuSize === 20 ? success : wrongPhase,
    });
  });

  it('answers with the Transfer TTL, or the default when inactive', () => {
    const bench = new Bench().bring(2);
    expect(bench.tell(messages.BlobTransferGet.encode({}))[0]).toMatchObject({ ttl: 3, dst: 1 });
    expect(new Bench().tell(messages.BlobTransferGet.encode({}))[0]?.ttl).toBe(0xff);
  });

  it('refuses to expect another BLOB while one is active, and lets a suspended one make way', () => {
    const bench = new Bench().bring(2);
    expect(bench.expect({ blobId: 5n })?.code).toBe('blob-busy');
    bench.clock.advance(60_000);
    expect(bench.expect({ blobId: 5n })).toBeUndefined();
    expect(bench.server.phase).toBe(1);
    expect(bench.told.at(-1)).toMatch(/^failed: .* made way/);
  });
});

describe('the server at Block Start and chunks (7.4, 7.5)', () => {
  it.each([
    [0, BlobStatus.invalidChunkSize],
    [1, success],
    [377, success],
    [378, BlobStatus.invalidChunkSize],
  ])('chunk size %i: status %i', (chunkSize, status) => {
    expect(new Bench().bring(2).blockStart(0, chunkSize)).toMatchObject({ status });
  });

  it('refuses too many chunks and a block past the end', () => {
    const bench = new Bench({ maxChunksNumber: 8 }).bring(2);
    expect(bench.blockStart(0, 7)).toMatchObject({ status: BlobStatus.invalidChunkSize });
    expect(bench.blockStart(1, 7)).toMatchObject({ status: BlobStatus.invalidChunkSize });
    expect(bench.blockStart(2, 8)).toMatchObject({ status: BlobStatus.invalidBlockNumber });
    expect(bench.server.phase).toBe(2);
  });

  it('takes blocks in any order, tells of a received one that nothing is missing', () => {
    const bench = new Bench().bring(2);
    bench.blockStart(1);
    bench.chunk(1);
    bench.chunk(0);
    expect(bench.server.blocksNotReceived).toEqual([0]);
    expect(bench.blockStart(1)).toMatchObject({ status: success, format: 'none', blockNumber: 1 });
    expect(bench.server.phase).toBe(2);
    bench.blockStart(0);
    for (let i = 7; i >= 0; i--) bench.chunk(i);
    expect(bench.server.phase).toBe(4);
    expect(bench.told).toEqual(['complete']);
    expect([...bench.flash.content.subarray(0, 24)]).toEqual([
      ...Array(8).fill(1),
      ...Array(8).fill(2),
      ...Array(8).fill(3),
    ]);
  });

  it.each([
    [80, 6, 8],
    [128, 6, 64],
    [65, 6, 8],
    [80, 14, 11],
    [100, 6, 65],
  ])('completes %i octets in blocks of 2^%i, chunks of %i', (blobSize, blockSizeLog, chunkSize) => {
    const bench = new Bench().bring(1);
    bench.start({ blobSize, blockSizeLog });
    for (let block = 0; bench.server.phase !== 4; block++) {
      bench.blockStart(block, chunkSize);
      const size = Math.min(2 ** blockSizeLog, blobSize - block * 2 ** blockSizeLog);
      for (let at = 0; at < size; at += chunkSize)
        bench.chunk(at / chunkSize, Math.min(chunkSize, size - at), block + 1);
    }
    expect(bench.flash.content).toHaveLength(blobSize);
    expect(bench.flash.content.includes(0)).toBe(false);
  });

  it('drops chunks that do not exist or have another length', () => {
    const bench = new Bench().bring(2);
    bench.blockStart(1, 9);
    for (const [number, length] of [
      [0, 8],
      [0, 10],
      [1, 8],
      [1, 6],
      [2, 7],
      [65535, 9],
    ])
      bench.chunk(number!, length);
    expect(bench.blockGet()).toMatchObject({ format: 'all' });
    bench.chunk(1, 7);
    expect(numbersOfBits(bench.blockGet().missing as Uint8Array)).toEqual([0]);
  });

  it('asks for the last chunk again when the block could not be written', () => {
    const bench = new Bench().bring(3);
    bench.flash.refuse = () => true;
    for (let i = 0; i < 8; i++) bench.chunk(i);
    expect(numbersOfBits(bench.blockGet().missing as Uint8Array)).toEqual([7]);
    bench.flash.refuse = undefined;
    bench.chunk(7);
    expect(bench.server.blocksNotReceived).toEqual([1]);
  });

  it.each([
    [40, 11],
    [41, 12],
  ])('tells of %i chunks in an answer of %i octets', (chunks, octets) => {
    const bench = new Bench().bring(1);
    bench.start({ blobSize: chunks * 8, blockSizeLog: 9 });
    bench.blockStart(0);
    bench.chunk(0);
    bench.blockGet();
    expect(bench.sent.at(-1)?.payload).toHaveLength(octets);
  });
});

describe('the timer of the server (7.6)', () => {
  it.each([0, 5])('suspends after 10 × (base + 1) s of silence, base %i', (timeoutBase) => {
    const bench = new Bench();
    bench.expect({ timeoutBase });
    bench.clock.advance(1_000_000);
    expect(bench.server.phase).toBe(1);
    bench.start();
    bench.clock.advance(10_000 * (timeoutBase + 1) - 61);
    expect(bench.server.phase).toBe(2);
    bench.clock.advance(2);
    expect(bench.server.phase).toBe(5);
    expect(bench.told).toEqual(['suspended']);
  });

  it('starts anew with Block Start and with right chunks, duplicates too, but not with Gets or wrong chunks', () => {
    const bench = new Bench().bring(3);
    const restarts = [() => bench.blockStart(0), () => bench.chunk(0), () => bench.chunk(0)];
    for (const restart of restarts) {
      bench.clock.advance(50_000);
      restart();
    }
    bench.clock.advance(50_000);
    expect(bench.server.phase).toBe(3);
    bench.get();
    bench.blockGet();
    bench.chunk(0, 7);
    bench.clock.advance(10_000);
    expect(bench.server.phase).toBe(5);
    expect(bench.server.progress).toBe(0);
  });

  it('never runs when complete: Block Start cannot put it to sleep', () => {
    const bench = new Bench().bring(4);
    bench.blockStart(0);
    bench.clock.advance(1_000_000);
    expect(bench.server.phase).toBe(4);
    expect(bench.told).toEqual(['complete']);
  });

  it('stays asleep at a Block Start that it refuses', () => {
    const bench = new Bench().bring(5);
    expect(bench.blockStart(7)).toMatchObject({ status: BlobStatus.invalidBlockNumber });
    bench.clock.advance(1_000_000);
    expect(bench.told).toEqual(['suspended']);
  });
});

function bits(...numbers: number[]): Uint8Array {
  return Uint8Array.of(numbers.reduce((octet, number) => octet | (1 << number), 0));
}
