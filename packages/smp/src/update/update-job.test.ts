import { describe, expect, test } from 'vitest';
import type { BootMode } from '../bootloader/boot-mode.ts';
import { OTHER_KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { type BenchOptions, imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';
import type { SmpUpdateMode } from './update-types.ts';

const images = await imagesOf(testImage(NEW));

/** Swapping modes: only there a test can be taken back. */
const SWAPS: readonly BootMode[] = ['move', 'scratch', 'offset'];

describe('an update', () => {
  test('goes through its phases, and tells how far it is', async () => {
    const bench = new UpdateBench({ flash: { eraseMs: 85, writeMs: 0.02 } });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', succeeded: true, error: null, resumable: false });
    expect(report.images).toMatchObject([{ image: 0, versionBefore: '1.0.0', state: 'kept' }]);
    expect(report.stats).toMatchObject({ links: 2, resets: 1 });
    expect(bench.running).toEqual([`${NEW} in 0`]);
    expect(bench.isConfirmed()).toBe(true);
    expect(bench.store.keys('')).toEqual([]);
    expect(bench.phases).toEqual([
      'connecting',
      'examining',
      'uploading',
      'testing',
      'resetting',
      'waiting',
      'reconnecting',
      'checking',
      'confirming',
      'done',
    ]);
    const { progress } = bench;
    expect(progress.at(-1)).toMatchObject({ percent: 100, secondsLeft: 0, trouble: null });
    const percents = progress.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    const left = progress.filter(({ phase }) => phase === 'waiting').map(({ secondsLeft }) => secondsLeft!);
    expect(left).toEqual([...left].sort((a, b) => b - a));
  });

  test.each(SWAPS.flatMap((mode) => [false, true].map((hidesMode) => ({ mode, hidesMode }))))(
    'is tested, then confirmed: %o',
    async (options) => {
      const bench = new UpdateBench(options);
      expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
      expect(bench.running).toEqual([`${NEW} in 0`]);
      expect(bench.isConfirmed()).toBe(true);
      bench.device.reset();
      bench.clock.advance(60_000);
      expect(bench.running).toEqual([`${NEW} in 0`]);
    },
  );

  test.each(SWAPS)('only tested, it runs until the next reset: %s', async (mode) => {
    const bench = new UpdateBench({ mode });
    const report = await bench.update(images, { mode: 'test-only' });
    expect(report).toMatchObject({ outcome: 'unconfirmed', succeeded: true, images: [{ state: 'running' }] });
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual([`${OLD} in 0`]);
  });

  test.each([...SWAPS, 'overwrite'] as const)('confirmed before the reset, it stays: %s', async (mode) => {
    const bench = new UpdateBench({ mode });
    expect(await bench.update(images, { mode: 'confirm-only' })).toMatchObject({ outcome: 'updated' });
    expect(bench.phases).toContain('confirming');
    expect(bench.phases.indexOf('confirming')).toBeLessThan(bench.phases.indexOf('resetting'));
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });

  test.each([...SWAPS, 'overwrite'] as const)('only uploaded, it is told that nothing starts it: %s', async (mode) => {
    const bench = new UpdateBench({ mode });
    const report = await bench.update(images, { mode: 'upload-only' });
    expect(report.outcome).toBe('failed');
    expect(report.notes.map(({ code }) => code)).toContain('upload-only');
    expect(report.error?.code).toBe('smp-not-selected');
    expect(bench.running).toEqual([`${OLD} in 0`]);
  });

  test('an overwriting bootloader gets a confirmed image, whatever is asked: a test would be for good', async () => {
    const bench = new UpdateBench({ mode: 'overwrite' });
    const report = await bench.update(images, { mode: 'test-only' });
    expect(report).toMatchObject({ outcome: 'updated', images: [{ state: 'kept' }] });
    expect(report.notes.map(({ code }) => code)).toContain('mode-changed');
    expect(bench.phases).not.toContain('testing');
  });

  test.each(['xip', 'ram'] as const)('a bootloader that starts the newest only needs the upload: %s', async (mode) => {
    for (const hidesMode of [false, true]) {
      const bench = new UpdateBench({ mode, hidesMode });
      const report = await bench.update(images);
      expect(report, `${hidesMode}`).toMatchObject({ outcome: 'updated', error: null });
      expect(bench.running).toEqual([`${NEW} in 1`]);
    }
  });

  test('direct-XIP with revert is tested and confirmed in the slot it runs from', async () => {
    const bench = new UpdateBench({ mode: 'xip-revert' });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
    expect(bench.running).toEqual([`${NEW} in 1`]);
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual([`${NEW} in 1`]);
  });

  test('several images change together, by one reset', async () => {
    const net = testImage('2.0.0+0');
    const bench = new UpdateBench({ old: [testImage(OLD), testImage('0.9.9+7')] });
    const both = [...images, ...(await imagesOf(net, { image: 1, slot: 1 }))];
    const report = await bench.update(both, { mode: 'confirm-only' });
    expect(report).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
    expect(bench.running).toEqual([`${NEW} in 0`, '2.0.0+0 in 0']);
  });

  test('what runs already is left alone', async () => {
    const bench = new UpdateBench({ old: [testImage(NEW)] });
    expect(await bench.update(images)).toMatchObject({ outcome: 'current', succeeded: true, stats: { resets: 0 } });
    expect(bench.phases).toEqual(['connecting', 'examining', 'done']);
  });

  test('what is in the slot already is not sent again', async () => {
    const bench = new UpdateBench();
    await bench.update(images, { mode: 'upload-only' });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', stats: { bytesSent: 0 } });
  });

  test('what runs on trial already is confirmed', async () => {
    const bench = new UpdateBench();
    await bench.update(images, { mode: 'test-only' });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', stats: { resets: 0, bytesSent: 0 } });
    expect(bench.isConfirmed()).toBe(true);
  });
});

describe('an update ends with the cause', () => {
  const code = async (options: BenchOptions, octets = testImage(NEW), mode: SmpUpdateMode = 'test-and-confirm') => {
    const bench = new UpdateBench(options);
    const report = await bench.update(await imagesOf(octets), { mode });
    expect(report.succeeded).toBe(false);
    expect(report.error?.hint).toBeTruthy();
    return { code: report.error?.code, message: report.error?.message, bench };
  };

  test.each(['move', 'scratch', 'offset', 'overwrite'] as const)('signed with another key: %s', async (mode) => {
    const found = await code({ mode }, testImage(NEW, { key: OTHER_KEY }));
    expect(found).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(found.message).toContain('not the one of this bootloader');
    expect(found.bench.running).toEqual([`${OLD} in 0`]);
  });

  test('not signed', async () => {
    const { bench: _, ...found } = await code({}, testImage(NEW, { key: undefined as never }));
    expect(found).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(found.message).toContain('not signed');
  });

  test('older, where the bootloader allows no downgrade', async () => {
    const said = await code(
      { allowDowngrade: false, mode: 'overwrite', server: { bootloader: { mode: 2, noDowngrade: true } } },
      testImage('0.9.9+7'),
    );
    expect(said.code).toBe('smp-downgrade');
    const unsaid = await code({ allowDowngrade: false, mode: 'overwrite' }, testImage('0.9.9+7'));
    expect(unsaid.code).toBe('smp-bootloader-refused');
    expect(unsaid.message).toContain('older than what runs');
  });

  test('reverted, because it was reset before it was confirmed', async () => {
    const bench = new UpdateBench();
    let isReset = false;
    bench.carries = () => {
      if (isReset || bench.running[0] !== `${NEW} in 0`) return true;
      isReset = true;
      bench.device.reset();
      return false;
    };
    const report = await bench.update(images);
    expect(report.error?.code).toBe('smp-reverted');
    expect(bench.running).toEqual([`${OLD} in 0`]);
    bench.carries = () => true;
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', stats: { bytesSent: 0 } });
  });

  test('larger than the slot, said before anything is sent and by the device', async () => {
    const large = testImage(NEW, { payload: new Uint8Array(0x8000) });
    expect((await code({}, large)).code).toBe('smp-image-too-large');
  });

  test('nobody is there', async () => {
    const bench = new UpdateBench();
    bench.reachable = false;
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-unreachable' } });
    expect(bench.clock.now).toBeLessThan(70_000);
  });

  test('nobody comes back after the reset; the next run finds out what became of it', async () => {
    const bench = new UpdateBench();
    bench.device.listen({
      started: () => {},
      stopped: () => {
        bench.reachable = false;
      },
    });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', resumable: true, error: { code: 'smp-no-answer' } });
    bench.reachable = true;
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', stats: { resets: 0, bytesSent: 0 } });
  });

  test('the application objects to the reset, unless it is forced', async () => {
    const server = { refuseReset: () => ({ group: 0, code: 1 }) };
    expect((await code({ server })).code).toBe('smp-reset-refused');
    const bench = new UpdateBench({ server });
    expect(await bench.update(images, { forceReset: true })).toMatchObject({ outcome: 'updated' });
  });

  test('resets are accepted and never happen', async () => {
    const found = await code({ server: { reset: () => {} } });
    expect(found.code).toBe('smp-not-reset');
  });

  test('flash that cannot be written names what the device said', async () => {
    const bench = new UpdateBench({ server: { faults: { flashErrorAt: 3000 } } });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-refused' } });
    expect(report.error?.message).toContain('flash');
  });

  test('what is in the flash is not the file', async () => {
    const bench = new UpdateBench({ server: { imageOptions: { check: true } } });
    const [image] = images;
    const report = await bench.update([{ ...image!, sha256: new Uint8Array(32) }]);
    expect(report.error?.code).toBe('smp-upload-corrupt');
  });

  test('another image number', async () => {
    const bench = new UpdateBench();
    const report = await bench.update(await imagesOf(testImage(NEW), { image: 1, slot: 1 }));
    expect(report.error?.code).toBe('smp-no-such-image');
  });

  test('an unfinished update of another file', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images);
    const running = job.run();
    bench.carries = () => {
      if (bench.progress.at(-1)!.percent > 30) job.suspend();
      return true;
    };
    expect(await bench.finish(running)).toMatchObject({ outcome: 'suspended', resumable: true });
    bench.carries = () => true;
    const other = await imagesOf(testImage('3.0.0+0'));
    await expect(bench.update(other)).rejects.toMatchObject({ code: 'smp-update-unfinished' });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated' });
  });
});

describe('a device with one slot', () => {
  const loaderApp = testImage(OLD);
  const withLoader = (options: BenchOptions = {}) => {
    const bench = new UpdateBench({ mode: 'loader', old: [loaderApp], ...options });
    bench.device.powerOff();
    bench.device.program(0, 1, testImage('0.0.1+0'));
    bench.device.powerOn();
    bench.clock.advance(1000);
    return bench;
  };

  test('is updated by its firmware loader, found by a name that it is given', async () => {
    const bench = withLoader();
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(bench.running).toEqual([`${NEW} in 0`]);
    expect(bench.names).toContainEqual(expect.stringMatching(/^FL_[A-Z0-9]{5}$/));
    expect(bench.phases).toEqual([
      'connecting',
      'examining',
      'entering-loader',
      'waiting',
      'reconnecting',
      'examining',
      'uploading',
      'resetting',
      'waiting',
      'reconnecting',
      'checking',
      'done',
    ]);
  });

  test('whose bootloader refuses the image stays in its loader, and that is said', async () => {
    const bench = withLoader();
    const report = await bench.update(await imagesOf(testImage(NEW, { key: OTHER_KEY })));
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-bootloader-refused' } });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated' });
    expect(bench.running).toEqual([`${NEW} in 0`]);
  });

  test('is refused over the air without a loader', async () => {
    const bench = new UpdateBench({ mode: 'single' });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-single-slot' } });
    expect(bench.running).toEqual([`${OLD} in 0`]);
  });
});
