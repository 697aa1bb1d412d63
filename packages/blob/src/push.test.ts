import { describe, expect, it } from 'vitest';
import { BlobPhase, BlobStatus } from './constants.ts';
import { CutStore } from './testing/cut-store.ts';
import {
  blocksOf,
  content,
  expectOnlyLost,
  expectWhole,
  lastProgress,
  lostOf,
  Mesh,
  prepared,
} from './testing/mesh.ts';

const UNICAST = { group: undefined };

describe('a push transfer over the whole stack', () => {
  it.each([
    ['one target', 1, 0, {}],
    ['one target by unicast, 20 % loss', 1, 0.2, UNICAST],
    ['ten targets', 10, 0, {}],
    ['ten targets, 10 % loss', 10, 0.1, {}],
    ['ten targets, 20 % loss', 10, 0.2, {}],
    ['five targets by unicast, 10 % loss', 5, 0.1, UNICAST],
    ['three targets with stock settings', 3, 0.02, { settings: 'stock' }],
    ['two targets with stock settings by unicast', 2, 0.02, { settings: 'stock', ...UNICAST }],
  ] as const)('brings the BLOB to %s', (_, targets, loss, options) => {
    const mesh = prepared({ targets, loss });
    const bytes = content(20_001);
    mesh.start(bytes, options);
    expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
    expect(mesh.events.filter(({ type }) => type === 'lost')).toEqual([]);
    expect(lastProgress(mesh)).toBe(100);
  });

  it.each([1, 8, 63, 64, 65, 256, 4096, 4097, 8192, 12_289])('brings a BLOB of %i octets', (size) => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ minBlockSizeLog: 6 }) });
    const bytes = content(size);
    mesh.start(bytes);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it('uses the bearer well: ten targets on an ideal radio within 1.15 × of one pass', () => {
    const mesh = prepared({ targets: 10 });
    mesh.start(content(64 * 1024));
    mesh.run();
    expect(mesh.clock.now / 1000).toBeLessThan(1.15 * 5568 * 0.025);
    expect(mesh.transfer?.counters).toMatchObject({ resent: 0, bytes: 64 * 1024 });
  });

  it('stays near what is attainable with 1.7 % loss (airtime.md: 1020 to 1200 s for 256 KiB)', () => {
    const mesh = prepared({ targets: 10, loss: 0.017 });
    mesh.start(content(64 * 1024));
    mesh.run();
    expect(mesh.clock.now / 1000).toBeLessThan(300);
  });

  it('gives the same run for the same seed', () => {
    const traces = [0, 1].map(() => {
      const mesh = prepared({ targets: 3, loss: 0.1, seed: 'same' });
      mesh.start(content(9000));
      mesh.run();
      return [mesh.clock.now, mesh.airEvents, JSON.stringify(mesh.events)];
    });
    expect(traces[0]).toEqual(traces[1]);
  });

  it('sends no chunk that fits one PDU segmented to the group when receivers take small messages only', () => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ mtuSize: 20, maxBlockSizeLog: 9 }) });
    const bytes = content(3000);
    mesh.start(bytes);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const event of blocksOf(mesh)) expect(event.chunkSize).toBeLessThanOrEqual(17);
    for (const target of mesh.targets) expectWhole(target, bytes);
  });
});

describe('receivers that cannot follow', () => {
  it('loses a dead target after the client timeout, and serves the others', () => {
    for (const options of [{}, UNICAST]) {
      const mesh = prepared({ targets: 4 });
      mesh.targets[1]!.deaf = true;
      const bytes = content(10_000);
      mesh.start(bytes, options);
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      expectOnlyLost(mesh, 1, bytes);
      expect(lostOf(mesh)[0]).toMatchObject({
        status: BlobStatus.internalError,
        timedOut: true,
        error: { code: 'receiver-silent' },
      });
    }
  });

  it.each([{}, UNICAST])('loses a target that falls silent in block 3 (%o), keeping the others awake', (options) => {
    const mesh = prepared({ targets: 3, timeoutBase: 0 });
    const bytes = content(24_000);
    mesh.start(bytes, options);
    mesh.runUntil((event) => event.type === 'block' && event.number === 3);
    mesh.clock.advance(2000);
    mesh.targets[2]!.deaf = true;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 2, bytes);
    expect(mesh.targets[0]!.told).toEqual(['complete']);
    expect(mesh.targets[1]!.told).toEqual(['complete']);
  });

  it('takes a target that slept through a block along again', () => {
    const mesh = prepared({ targets: 3, timeoutBase: 1 });
    const bytes = content(16_000);
    mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    mesh.clock.advance(1000);
    mesh.targets[0]!.deaf = true;
    mesh.clock.advance(22_000);
    expect(mesh.targets[0]!.server.phase).toBe(BlobPhase.suspended);
    mesh.targets[0]!.deaf = false;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it.each([{}, UNICAST])(
    'brings a block to a target that has forgotten its chunks in the same run of it (%o)',
    (options) => {
      const stores: CutStore[] = [];
      const store = (i: number): CutStore => {
        stores[i] ??= new CutStore();
        return stores[i];
      };
      const mesh = prepared({ targets: 3, store });
      const bytes = content(16_000);
      mesh.start(bytes, options);
      mesh.runUntil((event) => event.type === 'block' && event.number === 1);
      mesh.clock.advance(1000);
      expect(mesh.restartTarget(mesh.targets[0]!)).toBe(true);
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      for (const target of mesh.targets) expectWhole(target, bytes);
      expect(blocksOf(mesh).map(({ number }) => number)).toEqual([0, 1, 2, 3]);
    },
  );

  it('fails when nobody answers at all', () => {
    const mesh = prepared({ targets: 3 });
    for (const target of mesh.targets) target.deaf = true;
    mesh.start(content(1000));
    expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'failed' });
    expect(lostOf(mesh)).toHaveLength(3);
    expect(mesh.clock.now).toBeGreaterThan(50_000);
    expect(mesh.clock.now).toBeLessThan(60_000);
  });

  it('suspends when all fall silent on the way, and resumes with those that come back', () => {
    const mesh = prepared({ targets: 2 });
    const bytes = content(12_000);
    const transfer = mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    for (const target of mesh.targets) target.deaf = true;
    expect(mesh.run()).toMatchObject({ type: 'suspended' });
    expect(transfer.receivers.every(({ timedOut }) => timedOut)).toBe(true);
    mesh.targets[0]!.deaf = false;
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
    expect(mesh.targets[0]!.flash.writes.filter((offset) => offset === 0)).toHaveLength(1);
  });

  it('fails when all refuse', () => {
    const mesh = new Mesh({ targets: 2 });
    mesh.start(content(1000));
    expect(mesh.run()).toMatchObject({ outcome: 'failed' });
    expect(lostOf(mesh).map(({ status }) => status)).toEqual([BlobStatus.wrongPhase, BlobStatus.wrongPhase]);
  });

  it('loses a target whose storage never takes a block, after bounded rounds', () => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.flash.refuse = (offset) => offset === 4096;
    const bytes = content(12_000);
    mesh.start(bytes);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
    expect(lostOf(mesh)[0]).toMatchObject({ timedOut: false, error: { code: 'receiver-stuck' } });
  });

  it.each([0, 1, 2, 3])('leaves out a receiver marked to be skipped at place %i', (place) => {
    for (const options of [{}, UNICAST]) {
      const mesh = prepared({ targets: 4 });
      const bytes = content(5000);
      mesh.start(bytes, {
        ...options,
        receivers: mesh.targets.map(({ address }, i) => ({ address, skip: i === place })),
      });
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      mesh.targets.forEach((target, i) => {
        if (i !== place) expectWhole(target, bytes);
        else expect(target.server.phase).toBe(BlobPhase.waitingForTransferStart);
      });
      expect(lostOf(mesh)).toEqual([]);
    }
  });

  it('expels the one that does not fit, not the many, whoever answers first', () => {
    const mesh = prepared({
      targets: 4,
      capabilities: (i) => (i === 0 ? { minBlockSizeLog: 14, maxBlockSizeLog: 14 } : {}),
    });
    const bytes = content(5000);
    mesh.start(bytes);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(lostOf(mesh)).toMatchObject([{ address: 0x0100, status: BlobStatus.invalidBlockSize, timedOut: false }]);
  });
});

describe('suspend, resume, cancel', () => {
  it.each(['capabilities', 'block', 'chunks', 'progress'])('suspends at the first "%s" event and resumes', (type) => {
    const mesh = prepared({ targets: 3, loss: 0.05 });
    const bytes = content(20_000);
    const transfer = mesh.start(bytes);
    mesh.runUntil((event) => event.type === type);
    transfer.suspend();
    mesh.clock.advance(1000);
    const events = mesh.airEvents;
    mesh.clock.advance(100_000);
    expect(mesh.airEvents).toBe(events);
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) {
      expectWhole(target, bytes);
      expect(new Set(target.flash.writes).size).toBe(target.flash.writes.length);
    }
  });

  it.each(['capabilities', 'block', 'chunks', 'progress'])('resumes at once after the first "%s" event', (type) => {
    const mesh = prepared({ targets: 3, loss: 0.05 });
    const bytes = content(20_000);
    const transfer = mesh.start(bytes);
    mesh.runUntil((event) => event.type === type);
    transfer.suspend();
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it.each(['capabilities', 'block', 'chunks', 'progress'])(
    'cancels at the first "%s" event: all servers inactive',
    (type) => {
      const mesh = prepared({ targets: 3, loss: 0.05 });
      const transfer = mesh.start(content(20_000));
      mesh.runUntil((event) => event.type === type);
      let told = 0;
      transfer.cancel(() => told++);
      expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'cancelled' });
      expect(told).toBe(1);
      for (const target of mesh.targets) expect(target.server.phase).toBe(BlobPhase.inactive);
      expect(mesh.clientStore.keys('blob/')).toEqual([]);
      const events = mesh.airEvents;
      mesh.clock.advance(60_000);
      expect(mesh.airEvents - events).toBeLessThan(20);
    },
  );

  it('cancels before anything was started, and again, without a word on air', () => {
    const mesh = prepared({ targets: 1 });
    const transfer = mesh.start(content(100));
    let told = 0;
    transfer.cancel(() => told++);
    transfer.cancel(() => told++);
    mesh.clock.advance(1000);
    expect(told).toBe(2);
    expect(mesh.airEvents).toBe(0);
  });

  it('takes one transfer at a time, and none of nothing or for nobody', () => {
    const mesh = prepared({ targets: 1 });
    expect(() => mesh.start(content(0))).toThrow(/empty/);
    expect(() => mesh.start(content(9), { receivers: [] })).toThrow(/nobody/);
    mesh.start(content(9));
    expect(() => mesh.start(content(9))).toThrow(/another BLOB transfer/);
  });
});

describe('when the power fails', () => {
  it.each([0, 1, 3])('a new client process goes on after block %i and writes no finished block again', (block) => {
    const mesh = prepared({ targets: 3, loss: 0.05 });
    const bytes = content(20_000);
    mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === block);
    mesh.clock.advance(3000);
    mesh.restartClient();
    mesh.clock.advance(10_000);
    const before = blocksOf(mesh).length;
    mesh.start(bytes, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(blocksOf(mesh)[before]?.number).toBe(block);
    for (const target of mesh.targets) {
      expectWhole(target, bytes);
      expect(target.flash.writes).toHaveLength(5);
    }
  });

  it('resumes without its own record from what the servers say', () => {
    const mesh = prepared({ targets: 2 });
    const bytes = content(20_000);
    mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === 2);
    mesh.restartClient();
    mesh.clientStore.batch([['blob/transfer', null]]);
    mesh.start(bytes, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expect(target.flash.writes).toHaveLength(5);
  });

  it('a receiver lost by its status stays lost for the next process', () => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.flash.begin = () => false;
    const bytes = content(20_000);
    mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === 2);
    mesh.restartClient();
    const transfer = mesh.start(bytes, { resume: true });
    expect(transfer.receivers[1]).toMatchObject({ lost: true, timedOut: false, status: BlobStatus.internalError });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
  });

  it.each([300, 3000, 9000])('a target that loses power %i ms into a block comes back and completes', (ms) => {
    const mesh = prepared({ targets: 3 });
    const bytes = content(20_000);
    mesh.start(bytes);
    mesh.runUntil((event) => event.type === 'block' && event.number === 2);
    mesh.clock.advance(ms);
    expect(mesh.restartTarget(mesh.targets[1]!)).toBe(true);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it.each([{}, { maxChunkSize: 17, minBlockSizeLog: 12 }])(
    'never mixes blocks: a target still in the middle of one while others are served, %o',
    (capabilities) => {
      // The servers are more patient than the client: they do not fall asleep before they are lost.
      const mesh = prepared({ targets: 3, timeoutBase: 100, capabilities: () => capabilities });
      const bytes = content(20_000);
      const transfer = mesh.start(bytes, { timeoutBase: 0 });
      mesh.runUntil((event) => event.type === 'block' && event.number === 1);
      mesh.clock.advance(4000);
      // Target 0 hears nothing more, is lost in the middle of block 1, hears again while the others are in block 3.
      mesh.targets[0]!.deaf = true;
      mesh.runUntil((event) => event.type === 'block' && event.number === 3);
      mesh.clock.advance(1000);
      mesh.targets[0]!.deaf = false;
      mesh.clock.advance(5000);
      expect(mesh.targets[0]!.server.phase).toBe(BlobPhase.waitingForNextChunk);
      transfer.suspend();
      transfer.resume();
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      for (const target of mesh.targets) expectWhole(target, bytes);
      expect(mesh.targets[0]!.told).toEqual(['complete']);
    },
  );
});
