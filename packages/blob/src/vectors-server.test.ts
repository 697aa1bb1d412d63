import { existsSync, readFileSync } from 'node:fs';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { BlobPhase } from './constants.ts';
import { Bench } from './testing/bench.ts';

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly kind: 'ok' | 'malformed' | 'context';
  readonly direction: string;
}

const vectors = (JSON.parse(readFileSync(new URL('./vectors/blob.json', import.meta.url), 'utf8')) as Vector[]).filter(
  ({ direction }) => direction === 'client to server',
);

/** A server in some state, told the vector: what it answers, as hex (none: nothing), and what a question after it. */
interface Reaction {
  readonly server: () => Bench;
  readonly answer?: string;
  /** Answer to Block Get afterwards. */
  readonly blockThen?: string;
  /** Answer to Transfer Get afterwards. */
  readonly transferThen?: string;
}

const { inactive, waitingForTransferStart, waitingForNextBlock, waitingForNextChunk, complete, suspended } = BlobPhase;
const PHASES = [inactive, waitingForTransferStart, waitingForNextBlock, waitingForNextChunk, complete, suspended];

const ID = '1100000000000011';
const STARTED = `8303400211000000000000115000000006`;
const inPhase = (phase: number) => () => new Bench().bring(phase);
const awaiting = (blobId: bigint) => () => {
  const bench = new Bench();
  bench.expect({ blobId });
  return bench;
};
/** In Waiting for Next Block of a transfer of its own; with a chunk size in Waiting for Next Chunk of its first block. */
const transferring = (blobSize: number, blockSizeLog: number, chunkSize?: number) => () => {
  const bench = new Bench();
  bench.expect();
  bench.start({ blobSize, blockSizeLog });
  if (chunkSize !== undefined) bench.blockStart(0, chunkSize);
  return bench;
};

const REACTIONS: Readonly<Record<string, Reaction>> = {
  'BLOB Transfer Get': { server: inPhase(waitingForNextBlock), answer: `${STARTED}7c0103` },
  'BLOB Transfer Start, push, 80 octets, blocks of 64': {
    server: inPhase(waitingForTransferStart),
    answer: `${STARTED}7c0103`,
  },
  'BLOB Transfer Start, pull, 256 KiB, blocks of 4096': {
    server: awaiting(0x0123456789abcdefn),
    answer: '83038002efcdab8967452301000004000c7c01ffffffffffffffff',
  },
  'BLOB Transfer Start, push, smallest values': {
    server: awaiting(0n),
    answer: '83034002000000000000000001000000061400' + '01',
  },
  'BLOB Transfer Start, push, largest values': {
    server: awaiting(0xffffffffffffffffn),
    answer: '83030201ffffffffffffffff',
  },
  'BLOB Transfer Start with all RFU bits set': {
    server: inPhase(waitingForTransferStart),
    answer: `${STARTED}7c0103`,
  },
  'BLOB Transfer Start, MTU 384 as Zephyr sends it': {
    server: inPhase(waitingForTransferStart),
    answer: `${STARTED}7c0103`,
  },
  'BLOB Transfer Start, block size log 5': {
    server: inPhase(waitingForTransferStart),
    answer: `83030201${ID}`,
    transferThen: `83030001${ID}`,
  },
  'BLOB Transfer Start, block size log 33': {
    server: inPhase(waitingForTransferStart),
    answer: `83030201${ID}`,
    transferThen: `83030001${ID}`,
  },
  'BLOB Transfer Cancel': { server: inPhase(waitingForNextChunk), answer: '83030000', transferThen: '83030000' },
  'BLOB Block Start, first block, chunks of 8': {
    server: inPhase(waitingForNextBlock),
    answer: '670000000800',
    transferThen: '83034003110000000000001150000000067c0103',
  },
  'BLOB Block Start, second block': { server: inPhase(waitingForNextBlock), answer: '670001000800' },
  'BLOB Block Start, block 63, chunks of 377': { server: transferring(0x40000, 12), answer: '67003f007901' },
  'BLOB Block Start, largest block number, smallest chunk': {
    server: inPhase(waitingForNextBlock),
    answer: '6741ffffffff',
    transferThen: `${STARTED}7c0103`,
  },
  'BLOB Block Start, chunk size 0': { server: inPhase(waitingForNextBlock), answer: '6743ffffffff' },
  'BLOB Block Start, chunk size above MTU-3': { server: transferring(0x40000, 12), answer: '6743ffffffff' },
  'BLOB Block Start, block past the end': { server: inPhase(waitingForNextBlock), answer: '6741ffffffff' },
  'BLOB Block Get': { server: inPhase(waitingForNextChunk), answer: '670000000800' },
  'BLOB Chunk Transfer, chunk 0, 8 octets (unsegmented)': {
    server: inPhase(waitingForNextChunk),
    blockThen: '678000000800fe',
  },
  'BLOB Chunk Transfer, chunk 300': {
    server: transferring(16384, 14, 53),
    blockThen: `678000003500${'ff'.repeat(37)}ef3f`,
  },
  'BLOB Chunk Transfer, largest (380 octets, 32 segments)': {
    server: transferring(8192, 13, 377),
    blockThen: '678000007901fffb3f',
  },
  'BLOB Chunk Transfer, last chunk of 1 octet': { server: transferring(57, 6, 8), blockThen: '6780000008007f' },
  'BLOB Information Get': { server: inPhase(inactive), answer: '83070612b80b7901ffffffff7c0103' },
};

/** Octets of what the server answers to octets. */
function told(bench: Bench, hex: string): string[] {
  const from = bench.sent.length;
  bench.tell(fromHex(hex));
  return bench.sent.slice(from).map(({ payload }) => toHex(payload));
}

const reference = new URL('../../../../shared/vectors/blob.json', import.meta.url);

it.skipIf(!existsSync(reference))('the vectors are those of the reference', () => {
  const copy = readFileSync(new URL('./vectors/blob.json', import.meta.url), 'utf8');
  expect(copy).toBe(readFileSync(reference, 'utf8'));
});

describe('the vectors of BLOB Transfer, told to a server', () => {
  const malformed = vectors.filter(({ kind }) => kind === 'malformed');

  it('are all run', () => {
    expect([vectors.length, malformed.length]).toEqual([32, 9]);
    const meaningful = vectors.filter(({ kind }) => kind !== 'malformed');
    expect(meaningful.map(({ name }) => name).sort()).toEqual(Object.keys(REACTIONS).sort());
  });

  it.each(Object.entries(REACTIONS))('%s', (name, { server, answer, blockThen, transferThen }) => {
    const { hex } = vectors.find((vector) => vector.name === name) as Vector;
    const bench = server();
    expect(told(bench, hex)).toEqual(answer === undefined ? [] : [answer]);
    if (blockThen !== undefined) expect(told(bench, '8305')).toEqual([blockThen]);
    if (transferThen !== undefined) expect(told(bench, '8300')).toEqual([transferThen]);
  });

  it.each(malformed)('$name: silence in every phase, nothing changes', ({ hex }) => {
    for (const phase of PHASES) {
      const bench = new Bench().bring(phase);
      const before = [...told(bench, '8300'), ...told(bench, '8305')];
      const stored = contentOf(bench);
      expect([phase, told(bench, hex)]).toEqual([phase, []]);
      expect(contentOf(bench)).toEqual(stored);
      expect([...told(bench, '8300'), ...told(bench, '8305')]).toEqual(before);
    }
  });

  it('what is no message of a server is passed by in silence', () => {
    const bench = new Bench().bring(waitingForNextChunk);
    expect(told(bench, '67')).toEqual([]);
  });
});

function contentOf({ store }: Bench): string[] {
  return store.keys('').map((key) => `${key} ${toHex(store.get(key) ?? new Uint8Array(0))}`);
}
