import type { RadioOutlook } from '@meshferry/blob';
import type { JobProgress, UpdateForecast } from '@meshferry/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { firmware, UpdateWorld } from './testing/update-world.ts';
import { SIM_APP_INDEX, SIM_GROUP } from './world-keys.ts';

const KIB_64 = 65_536;

interface Asked {
  readonly forecast: UpdateForecast | undefined;
  readonly seconds: number;
  readonly run: UpdateWorld;
}

async function forecast(
  keys: string,
  change: { size?: number; probe?: boolean; unicast?: boolean } = {},
): Promise<Asked> {
  const run = new UpdateWorld(`sim:${keys}`);
  const { size = KIB_64, probe, unicast } = change;
  const targets = run.world.targets.map(({ address }) => address);
  const group = unicast ? {} : { group: SIM_GROUP };
  const before = run.world.clock.now;
  const found = await run.world.run(run.job.forecast({ size, targets, appIndex: SIM_APP_INDEX, probe, ...group }));
  return { forecast: found, seconds: (run.world.clock.now - before) / 1000, run };
}

/** Share that is lost, of how many events. */
function lossOf(outlook: RadioOutlook | undefined): { loss: number; events: number } {
  let events = 0;
  let missed = 0;
  for (const each of outlook?.receivers.values() ?? []) {
    events += each.events;
    missed += each.events * each.loss;
  }
  return { loss: missed / events, events };
}

describe('the radio is surveyed before an update', () => {
  it.each([
    ['targets=10,radio=ideal', 0],
    ['targets=10', 0.02],
    ['targets=10,loss=0.05', 0.07],
    ['targets=10,loss=0.2', 0.216],
    ['targets=1,loss=0.1', 0.118],
    ['targets=10,loss=0.05,peer=stock', 0.07],
    ['targets=100,loss=0.05', 0.07],
    ['targets=10,controller=single,sets=2,loss=0.05', 0.07],
  ])('%s: it loses %f', async (keys, expected) => {
    const { forecast: found, seconds } = await forecast(keys);
    const { loss, events } = lossOf(found?.outlook);
    const error = Math.sqrt((Math.max(expected, 0.005) * (1 - expected)) / events);
    expect(Math.abs(loss - expected)).toBeLessThan(3.5 * error);
    expect(events).toBeGreaterThan(200);
    expect(seconds).toBeLessThan(30);
  });

  it.each([
    ['targets=2', 25],
    ['targets=2,sets=4', 6],
    ['targets=2,interval=100', 105],
    ['targets=2,controller=single', 2.6],
  ])('%s: the bearer takes %f ms for an event', async (keys, expected) => {
    const { eventMs = 0 } = (await forecast(keys)).forecast?.outlook ?? {};
    expect(eventMs).toBeGreaterThan(0.75 * expected);
    expect(eventMs).toBeLessThan(1.25 * expected);
  });

  it('over relays too, and says whose messages come over them', async () => {
    const { forecast: found } = await forecast('targets=4,topology=line,hops=4,relays=all,loss=0.05');
    expect([...(found?.outlook.receivers.values() ?? [])].map(({ isRemote }) => isRemote)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('and changes nothing at the targets', async () => {
    const { run } = await forecast('targets=3,peer=stock');
    for (const { role } of run.world.targets) expect([role?.update.phase, role?.blob.phase]).toEqual([0, 0]);
    const report = await run.update(await firmware(2000));
    expect(report?.targets.map(({ phase }) => phase)).toEqual(['applied', 'applied', 'applied']);
  });

  it('without nodes that sleep or say nothing: of these nothing is known', async () => {
    const { forecast: found } = await forecast('targets=4,lowpower=1,friends=1,fail=0x0101@silent');
    const events = [...(found?.outlook.receivers ?? [])].map(([address, each]) => [address, each.events > 0]);
    expect(events).toEqual([
      [0x0100, true],
      [0x0102, true],
      [0x0103, false],
    ]);
  });

  it('not where it is not wanted, or all is over soon', async () => {
    expect(lossOf((await forecast('targets=3', { probe: false })).forecast?.outlook).events).toBe(0);
    expect(lossOf((await forecast('targets=3', { size: 500 })).forecast?.outlook).events).toBe(0);
  });

  it('and nothing is foretold when nobody answers', async () => {
    expect((await forecast('targets=1,fail=0x0100@silent')).forecast).toBeUndefined();
  });
});

describe('the time of an update', () => {
  let made: Awaited<ReturnType<typeof firmware>>;

  beforeAll(async () => {
    made = await firmware(32_000);
  });

  it.each([
    ['targets=5', false],
    ['targets=5,loss=0.1', false],
    ['targets=5,controller=single,sets=2', false],
    ['targets=2', true],
  ] as const)('%s is told before, with bounds, and kept current (unicast: %s)', async (keys, unicast) => {
    const planned = await forecast(keys, { size: made.image.length, unicast });
    const { low, expected, high } = planned.forecast?.seconds ?? { low: 0, expected: 0, high: 0 };
    const run = new UpdateWorld(`sim:${keys}`);
    const report = await run.update(made, { unicast });
    const { transferSeconds, totalSeconds } = report?.stats ?? { transferSeconds: 0, totalSeconds: 0 };
    expect(low).toBeLessThan(expected);
    expect(expected).toBeLessThan(high);
    expect(totalSeconds).toBeGreaterThan(0.8 * low);
    expect(totalSeconds).toBeLessThan(1.2 * high);
    const first = run.progress.find(({ secondsLeft }) => secondsLeft !== null);
    expect(first?.phase).toBe('checking');
    expect(first?.secondsLeft).toBeGreaterThan(0.6 * transferSeconds);
    expect(first?.secondsLeft).toBeLessThan(1.6 * transferSeconds);
    const half = run.progress.filter(({ phase, percent }) => phase === 'transferring' && percent >= 50 && percent < 90);
    for (const at of half) expect(error(at, totalSeconds)).toBeLessThan(0.12);
    const after = run.progress.filter(({ phase }) => ['verifying', 'applying', 'confirming'].includes(phase));
    for (const at of after) expect(at.updateSecondsLeft).toBeGreaterThanOrEqual(0);
    expect(run.progress.at(-1)?.updateSecondsLeft).toBe(0);
  });

  it('through a Distributor: the upload, then the distribution', async () => {
    const run = new UpdateWorld('sim:targets=2,distributor=1');
    await run.update(made, { distributor: 0x0002 });
    const first = run.progress.find(({ updateSecondsLeft }) => updateSecondsLeft !== null);
    const uploading = run.progress.find(({ phase, percent }) => phase === 'uploading' && percent > 50);
    const total = run.progress.at(-1)?.elapsedSeconds ?? 0;
    expect(first && error(first, total)).toBeLessThan(0.5);
    expect(uploading && error(uploading, total)).toBeLessThan(0.4);
  });
});

function error({ elapsedSeconds, updateSecondsLeft }: JobProgress, totalSeconds: number): number {
  return Math.abs((elapsedSeconds + (updateSecondsLeft ?? Number.POSITIVE_INFINITY)) / totalSeconds - 1);
}
