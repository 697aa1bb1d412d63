import { readFileSync } from 'node:fs';
import { fromHex, MemoryStore, type Write } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbersOfBits } from './bits.ts';
import { BlobPhase, BlobStatus } from './constants.ts';
import { BlobBlockStart, BlobChunkTransfer, BlobTransferStart } from './messages.ts';
import { Bench, BLOB_ID, SERVER } from './testing/bench.ts';
import { GROUP } from './testing/mesh.ts';

const PHASES = [0, 1, 2, 3, 4, 5];

describe('a sink that throws', () => {
  it('could not write the block: its last chunk is asked for again', () => {
    const bench = new Bench().bring(3);
    const block = bench.flash.block.bind(bench.flash);
    bench.flash.block = () => {
      throw new Error('flash worn out');
    };
    for (let i = 0; i < 8; i++) bench.chunk(i);
    expect(numbersOfBits(bench.blockGet().missing as Uint8Array)).toEqual([7]);
    bench.flash.block = block;
    bench.chunk(7);
    expect(bench.server.blocksNotReceived).toEqual([1]);
  });

  it('has no room', () => {
    const bench = new Bench().bring(1);
    bench.flash.begin = () => {
      throw new Error('flash locked');
    };
    expect(bench.start()).toMatchObject({ status: BlobStatus.internalError });
    expect(bench.server.phase).toBe(BlobPhase.inactive);
  });
});

describe('the server across power cuts (section 10)', () => {
  it('comes back waiting, or suspended without its active block', () => {
    for (const [phase, after] of [
      [1, 1],
      [2, 5],
      [3, 5],
      [5, 5],
    ]) {
      const bench = new Bench().bring(phase!);
      expect(bench.restart()).toBe(true);
      expect(bench.server.phase).toBe(after);
    }
    for (const phase of [0, 4]) expect(new Bench().bring(phase).restart()).toBe(false);
  });

  it('abandons the transfer when the sink has lost its blocks', () => {
    const bench = new Bench().bring(3);
    Object.assign(bench.flash, { recover: () => false });
    expect(bench.restart()).toBe(false);
    expect(bench.server.phase).toBe(BlobPhase.inactive);
    expect(bench.store.keys('')).toEqual([]);
  });

  it('completes with the right data when killed at any write of its store', () => {
    for (let kill = 1; ; kill++) {
      const store = new FailingStore(kill);
      const bench = new Bench({}, store);
      let cuts = 0;
      const step = (run: () => void): void => {
        run();
        if (!store.failed) return;
        store.mend();
        cuts++;
        if (!bench.restart()) bench.expect();
      };
      step(() => bench.expect());
      if (bench.server.phase === 0) bench.expect();
      for (let round = 0; bench.server.phase !== 4 && round < 10; round++) {
        step(() => bench.start());
        for (const block of bench.server.blocksNotReceived) {
          step(() => bench.blockStart(block));
          for (let i = 0; i < (block === 0 ? 8 : 2); i++) step(() => bench.chunk(i, 8, 10 * block + i + 1));
        }
      }
      expect(bench.server.phase).toBe(4);
      const expected = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12].flatMap((fill) => Array(8).fill(fill));
      expect([...bench.flash.content]).toEqual(expected);
      if (cuts === 0) {
        expect(kill).toBeGreaterThan(3);
        break;
      }
    }
  });
});

describe('another client that sends to the same group', () => {
  const STRANGER = 0x0002;
  const stranger = (bench: Bench, payload: Uint8Array): void => {
    bench.receive(payload, GROUP, STRANGER);
    bench.clock.advance(600);
  };

  it.each(['push', 'pull'] as const)('does not put its chunks into this BLOB, in %s mode', (transferMode) => {
    const bench = new Bench();
    bench.expect();
    bench.start({ transferMode, blobSize: 64 });
    bench.blockStart(0);
    for (let i = 0; i < 8; i++) {
      stranger(bench, BlobChunkTransfer.encode({ chunkNumber: i, data: new Uint8Array(8).fill(0xee) }));
      expect(bench.server.progress).toBe(12.5 * i);
      bench.receive(BlobChunkTransfer.encode({ chunkNumber: i, data: new Uint8Array(8).fill(i) }), GROUP);
    }
    expect([...bench.flash.content].filter((_, i) => i % 8 === 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it.each([2, 5])('does not start blocks of this BLOB, in phase %s', (phase) => {
    const bench = new Bench().bring(phase);
    stranger(bench, BlobBlockStart.encode({ blockNumber: 1, chunkSize: 16 }));
    expect(bench.server.phase).toBe(phase);
    expect(bench.blockStart(0)).toMatchObject({ status: BlobStatus.success, blockNumber: 0, chunkSize: 8 });
  });

  it('does not keep the transfer awake', () => {
    const bench = new Bench().bring(3);
    for (let s = 0; s < 70; s += 5) {
      stranger(bench, BlobBlockStart.encode({ blockNumber: 0, chunkSize: 8 }));
      bench.clock.advance(4400);
    }
    expect(bench.server.phase).toBe(BlobPhase.suspended);
  });

  it.each([2, 3, 5])('takes the transfer over with the same Transfer Start, in phase %s', (phase) => {
    const bench = new Bench().bring(phase);
    const again = { transferMode: 'push', blobId: BLOB_ID, blobSize: 80, blockSizeLog: 6, clientMtuSize: 380 } as const;
    bench.receive(BlobTransferStart.encode(again), SERVER, STRANGER);
    for (const restarts of [false, true]) {
      if (restarts) bench.restart();
      bench.receive(BlobBlockStart.encode({ blockNumber: 0, chunkSize: 8 }), SERVER, STRANGER);
      bench.receive(BlobChunkTransfer.encode({ chunkNumber: 0, data: new Uint8Array(8) }), SERVER, STRANGER);
      expect(bench.server.progress).toBe(10);
    }
  });
});

describe('vectors with a context', () => {
  const vectors = JSON.parse(readFileSync(new URL('./vectors/blob.json', import.meta.url), 'utf8')) as {
    name: string;
    hex: string;
    kind: string;
    direction: string;
  }[];
  const toServer = vectors.filter(({ direction }) => direction === 'client to server');

  it.each(toServer.filter(({ kind }) => kind === 'malformed'))('stays silent: $name', ({ hex }) => {
    for (const phase of PHASES) {
      const bench = new Bench().bring(phase);
      expect(bench.tell(fromHex(hex))).toEqual([]);
      expect(bench.server.phase).toBe(phase);
    }
  });

  it.each([
    ['BLOB Transfer Start, block size log 5', 1, 2],
    ['BLOB Transfer Start, block size log 33', 1, 2],
    ['BLOB Transfer Start, push, largest values', 1, 6],
    ['BLOB Block Start, chunk size 0', 2, 3],
    ['BLOB Block Start, chunk size above MTU-3', 2, 3],
    ['BLOB Block Start, block past the end', 2, 1],
  ])('%s in phase %i: status %i', (name, phase, status) => {
    const bench = new Bench().bring(phase);
    const answers = bench.tell(fromHex(toServer.find((vector) => vector.name === name)!.hex));
    expect(answers).toHaveLength(1);
    expect(answers[0]?.value.status).toBe(status);
  });

  it('no octets throw or end the transfer, whatever the phase', () => {
    const opcodes = [0x66, 0x67, 0x68, ...Array.from({ length: 8 }, (_, i) => 0x8300 + i)];
    const message = fc.tuple(fc.constantFrom(...opcodes), fc.uint8Array({ maxLength: 24 }));
    fc.assert(
      fc.property(fc.constantFrom(...PHASES), fc.array(message, { maxLength: 12 }), (phase, told) => {
        const bench = new Bench().bring(phase);
        for (const [opcode, parameters] of told) {
          bench.tell(Uint8Array.of(...(opcode < 0x80 ? [opcode] : [opcode >> 8, opcode & 0xff]), ...parameters));
        }
        if (phase === 1) expect([1]).toContain(bench.server.phase);
      }),
      { numRuns: 300 }, // a whole server each, no codec
    );
  });
});

/** The power fails in the middle of the n-th write: nothing of it happened. */
class FailingStore extends MemoryStore {
  failed = false;
  #left: number;

  constructor(writes: number) {
    super();
    this.#left = writes;
  }

  override batch(writes: Iterable<Write>): void {
    if (this.failed || --this.#left === 0) {
      this.failed = true;
      throw new Error('power cut');
    }
    super.batch(writes);
  }

  mend(): void {
    this.failed = false;
  }
}
