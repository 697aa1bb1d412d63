import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlobPhase, BlobStatus } from './constants.ts';
import { BlobBlockStatus, BlobPartialBlockReport, BlobTransferStatus } from './messages.ts';
import {
  BLOB_ID,
  blocksOf,
  CLIENT,
  content,
  expectOnlyLost,
  expectWhole,
  lies,
  lostOf,
  prepared,
} from './testing/mesh.ts';

const BYTES = content(12_000);

describe('a client whose servers lie', () => {
  it.each([
    ['no octets', 1, 0],
    ['a block past the end', 40_000, 16],
    ['more chunks than there are numbers', 1, 1],
    ['a chunk larger than any message', 1, 500],
  ])('loses who claims to be in the middle of a block that cannot be: %s', (_, blockNumber, chunkSize) => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ minBlockSizeLog: 12 }) });
    lies(mesh, 1, BlobTransferStatus, ({ phase, status }) =>
      status === BlobStatus.success && phase === 2 ? { phase: BlobPhase.waitingForNextChunk } : undefined,
    );
    lies(mesh, 1, BlobBlockStatus, () => ({ status: 0, format: 'all' as const, blockNumber, chunkSize }));
    mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, BYTES);
    expect(lostOf(mesh)[0]?.error?.code).toBe('receiver-inconsistent');
  });

  it.each([
    ['another size', { blobSize: 0xffff_ffff, blockSizeLog: 22, blocksNotReceived: new Uint8Array(128).fill(0xff) }],
    ['other blocks', { blockSizeLog: 6, blocksNotReceived: new Uint8Array(24).fill(0xff) }],
    ['another mode', { transferMode: 'pull' }],
  ] as const)('loses who accepts the transfer with %s', (_, lie) => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ minBlockSizeLog: 12 }) });
    lies(mesh, 1, BlobTransferStatus, ({ phase }) => (phase === 2 ? lie : undefined));
    mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, BYTES);
    expect(lostOf(mesh)[0]?.error?.code).toBe('receiver-inconsistent');
    expect(blocksOf(mesh).every(({ number }) => number < 3)).toBe(true);
  });

  it('serves by itself who is in the middle of a block with chunks that the others do not take', () => {
    const capabilities = (i: number) => ({ minBlockSizeLog: 12, maxChunksNumber: i === 0 ? 512 : 64 });
    const mesh = prepared({ targets: 2, capabilities, timeoutBase: 30 });
    // Another client has left target 0 in the middle of block 1.
    const first = mesh.start(BYTES, { receivers: [{ address: 0x0100 }], chunkSize: 8 });
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    mesh.clock.advance(500);
    first.suspend();
    mesh.restartClient();
    mesh.start(BYTES, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(lostOf(mesh)).toEqual([]);
    for (const target of mesh.targets) expectWhole(target, BYTES);
  });
});

describe('a client that is told anything by anybody', () => {
  const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
  const status = some(0, 0, 0, 1, 3, 4, 6, 9, 10, 15);
  const octets = fc.uint8Array({ minLength: 1, maxLength: 4 });
  const told = fc.oneof(
    fc.record({
      status,
      format: some<BlobBlockStatus['format']>('all', 'none', 'some', 'encoded'),
      blockNumber: some(0, 1, 2, 3, 255, 0xffff),
      chunkSize: some(0, 8, 53, 377, 0xffff),
      missing: octets,
      missingChunks: fc.array(fc.nat(400), { maxLength: 5 }),
    }),
    fc.record({
      status,
      transferMode: some<BlobTransferStatus['transferMode']>('none', 'push', 'pull'),
      phase: fc.nat(5),
      blobId: some(BLOB_ID, BLOB_ID, 5n),
      blobSize: some(BYTES.length, BYTES.length, 1),
      blockSizeLog: some(12, 12, 13),
      transferMtuSize: some(380, 20),
      blocksNotReceived: fc.uint8Array({ minLength: 1, maxLength: 1 }),
    }),
    fc.record({ missingChunks: fc.array(fc.nat(400), { maxLength: 5 }) }),
  );
  const lie = fc.record({ value: told, at: fc.nat(15_000), from: fc.integer({ min: 1, max: 2 }) });

  it('serves those that tell the truth, and comes to an end', () => {
    fc.assert(
      fc.property(fc.array(lie, { maxLength: 30 }), some<'push' | 'pull'>('push', 'pull'), (lies, mode) => {
        const mesh = prepared({ targets: 3, capabilities: () => ({ minBlockSizeLog: 12 }) });
        // Target 1 is a receiver that says other things, too; target 2 is none.
        for (const { value, at, from } of lies) {
          mesh.clock.after(at, () => {
            const { model } = mesh.targets[from]!.server;
            const to = { dst: CLIENT, appIndex: 0, ttl: 3 };
            if ('blockNumber' in value) model.send(BlobBlockStatus, value, to);
            else if ('phase' in value) model.send(BlobTransferStatus, value, to);
            else model.send(BlobPartialBlockReport, value, to);
          });
        }
        mesh.start(BYTES, { mode, receivers: mesh.targets.slice(0, 2).map(({ address }) => ({ address })) });
        expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'complete' });
        expectWhole(mesh.targets[0]!, BYTES);
        expect(mesh.transfer!.receivers[0]).toMatchObject({ lost: false, progress: 100 });
      }),
      { numRuns: 60 }, // a whole network each
    );
  });
});

describe('who listens to a transfer', () => {
  const types = ['capabilities', 'block', 'chunks', 'progress', 'lost'] as const;

  it.each(types)('may suspend it from within its first "%s" event', (type) => {
    const mesh = prepared({ targets: 3, loss: 0.02 });
    if (type === 'lost') mesh.targets[2]!.flash.begin = () => false;
    let told = false;
    mesh.whenTold = (event) => {
      if (event.type !== type || told) return;
      told = true;
      mesh.transfer!.suspend();
    };
    const transfer = mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ type: 'suspended' });
    mesh.clock.advance(1000);
    const before = [mesh.airEvents, mesh.events.length];
    mesh.clock.advance(100_000);
    expect([mesh.airEvents, mesh.events.length]).toEqual(before);
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets.slice(0, type === 'lost' ? 2 : 3)) expectWhole(target, BYTES);
  });

  it.each(types)('may cancel it from within its first "%s" event', (type) => {
    for (const mode of ['push', 'pull'] as const) {
      const mesh = prepared({ targets: 3, loss: 0.02 });
      if (type === 'lost') mesh.targets[2]!.flash.begin = () => false;
      mesh.whenTold = (event) => {
        if (event.type === type) mesh.transfer!.cancel();
      };
      mesh.start(BYTES, { mode });
      expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'cancelled' });
      const told = mesh.events.length;
      mesh.clock.advance(1000);
      const { airEvents } = mesh;
      mesh.clock.advance(100_000);
      expect([mesh.airEvents, mesh.events.length]).toEqual([airEvents, told]);
      for (const target of mesh.targets.slice(0, 2)) expect(target.server.phase).toBe(BlobPhase.inactive);
    }
  });

  it('may suspend it before it has begun', () => {
    const mesh = prepared({ targets: 1 });
    const transfer = mesh.start(BYTES);
    transfer.suspend();
    mesh.clock.advance(60_000);
    expect([mesh.airEvents, mesh.events.at(-1)?.type]).toEqual([0, 'suspended']);
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
  });

  it('cannot suspend what is being cancelled', () => {
    const mesh = prepared({ targets: 2 });
    const transfer = mesh.start(BYTES);
    mesh.runUntil(({ type }) => type === 'block');
    let told = 0;
    transfer.cancel(() => told++);
    transfer.suspend();
    transfer.resume();
    expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'cancelled' });
    expect(told).toBe(1);
  });
});

describe('a source that fails', () => {
  it.each(['throws', 'gives too little'])('suspends the transfer when it %s', (how) => {
    for (const mode of ['push', 'pull'] as const) {
      const mesh = prepared({ targets: 2 });
      let broken = true;
      const read = (offset: number, length: number): Uint8Array => {
        if (!broken || offset < 4096) return BYTES.subarray(offset, offset + length);
        if (how === 'throws') throw new Error('disk');
        return new Uint8Array(3);
      };
      const transfer = mesh.start(BYTES, { mode, source: { size: BYTES.length, read } });
      expect(mesh.run()).toMatchObject({ type: 'suspended', error: { code: 'blob-source-failed' } });
      broken = false;
      transfer.resume();
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      for (const target of mesh.targets) expectWhole(target, BYTES);
    }
  });
});
