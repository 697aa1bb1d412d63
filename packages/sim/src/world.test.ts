import { MemoryStore } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import { parseSimUri } from './uri.ts';
import { World } from './world.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware();
});

describe('a simulated network', () => {
  it('updates ten targets octet for octet', async () => {
    const run = new UpdateWorld('sim:targets=10');
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(10).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(10).fill('new'));
    expect(report?.stats.transferSeconds).toBeGreaterThan(1);
  });

  it.each([
    'loss=0.1',
    'loss=0.2',
    'radio=ideal',
    'controller=single,sets=2',
    'block=6-8',
    'peer=stock',
    'topology=line,relays=all,hops=3',
    'topology=line,relays=all',
    'topology=grid,relays=all,hops=3',
    'topology=line,relays=all,hops=2,radio=ideal',
  ])('updates five targets with %s', async (keys) => {
    const run = new UpdateWorld(`sim:targets=5,${keys}`);
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(5).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(5).fill('new'));
  });

  it('reaches targets that are more hops away than nodes out of the box allow', async () => {
    const run = new UpdateWorld('sim:targets=8,topology=line,relays=all');
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(8).fill(['applied', null]),
    );
  });

  it('sends to each target by unicast when there is no group', async () => {
    const run = new UpdateWorld('sim:targets=3');
    const report = await run.update(made, { unicast: true });
    expect(report?.outcome).toBe('complete');
    expect(run.running(made)).toEqual(Array(3).fill('new'));
  });

  it.each([
    ['by unicast', { unicast: true }],
    ['by group', {}],
    ['through a Distributor', { distributor: 0x0002 }],
  ])('updates three targets in pull mode %s', async (_, options) => {
    const run = new UpdateWorld('sim:targets=3,distributor=1');
    const report = await run.update(made, { mode: 'pull', ...options });
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(3).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(3).fill('new'));
  });

  it('falls back to unicast when nobody hears the group', async () => {
    const run = new UpdateWorld('sim:targets=3,block=10');
    const report = await run.update(made, { group: 0xc001 });
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(3).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(3).fill('new'));
  });

  it('is the same run, PDU for PDU, for the same seed, and another one for another', async () => {
    const digests = [];
    for (const seed of [7, 7, 8]) {
      const run = new UpdateWorld(`sim:targets=4,loss=0.05,seed=${seed}`);
      await run.update(made);
      digests.push(run.trace.digest());
    }
    expect(digests[0]).toBe(digests[1]);
    expect(digests[0]).not.toBe(digests[2]);
  });
});

describe('the time in a simulated network', () => {
  it('stands still while promises do what follows from an event, however many there are', async () => {
    for (const step of [0, 1, 129]) {
      for (const promises of [0, 3, 500]) expect(await eventsUntilAnswer(step, promises)).toBe(step + 1);
    }
  });

  /** Something happens at event `step` of the clock, and reaches who waits for it through that many promises. */
  async function eventsUntilAnswer(step: number, promises: number): Promise<number> {
    const world = new World({ sim: parseSimUri('sim:targets=0') });
    let events = 0;
    for (let i = 0; i < 800; i++) world.clock.after(i, () => events++);
    const happened = new Promise<void>((resolve) => world.clock.after(step, resolve));
    const answer = async (): Promise<number> => {
      await happened;
      for (let i = 0; i < promises; i++) await undefined;
      return events;
    };
    return world.run(answer());
  }
});

describe('a target that fails', () => {
  it.each([
    ['metadata', 'failed', 'metadata-refused'],
    ['busy', 'failed', undefined],
    ['full', 'failed', undefined],
    ['silent', 'failed', undefined],
    ['block3', 'failed', undefined],
    ['verify', 'failed', undefined],
    ['flip', 'failed', undefined],
    ['apply', 'failed', undefined],
  ])('at %s ends as %s, and it alone', async (step, phase, code) => {
    const run = new UpdateWorld(`sim:targets=4,block=10,fail=0x0101@${step}`);
    const report = await run.update(made);
    const [first, second, ...rest] = report?.targets ?? [];
    expect(second).toMatchObject({ phase, error: { code: code ?? expect.any(String), hint: expect.any(String) } });
    expect([first, ...rest].map((target) => target?.phase)).toEqual(['applied', 'applied', 'applied']);
    expect(run.running(made)).toEqual(['new', 'old', 'new', 'new']);
  });

  it.each([0, 1, 2, 3])('by a short power cut in block %i is taken along to the end', async (block) => {
    const restarts: string[] = [];
    const run = new UpdateWorld(`sim:targets=3,block=10,fail=0x0101@reboot${block}`, {
      log: (_level, message) => {
        if (message === 'Update Phase Transfer Error') restarts.push(message);
      },
    });
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(3).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(3).fill('new'));
    expect(restarts).toHaveLength(1);
  });

  it.each(['block0', 'reboot1+0x0101@block3'])('at %s fails alone', async (steps) => {
    const run = new UpdateWorld(`sim:targets=3,block=10,fail=0x0101@${steps}`);
    const report = await run.update(made);
    expect(report?.targets.map(({ phase }) => phase)).toEqual(['applied', 'failed', 'applied']);
  });

  it('together with all others leaves nothing updated', async () => {
    const run = new UpdateWorld('sim:targets=2,fail=0x0100@metadata+0x0101@metadata');
    const report = await run.update(made);
    expect(report).toMatchObject({ outcome: 'failed', resumable: false });
    expect(report?.targets.map(({ error }) => error?.code)).toEqual(['metadata-refused', 'metadata-refused']);
  });
});

describe('the effect of an update', () => {
  it('leaves targets that announce it out of the network', async () => {
    const run = new UpdateWorld('sim:targets=2,effect=unprovision');
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, effect }) => [phase, effect])).toEqual(Array(2).fill(['unprovisioned', 3]));
    expect(run.world.targets.map(({ node }) => node)).toEqual([undefined, undefined]);
  });

  it('is none for an image with the same composition hash', async () => {
    const run = new UpdateWorld('sim:targets=2,effect=auto');
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, effect }) => [phase, effect])).toEqual(Array(2).fill(['applied', 0]));
  });
});

describe('an update that was cut off', () => {
  it('goes on in the same world with what is missing, and sends no finished block again', async () => {
    const store = new MemoryStore();
    const before = new UpdateWorld('sim:targets=3,block=10', { store });
    expect(await before.update(made, { cutWhen: ({ blocks }) => blocks.done >= 3 })).toBeUndefined();
    const cut = before.progress.at(-1);
    const after = new UpdateWorld('sim:targets=3,block=10', { store });
    const report = await after.update(made, { resume: true });
    expect(report?.targets.map(({ phase }) => phase)).toEqual(Array(3).fill('applied'));
    expect(after.running(made)).toEqual(Array(3).fill('new'));
    const blocks = after.progress.filter(({ phase }) => phase === 'transferring').map(({ blocks }) => blocks.done);
    expect(Math.min(...blocks.filter((done) => done > 0))).toBeGreaterThanOrEqual(cut?.blocks.done ?? 99);
  });

  it.each([undefined, 0x0002])(
    'goes on when targets that all fell silent are back (Distributor %s)',
    async (distributor) => {
      const store = new MemoryStore();
      const uri = 'sim:targets=2,distributor=1,block=10';
      const through = distributor === undefined ? {} : { distributor };
      const before = new UpdateWorld(`${uri},fail=0x0100@block3+0x0101@block3`, { store });
      const failed = await before.update(made, through);
      expect(failed).toMatchObject({ outcome: 'failed', resumable: true });
      const after = new UpdateWorld(uri, { store });
      const report = await after.update(made, { ...through, resume: true });
      expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
        Array(2).fill(['applied', null]),
      );
      expect(after.running(made)).toEqual(['new', 'new']);
    },
  );

  it('refuses to start over the unfinished one', async () => {
    const store = new MemoryStore();
    await new UpdateWorld('sim:targets=1', { store }).update(made, { cutWhen: ({ percent }) => percent > 10 });
    await expect(new UpdateWorld('sim:targets=1', { store }).update(made)).rejects.toMatchObject({
      code: 'job-unfinished',
    });
    const other = await firmware(5000);
    await expect(new UpdateWorld('sim:targets=1', { store }).update(other, { resume: true })).rejects.toMatchObject({
      code: 'other-image',
    });
  });
});

describe('an unfinished update', () => {
  it('waits verified until it is applied', async () => {
    const store = new MemoryStore();
    const before = new UpdateWorld('sim:targets=3', { store });
    const verified = await before.update(made, { policy: 'verify' });
    expect(verified).toMatchObject({ outcome: 'complete', resumable: true });
    expect(verified?.targets.map(({ phase }) => phase)).toEqual(Array(3).fill('verified'));
    expect(before.running(made)).toEqual(Array(3).fill('old'));
    const after = new UpdateWorld('sim:targets=3', { store });
    const applied = await after.world.run(after.job.apply());
    expect(applied.targets.map(({ phase }) => phase)).toEqual(Array(3).fill('applied'));
    expect(after.running(made)).toEqual(Array(3).fill('new'));
    expect(after.job.saved()).toBeUndefined();
  });

  it.each([undefined, 0x0002])('is forgotten everywhere when it is cancelled (Distributor %s)', async (distributor) => {
    const store = new MemoryStore();
    const uri = 'sim:targets=2,distributor=1,block=10';
    const before = new UpdateWorld(uri, { store });
    const cutWhen = ({ phase, percent }: { phase: string; percent: number }): boolean =>
      phase === 'transferring' && percent > 20;
    await before.update(made, { cutWhen, ...(distributor && { distributor }) });
    const after = new UpdateWorld(uri, { store });
    await after.world.run(after.job.cancel());
    expect(after.job.saved()).toBeUndefined();
    const again = await after.update(made, distributor ? { distributor } : {});
    expect(again?.targets.map(({ phase }) => phase)).toEqual(Array(2).fill('applied'));
  });
});

describe('a Distributor that is another node', () => {
  it('is named when it does not answer', async () => {
    const run = new UpdateWorld('sim:targets=1,distributor=1,fail=0x0002@silent');
    await expect(run.update(made, { distributor: 0x0002 })).rejects.toMatchObject({ code: 'distributor-silent' });
  });

  it('takes the image and updates the others', async () => {
    const run = new UpdateWorld('sim:targets=3,distributor=1');
    const report = await run.update(made, { distributor: 0x0002 });
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(3).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(Array(3).fill('new'));
  });

  it.each(['uploading', 'transferring'])('goes on after all power was cut while %s', async (when) => {
    const store = new MemoryStore();
    const uri = 'sim:targets=2,distributor=1,block=10';
    const before = new UpdateWorld(uri, { store });
    const cutWhen = ({ phase, percent }: { phase: string; percent: number }): boolean => phase === when && percent > 40;
    expect(await before.update(made, { distributor: 0x0002, cutWhen })).toBeUndefined();
    const after = new UpdateWorld(uri, { store });
    const report = await after.update(made, { distributor: 0x0002, resume: true });
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(2).fill(['applied', null]),
    );
    expect(after.running(made)).toEqual(['new', 'new']);
    expect(report?.stats.transferSeconds).toBeGreaterThan(1);
  });
});
