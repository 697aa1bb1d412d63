import { describe, expect, it } from 'vitest';
import { BlobPhase, BlobStatus } from './constants.ts';
import { BlobPartialBlockReport } from './messages.ts';
import {
  blocksOf,
  CLIENT,
  content,
  expectOnlyLost,
  expectWhole,
  lastProgress,
  lostOf,
  type Mesh,
  prepared,
} from './testing/mesh.ts';

const PULL = { mode: 'pull' } as const;
const UNICAST = { ...PULL, group: undefined };

describe('a pull transfer over the whole stack', () => {
  it.each([
    ['one target by unicast', 1, 0, UNICAST],
    ['three targets by unicast', 3, 0, UNICAST],
    ['three targets by unicast, 10 % loss', 3, 0.1, UNICAST],
    ['three targets by group', 3, 0, PULL],
    ['three targets by group, 10 % loss', 3, 0.1, PULL],
    ['ten targets by group, 5 % loss', 10, 0.05, PULL],
    ['two targets with stock settings by unicast', 2, 0.02, { settings: 'stock', ...UNICAST }],
    ['two targets with stock settings by group', 2, 0.02, { settings: 'stock', ...PULL }],
  ] as const)('brings the BLOB to %s', (_, targets, loss, options) => {
    const mesh = prepared({ targets, loss });
    const bytes = content(20_001);
    mesh.start(bytes, options);
    expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'complete' });
    for (const target of mesh.targets) {
      expectWhole(target, bytes);
      expect(target.told).toEqual(['complete']);
    }
    expect(lostOf(mesh)).toEqual([]);
    expect(lastProgress(mesh)).toBe(100);
  });

  it.each([1, 8, 63, 64, 65, 4096, 4097, 12_289])('brings a BLOB of %i octets', (size) => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ minBlockSizeLog: 6 }) });
    const bytes = content(size);
    mesh.start(bytes, UNICAST);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it.each([UNICAST, PULL])('never sends on its own what was not asked for (%o)', (options) => {
    const mesh = prepared({ targets: 2, pull: () => ({ window: 2 }) });
    mesh.start(content(10_000), options);
    mesh.run();
    expect(mesh.transfer?.counters.resent).toBe(0);
  });

  it('is the same run for the same seed', () => {
    const traces = [0, 1].map(() => {
      const mesh = prepared({ targets: 3, loss: 0.1, seed: 'same' });
      mesh.start(content(9000), PULL);
      mesh.run();
      return [mesh.clock.now, mesh.airEvents, JSON.stringify(mesh.events)];
    });
    expect(traces[0]).toEqual(traces[1]);
  });
});

describe('the mode', () => {
  it.each([
    ['push when all offer both', [{}, {}], 'push', 0],
    ['pull when one offers nothing else', [{}, { push: false }], 'pull', 0],
    ['push when more can push than pull', [{ pull: false }, { pull: false }, { push: false }], 'push', 1],
    ['pull when that brings it to more', [{ pull: false }, { push: false }, { push: false }], 'pull', 1],
  ] as const)('is %s', (_, capabilities, mode, lost) => {
    const mesh = prepared({ targets: capabilities.length, capabilities: (i) => capabilities[i]! });
    mesh.start(content(3000));
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(mesh.events.find(({ type }) => type === 'capabilities')).toMatchObject({ mode });
    expect(lostOf(mesh).map(({ status }) => status)).toEqual(Array(lost).fill(BlobStatus.unsupportedTransferMode));
  });

  it('that was asked for expels who does not offer it', () => {
    const mesh = prepared({ targets: 3, capabilities: (i) => ({ pull: i !== 1 }) });
    const bytes = content(3000);
    mesh.start(bytes, PULL);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
  });
});

describe('receivers of a pull transfer that cannot follow', () => {
  it.each([UNICAST, PULL])('loses a dead target after the client timeout, and serves the others (%o)', (options) => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.deaf = true;
    const bytes = content(10_000);
    mesh.start(bytes, options);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
    expect(lostOf(mesh)[0]).toMatchObject({ timedOut: true, error: { code: 'receiver-silent' } });
  });

  it.each([
    { ...UNICAST, timeoutBase: 0 },
    { ...PULL, timeoutBase: 0 },
    { ...UNICAST, timeoutBase: 10 },
  ])('loses a target that falls silent in block 2, keeping the others awake (%o)', (options) => {
    const mesh = prepared({ targets: 3, timeoutBase: options.timeoutBase });
    const bytes = content(20_000);
    mesh.start(bytes, options);
    mesh.runUntil((event) => event.type === 'block' && event.number === 2);
    mesh.clock.advance(2000);
    mesh.targets[2]!.deaf = true;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 2, bytes);
    expect(mesh.targets[0]!.told).toEqual(['complete']);
    expect(mesh.targets[1]!.told).toEqual(['complete']);
  });

  it.each([
    ['stock settings', { settings: 'stock' }, {}],
    ['Low Power nodes', {}, { push: false }],
  ] as const)('loses a target that falls silent, also with a long client timeout (%s)', (_, options, capabilities) => {
    const mesh = prepared({ targets: 2, timeoutBase: 20, capabilities: () => capabilities });
    const bytes = content(12_000);
    mesh.start(bytes, { ...UNICAST, ...options });
    mesh.runUntil((event) => event.type === 'block' && event.number === 1);
    mesh.clock.advance(1000);
    mesh.targets[1]!.deaf = true;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
  });

  it('fails when all refuse, suspends when all fall silent, and resumes with those that come back', () => {
    const mesh = prepared({ targets: 2 });
    const bytes = content(12_000);
    const transfer = mesh.start(bytes, UNICAST);
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

  it.each([UNICAST, PULL])('loses a target whose storage never takes a block, after bounded rounds (%o)', (options) => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.flash.refuse = (offset) => offset === 4096;
    const bytes = content(12_000);
    mesh.start(bytes, options);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 1, bytes);
    expect(lostOf(mesh)[0]).toMatchObject({ timedOut: false, error: { code: 'receiver-stuck' } });
  });

  it('takes a late one along in the block that is under way', () => {
    const mesh = prepared({ targets: 3 });
    const bytes = content(4000);
    mesh.start(bytes, UNICAST);
    mesh.runUntil((event) => event.type === 'capabilities');
    mesh.targets[2]!.deaf = true;
    mesh.runUntil((event) => event.type === 'block');
    mesh.clock.advance(1000);
    expect(mesh.targets[2]!.server.phase).toBe(BlobPhase.waitingForTransferStart);
    mesh.targets[2]!.deaf = false;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
    expect(blocksOf(mesh)).toHaveLength(1);
  });

  it.each([UNICAST, PULL])(
    'does not take a late empty report of the block before for one of this block (%o)',
    (options) => {
      const mesh = prepared({ targets: 2 });
      const bytes = content(12_000);
      mesh.start(bytes, options);
      mesh.runUntil((event) => event.type === 'block' && event.number === 1);
      stepUntil(mesh, () => mesh.chunks.filter(({ block }) => block === 1).length === 2);
      mesh.targets[0]!.server.model.send(
        BlobPartialBlockReport,
        { missingChunks: [] },
        { dst: CLIENT, appIndex: 0, ttl: 3 },
      );
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      expect(blocksOf(mesh).map(({ number }) => number)).toEqual([0, 1, 2]);
      for (const target of mesh.targets) expectWhole(target, bytes);
      expect(mesh.transfer?.counters.resent).toBe(0);
    },
  );

  it.each([0, 3000, 20_000])('goes on when the last report is lost for %i ms', (ms) => {
    const mesh = prepared({ targets: 1 });
    const bytes = content(5000);
    mesh.start(bytes, UNICAST);
    stepUntil(mesh, () => holdsAll(mesh));
    mesh.targets[0]!.deaf = true;
    mesh.clock.advance(ms);
    expect(mesh.targets[0]!.server.phase).toBe(BlobPhase.waitingForNextChunk);
    mesh.targets[0]!.deaf = false;
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectWhole(mesh.targets[0]!, bytes);
  });

  it('a target that heard no confirmation is complete by its own timer', () => {
    const mesh = prepared({ targets: 1 });
    const bytes = content(5000);
    mesh.start(bytes, UNICAST);
    stepUntil(mesh, () => holdsAll(mesh));
    mesh.targets[0]!.deaf = true;
    expect(mesh.run()).toMatchObject({ type: 'suspended' });
    expectWhole(mesh.targets[0]!, bytes);
  });

  it('sends again what is wanted when no report comes for 67 s, to be lost after the client timeout', () => {
    const mesh = prepared({ targets: 1, timeoutBase: 10, pull: () => ({ window: 1, reportIntervalMs: 31_000 }) });
    const transfer = mesh.start(content(2000), { ...UNICAST, settings: 'stock' });
    mesh.runUntil((event) => event.type === 'chunks' && event.sent > 1);
    mesh.clock.advance(100);
    mesh.targets[0]!.deaf = true;
    stepUntil(mesh, () => !isSending(mesh));
    const { sent } = transfer.counters;
    const quietFrom = mesh.clock.now;
    stepUntil(mesh, () => transfer.counters.sent > sent);
    expect(mesh.clock.now - quietFrom).toBeGreaterThan(40_000);
    expect(mesh.clock.now - quietFrom).toBeLessThan(68_000);
    expect(mesh.run()).toMatchObject({ type: 'suspended' });
    expect(mesh.clock.now - quietFrom).toBeGreaterThan(110_000);
    expect(mesh.clock.now - quietFrom).toBeLessThan(180_000);
  });
});

describe('suspend, resume, cancel in pull mode', () => {
  const moments = ['capabilities', 'block', 'chunks', 'progress'] as const;

  it.each(moments.flatMap((type) => [UNICAST, PULL].map((options) => [type, options] as const)))(
    'suspends at the first "%s" event and resumes (%o)',
    (type, options) => {
      const mesh = prepared({ targets: 3, loss: 0.05 });
      const bytes = content(20_000);
      const transfer = mesh.start(bytes, options);
      mesh.runUntil((event) => event.type === type);
      transfer.suspend();
      mesh.clock.advance(60_000);
      const events = mesh.airEvents;
      mesh.clock.advance(100_000);
      expect(mesh.airEvents).toBe(events);
      transfer.resume();
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      for (const target of mesh.targets) {
        expectWhole(target, bytes);
        expect(new Set(target.flash.writes).size).toBe(target.flash.writes.length);
      }
    },
  );

  it.each(moments)('resumes at once after the first "%s" event', (type) => {
    const mesh = prepared({ targets: 3, loss: 0.05 });
    const bytes = content(20_000);
    const transfer = mesh.start(bytes, UNICAST);
    mesh.runUntil((event) => event.type === type);
    transfer.suspend();
    transfer.resume();
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, bytes);
  });

  it.each(moments)('cancels at the first "%s" event: all servers inactive', (type) => {
    const mesh = prepared({ targets: 3, loss: 0.05 });
    const transfer = mesh.start(content(20_000), PULL);
    mesh.runUntil((event) => event.type === type);
    let told = 0;
    transfer.cancel(() => told++);
    expect(mesh.run()).toMatchObject({ type: 'done', outcome: 'cancelled' });
    expect(told).toBe(1);
    for (const target of mesh.targets) expect(target.server.phase).toBe(BlobPhase.inactive);
    mesh.clock.advance(1000);
    const events = mesh.airEvents;
    mesh.clock.advance(60_000);
    expect(mesh.airEvents - events).toBeLessThan(20);
  });
});

describe('when the power fails in pull mode', () => {
  it.each([UNICAST, PULL])('a target comes back in the middle of a block and completes (%o)', (options) => {
    for (const ms of [300, 3000, 6000]) {
      const mesh = prepared({ targets: 3 });
      const bytes = content(20_000);
      mesh.start(bytes, options);
      mesh.runUntil((event) => event.type === 'block' && event.number === 2);
      mesh.clock.advance(ms);
      expect(mesh.restartTarget(mesh.targets[1]!)).toBe(true);
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      for (const target of mesh.targets) expectWhole(target, bytes);
    }
  });

  it('a target with all blocks comes back complete, and the client is content', () => {
    const mesh = prepared({ targets: 1 });
    const bytes = content(5000);
    mesh.start(bytes, UNICAST);
    stepUntil(mesh, () => holdsAll(mesh));
    expect(mesh.restartTarget(mesh.targets[0]!)).toBe(true);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectWhole(mesh.targets[0]!, bytes);
  });

  it.each([PULL, {}])('a new client process goes on in the same mode, asked for %o', (options) => {
    for (const forgets of [false, true]) {
      const mesh = prepared({ targets: 3, loss: 0.05 });
      const bytes = content(20_000);
      mesh.start(bytes, UNICAST);
      mesh.runUntil((event) => event.type === 'block' && event.number === 2);
      mesh.clock.advance(3000);
      mesh.restartClient();
      if (forgets) mesh.clientStore.batch([['blob/transfer', null]]);
      const before = blocksOf(mesh).length;
      mesh.start(bytes, { ...options, group: undefined, resume: true });
      expect(mesh.run()).toMatchObject({ outcome: 'complete' });
      expect(blocksOf(mesh)[before]?.number).toBe(2);
      for (const target of mesh.targets) {
        expectWhole(target, bytes);
        expect(target.flash.writes).toHaveLength(5);
      }
    }
  });
});

/** Runs until this is so. */
function stepUntil(mesh: Mesh, is: () => boolean): void {
  while (!is()) if (!mesh.clock.step()) throw new Error('nothing happens any more');
}

function holdsAll({ targets: [target] }: Mesh): boolean {
  const { server } = target!;
  return server.phase === BlobPhase.waitingForNextChunk && server.blocksNotReceived.length === 0;
}

/** Whether anything goes out within the next second. */
function isSending(mesh: Mesh): boolean {
  const events = mesh.airEvents;
  mesh.clock.advance(1000);
  return mesh.airEvents > events;
}
