import { SeededRandom } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import { KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { SmpGroup } from '../groups.ts';
import { Reset } from '../messages/os.ts';
import { type BenchOptions, imagesOf, NEW, UpdateBench } from './testing/update-bench.ts';

/** Large enough that its swap is estimated with more than ten seconds. */
const large = await imagesOf(testImage(NEW, { payload: new SeededRandom('large').bytes(100_000), key: KEY }));

function serialBench(options: BenchOptions = {}): UpdateBench {
  return new UpdateBench({ line: 'serial', slotSize: 0x20000, ...options });
}

/** When the client sends after the reset was asked for, until the device answers: seconds from then. */
function watchAsking(bench: UpdateBench): number[] {
  const asked: number[] = [];
  let resetAt: number | undefined;
  bench.carries = (packet, from) => {
    const { now } = bench.clock;
    if (from === 'client' && packet[5] === SmpGroup.os && packet[7] === Reset.command) resetAt = now;
    else if (from === 'client' && bench.phases.at(-1) === 'reconnecting') asked.push((now - resetAt!) / 1000);
    return true;
  };
  return asked;
}

/** From the reset to the first look at what runs, seconds. */
function awaySeconds({ progress }: UpdateBench): number {
  const first = (phase: string) => progress.find((one) => one.phase === phase)!.elapsedSeconds;
  return first('checking') - first('waiting');
}

describe('after the reset, over a serial line', () => {
  test('a device that is back soon is found soon', async () => {
    const bench = serialBench({ flash: { eraseMs: 5, writeMs: 0.001 } });
    expect(await bench.update(large)).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
    expect(awaySeconds(bench)).toBeLessThan(5);
  });

  test('it is not asked while MCUboot reads the line, then every two seconds until it answers', async () => {
    const bench = serialBench({ flash: { eraseMs: 85, writeMs: 0.04 } });
    const asked = watchAsking(bench);
    expect(await bench.update(large)).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
    expect(asked[0]).toBeGreaterThanOrEqual(2.9);
    expect(asked.length).toBeGreaterThan(3);
    const gaps = asked.slice(1).map((at, i) => at - asked[i]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2.1);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0.9);
  });

  test('it is left alone for a time that was given', async () => {
    const bench = serialBench();
    const asked = watchAsking(bench);
    expect(await bench.update(large, { swapSeconds: 20 })).toMatchObject({ outcome: 'updated', error: null });
    expect(awaySeconds(bench)).toBeGreaterThan(19);
    expect(asked[0]).toBeGreaterThan(19);
  });

  test('one that resets late is not taken for one that does not reset', async () => {
    const bench: UpdateBench = serialBench({
      server: { reset: () => bench.clock.after(6000, () => bench.device.reset()) },
    });
    expect(await bench.update(large)).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });

  test('one that never resets is said to be one', async () => {
    const bench = serialBench({ server: { reset: () => {} } });
    const report = await bench.update(large);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-swap-held' } });
  });

  test('one that does not come back is waited for as long as ever', async () => {
    const bench = serialBench();
    bench.carries = () => !bench.phases.includes('waiting');
    const report = await bench.update(large);
    expect(report).toMatchObject({ outcome: 'failed', resumable: true, error: { code: 'smp-no-answer' } });
    expect(report.stats.totalSeconds).toBeGreaterThan(70);
  });
});
