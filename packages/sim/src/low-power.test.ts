import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { firmware, UpdateWorld } from './testing/update-world.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(3000);
});

describe('a Low Power target', () => {
  it('finds its Friend, and sleeps', () => {
    const { world } = new UpdateWorld('sim:targets=2,lowpower=1,friends=1');
    world.clock.advance(10_000);
    const [awake, asleep] = world.targets;
    expect(awake?.node?.network.lowPower).toBeUndefined();
    expect(asleep?.node?.network.lowPower).toMatchObject({ state: 'established', friend: 0x0010 });
    expect(asleep?.node?.network.lowPower?.subscriptions).toEqual([0xffff, 0xc000]);
    expect(world.friends[0]?.node?.network.friend?.lowPowerNodes).toMatchObject([{ address: 0x0101 }]);
    const before = [awake, asleep].map((target) => target?.port?.listeningMs ?? 0);
    world.clock.advance(100_000);
    const [awakeMs, asleepMs] = [awake, asleep].map((target, i) => (target?.port?.listeningMs ?? 0) - before[i]!);
    expect(awakeMs).toBe(100_000);
    expect(asleepMs).toBeGreaterThan(0);
    expect(asleepMs).toBeLessThan(10_000);
    world.close();
  });

  it.each([
    ['alone', 'targets=1,lowpower=1,friends=1'],
    ['with two more', 'targets=3,lowpower=3,friends=1'],
    ['under loss', 'targets=1,lowpower=1,friends=1,loss=0.1'],
    ['with two Friends to choose from', 'targets=2,lowpower=2,friends=2'],
    ['beside one that always listens', 'targets=2,lowpower=1,friends=1'],
  ])('is updated through its Friend, in pull mode without being told to: %s', async (_, keys) => {
    const run = new UpdateWorld(`sim:${keys}`);
    const report = await run.update(made);
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      run.world.targets.map(() => ['applied', null]),
    );
    expect(run.running(made)).toEqual(run.world.targets.map(() => 'new'));
  });

  it('is updated by a Distributor in pull mode', async () => {
    const run = new UpdateWorld('sim:targets=2,lowpower=1,friends=1,distributor=1');
    const report = await run.update(made, { mode: 'pull', distributor: 0x0002, unicast: true });
    expect(report?.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(2).fill(['applied', null]),
    );
    expect(run.running(made)).toEqual(['new', 'new']);
  });

  it('keeps its receiver off while it is updated, but for the windows in which its Friend answers', async () => {
    const run = new UpdateWorld('sim:targets=1,lowpower=1,friends=1');
    const target = run.world.targets[0]!;
    const samples: [number, number][] = [];
    const sample = (): void => {
      if (target.port !== undefined) samples.push([run.world.clock.now, target.port.listeningMs]);
      run.world.clock.after(1000, sample);
    };
    sample();
    await run.update(made, { policy: 'verify' });
    const [from, to] = [samples.find(([at]) => at > 10_000)!, samples.at(-1)!];
    expect(to[0] - from[0]).toBeGreaterThan(20_000);
    expect((to[1] - from[1]) / (to[0] - from[0])).toBeLessThan(0.35);
  });

  it('goes on through another Friend when its own is switched off', async () => {
    const run = new UpdateWorld('sim:targets=1,lowpower=1,friends=2');
    const changes: (number | undefined)[] = [];
    run.world.targets[0]?.node?.network.lowPower?.events.subscribe(({ state, friend }) => {
      if (state === 'established') changes.push(friend);
    });
    run.world.clock.after(15_000, () => run.world.friends.find(({ address }) => address === changes[0])?.powerOff());
    const report = await run.update(made, { policy: 'verify' });
    expect(report?.targets).toMatchObject([{ phase: 'verified', error: null }]);
    expect(new Set(changes)).toEqual(new Set([0x0010, 0x0011]));
  });
});
