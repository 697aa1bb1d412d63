import { describe, expect, test } from 'vitest';
import { OTHER_KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';

const images = await imagesOf(testImage(NEW));

describe('over a serial line', () => {
  test.each(['move', 'offset', 'xip', 'overwrite'] as const)(
    'the device is left alone while it swaps: %s',
    async (mode) => {
      const bench = new UpdateBench({ line: 'serial', mode, flash: { eraseMs: 85, writeMs: 0.04 } });
      const report = await bench.update(images);
      expect(report).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
      expect(bench.running[0]).toMatch(NEW);
    },
  );

  test('nobody answers', async () => {
    const bench = new UpdateBench({ line: 'serial' });
    bench.carries = () => false;
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-unreachable' } });
    expect(bench.clock.now).toBeLessThan(120_000);
  });
});

describe("MCUboot's serial recovery", () => {
  test('is entered where the application has the only slot', async () => {
    const bench = new UpdateBench({ line: 'serial', mode: 'single', recovery: 'mode' });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.notes.map(({ code }) => code)).toContain('recovery');
    expect(bench.running).toEqual([`${NEW} in 0`]);
    expect(bench.phases).toContain('entering-loader');
  });

  test('that cannot be entered is told of', async () => {
    const bench = new UpdateBench({ line: 'serial', mode: 'single' });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-single-slot' } });
    expect(report.error?.message).toContain('came back 2 times');
  });

  test.each(['single', 'move'] as const)('brings a device back that has nothing to start: %s', async (mode) => {
    const bench = new UpdateBench({
      line: 'serial',
      mode,
      recovery: 'stuck',
      old: [testImage(OLD, { key: OTHER_KEY })],
    });
    expect(bench.inRecovery).toBe(true);
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });

  test('that stays after the reset tells that the image was not accepted; another one is sent over it', async () => {
    const bench = new UpdateBench({ line: 'serial', mode: 'single', recovery: 'mode' });
    const report = await bench.update(await imagesOf(testImage(NEW, { key: OTHER_KEY })));
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-still-in-recovery' } });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
  });

  test('starts an application that knows no SMP: what is known then is said', async () => {
    const bench = new UpdateBench({ line: 'serial', mode: 'single', recovery: 'mode' });
    bench.device.listen({
      started: () => {
        if (bench.running[0]?.startsWith(NEW)) bench.carries = () => false;
      },
      stopped: () => {},
    });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'unverified', succeeded: true });
    expect(report.notes.at(-1)).toMatchObject({ code: 'not-seen', severity: 'warning' });
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });
});

describe('a plan', () => {
  test('says what there is and what will be done, and changes nothing', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    const before = bench.device.flash.octets.slice();
    const plan = await bench.finish(job.inspect());
    expect(plan).toMatchObject({ mode: 'test-and-confirm', error: null, resumes: false });
    expect(plan.device).toMatchObject({ bootloader: 'MCUboot', modeNumber: 3, speaker: 'application', bufferCount: 4 });
    expect(plan.steps.map(({ phase }) => phase)).toEqual(['uploading', 'testing', 'resetting', 'confirming']);
    expect(plan.steps[0]!.text).toBe(`upload image 0 1.2.3+4, ${images[0]!.bytes.length} octets`);
    expect(plan.seconds).toBeGreaterThan(1);
    expect(bench.device.flash.octets).toEqual(before);
    expect(bench.store.keys('')).toEqual([]);
    const report = await bench.finish(job.run());
    // The link that inspect made is used.
    expect(report).toMatchObject({ outcome: 'updated', stats: { links: 2 } });
  });

  test.each([
    ['move', 'confirm-only', ['uploading', 'confirming', 'resetting']],
    ['move', 'test-only', ['uploading', 'testing', 'resetting']],
    ['move', 'upload-only', ['uploading', 'resetting']],
    ['overwrite', 'test-and-confirm', ['uploading', 'confirming', 'resetting']],
    ['xip', 'test-and-confirm', ['uploading', 'resetting']],
    ['xip-revert', 'test-and-confirm', ['uploading', 'testing', 'resetting', 'confirming']],
    ['ram', 'confirm-only', ['uploading', 'resetting']],
  ] as const)('of %s, %s', async (boot, mode, phases) => {
    const bench = new UpdateBench({ mode: boot });
    const job = bench.job(images, { mode });
    const plan = await bench.finish(job.inspect());
    expect(plan.steps.map(({ phase }) => phase)).toEqual(phases);
    expect(plan.error).toBe(null);
    job.close();
  });

  test('tells why it cannot be done', async () => {
    const bench = new UpdateBench();
    const newer = await imagesOf(testImage('0.9.9+7'));
    const plan = await bench.finish(bench.job(newer, { upgradeOnly: true }).inspect());
    expect(plan.error).toMatchObject({ code: 'smp-downgrade' });
    expect(plan.steps).toEqual([]);
  });
});

describe('a slot that is in use', () => {
  test('by what ran before, while another image is on trial: that one is kept', async () => {
    const bench = new UpdateBench();
    await bench.update(images, { mode: 'test-only' });
    const next = await imagesOf(testImage('2.0.0+0'));
    const report = await bench.update(next);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.notes.map(({ code }) => code)).toContain('kept-running');
    expect(bench.running).toEqual(['2.0.0+0 in 0']);
  });

  test('by an image that waits for its boot: it is given that', async () => {
    const bench = new UpdateBench();
    await bench.update(images, { mode: 'upload-only' });
    bench.device.setNextBoot(0, 1, false);
    const next = await imagesOf(testImage('2.0.0+0'));
    const report = await bench.update(next);
    expect(report).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 2 } });
    expect(bench.running).toEqual(['2.0.0+0 in 0']);
  });
});

describe('a stop', () => {
  test('gives the update up before the reset, and takes a mark back where the device lets it', async () => {
    for (const allowErasePending of [true, false]) {
      const bench = new UpdateBench({ server: { imageOptions: { allowErasePending } } });
      const job = bench.job(images);
      const running = job.run();
      bench.carries = () => {
        if (bench.phases.at(-1) === 'testing') job.cancel();
        return true;
      };
      const report = await bench.finish(running);
      expect(report).toMatchObject({ outcome: 'cancelled', succeeded: false, resumable: false });
      expect(bench.store.keys('update')).toEqual([]);
      bench.device.reset();
      bench.clock.advance(60_000);
      expect(bench.running).toEqual([allowErasePending ? `${OLD} in 0` : `${NEW} in 0`]);
      expect(report.notes.some(({ code }) => code === 'still-marked')).toBe(!allowErasePending);
    }
  });

  test('comes too late once the device was told to reset', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    const running = job.run();
    let error: unknown;
    bench.carries = () => {
      if (bench.phases.at(-1) === 'resetting' && error === undefined) {
        try {
          job.cancel();
        } catch (thrown) {
          error = thrown;
        }
      }
      return true;
    };
    expect(await bench.finish(running)).toMatchObject({ outcome: 'updated' });
    expect(error).toMatchObject({ code: 'smp-too-late' });
  });

  test('of an upload keeps what the device has: the next update goes on with it', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    const running = job.run();
    bench.carries = () => {
      if (bench.progress.at(-1)!.percent > 50) job.cancel();
      return true;
    };
    expect(await bench.finish(running)).toMatchObject({ outcome: 'cancelled' });
    bench.carries = () => true;
    const report = await bench.update(images);
    expect(report.outcome).toBe('updated');
    expect(report.stats.bytesSent).toBeLessThan(0.55 * images[0]!.bytes.length);
  });

  test('for a while holds the upload, which then goes on', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    job.pause(); // Nothing runs yet.
    const running = job.run();
    let held = 0;
    bench.carries = () => {
      if (held > 0 || bench.progress.at(-1)!.percent < 40) return true;
      held = bench.clock.now;
      job.pause();
      bench.clock.after(60_000, () => job.resume());
      return true;
    };
    expect(await bench.finish(running)).toMatchObject({ outcome: 'updated', stats: { links: 2 } });
    expect(bench.clock.now).toBeGreaterThan(held + 60_000);
  });

  test('of another run is no second one', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    const running = job.run();
    await expect(job.run()).rejects.toMatchObject({ code: 'smp-update-running' });
    expect(await bench.finish(running)).toMatchObject({ outcome: 'updated' });
    job.cancel();
  });
});
