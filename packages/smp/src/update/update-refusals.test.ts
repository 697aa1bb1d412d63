import { describe, expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { SmpGroup } from '../groups.ts';
import { EraseStorage } from '../messages/basic.ts';
import { type ImageEntry, ImageStateWrite, ImageUpload } from '../messages/image.ts';
import { SettingsWrite } from '../messages/settings.ts';
import { answer, groupError, type Handler, handle, layerError } from '../server/reply.ts';
import { type BenchOptions, imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';

const images = await imagesOf(testImage(NEW));

/** A device whose application answers some commands in its own way. */
function benchWith(handlers: readonly Handler[], options: BenchOptions = {}): UpdateBench {
  return new UpdateBench({ ...options, server: { ...options.server, handlers } });
}

const NEW_ENTRY: ImageEntry = {
  slot: 1,
  version: '1.2.3.4',
  hash: images[0]!.hash,
  bootable: true,
  pending: true,
  confirmed: false,
  active: false,
  permanent: false,
};

describe('a device that does not mark an image', () => {
  test('because its firmware cannot, though its bootloader waits for that', async () => {
    const bench = benchWith([handle(ImageStateWrite, () => layerError(8))]);
    const report = await bench.update(images);
    expect(report.error).toMatchObject({ code: 'smp-select-refused' });
    expect(report.error?.message).toContain('not supported');
  });

  test('because its bootloader, whoever it is, does not wait for that: it is reset, and looked at', async () => {
    const bench = benchWith([handle(ImageStateWrite, () => layerError(8))], { hidesMode: true });
    const report = await bench.update(images);
    expect(report.notes.map(({ code }) => code)).toContain('no-marks');
    // This one did wait.
    expect(report.error).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(bench.running).toEqual([`${OLD} in 0`]);
    const older = await bench.update(await imagesOf(testImage('0.9.9+7')));
    expect(older.error).toMatchObject({ code: 'smp-not-newest' });
  });

  test('because another one is pending, it says again and again', async () => {
    let asked = 0;
    const refuse = handle(ImageStateWrite, () => {
      asked++;
      return groupError(SmpGroup.image, 28);
    });
    const report = await benchWith([refuse]).update(images);
    expect(report.error).toMatchObject({ code: 'smp-select-refused' });
    expect(asked).toBe(3);
  });

  test('and says that it did', async () => {
    const bench = benchWith([
      handle(ImageStateWrite, () => answer({ images: [{ ...NEW_ENTRY, pending: false }], splitStatus: 0 })),
    ]);
    expect((await bench.update(images)).error).toMatchObject({ code: 'smp-not-pending' });
  });

  test('for good once it runs: that is said, and it is asked once', async () => {
    let confirms = 0;
    const bench: UpdateBench = benchWith([
      handle(ImageStateWrite, ({ confirm }) => {
        if (confirm === true) {
          confirms++;
          return groupError(SmpGroup.image, 32);
        }
        bench.device.setNextBoot(0, 1, false);
        return answer({ images: [NEW_ENTRY] });
      }),
    ]);
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-confirm-refused' } });
    expect(confirms).toBe(1);
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual([`${OLD} in 0`]);
  });

  test('of another core is refused by its own server: both go back together', async () => {
    const bench = new UpdateBench({ old: [testImage(OLD), testImage('0.9.9+7')] });
    const both = [...images, ...(await imagesOf(testImage('2.0.0+0'), { image: 1, slot: 1 }))];
    const report = await bench.update(both, { mode: 'test-and-confirm' });
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'smp-confirm-refused' } });
    expect(report.notes.map(({ code }) => code)).toContain('several-images');
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual([`${OLD} in 0`, '0.9.9+7 in 0']);
  });
});

describe('settings', () => {
  test('are erased after the upload, once', async () => {
    const bench = new UpdateBench();
    bench.settings.set('app/val', Uint8Array.of(1));
    const job = bench.job(images, { eraseSettings: true });
    const plan = await bench.finish(job.inspect());
    expect(plan.steps.map(({ phase }) => phase)).toEqual([
      'uploading',
      'erasing-settings',
      'testing',
      'resetting',
      'confirming',
    ]);
    expect(await bench.finish(job.run())).toMatchObject({ outcome: 'updated' });
    expect(bench.phases.filter((phase) => phase === 'erasing-settings')).toHaveLength(1);
  });

  test.each([layerError(8), groupError(SmpGroup.basic, 2)])(
    'that cannot be erased hinder nothing: %o',
    async (refusal) => {
      const bench = benchWith([handle(EraseStorage, () => refusal)]);
      const report = await bench.update(images, { eraseSettings: true });
      expect(report).toMatchObject({ outcome: 'updated', error: null });
      expect(report.notes.map(({ code }) => code)).toContain('settings');
    },
  );

  test('that a loader cannot be named by: it is looked for as the device was', async () => {
    const bench = benchWith([handle(SettingsWrite, () => layerError(8))], { mode: 'loader' });
    bench.device.powerOff();
    bench.device.program(0, 1, testImage('0.0.1+0'));
    bench.device.powerOn();
    bench.clock.advance(1000);
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.notes.map(({ code }) => code)).toContain('loader-name');
    expect(bench.names.every((name) => name === undefined)).toBe(true);
  });
});

describe('an upload that is refused', () => {
  const refusals = [
    [9, 'smp-slot-blocked'],
    [25, 'smp-wrong-slot'],
    [27, 'smp-downgrade'],
    [30, 'smp-image-too-large'],
    [12, 'smp-refused'],
  ] as const;

  test.each(refusals)('with code %i is %s', async (code, expected) => {
    const bench = benchWith([handle(ImageUpload, () => groupError(SmpGroup.image, code))]);
    const report = await bench.update(images);
    expect(report.error).toMatchObject({ code: expected });
    expect(report.error?.hint).toBeTruthy();
    expect(report.resumable).toBe(false);
  });

  test('in version 1, where several causes have one code', async () => {
    const bench = benchWith([handle(ImageUpload, () => groupError(SmpGroup.image, 9))], { server: { protocol: 'v1' } });
    expect((await bench.update(images)).error).toMatchObject({ code: 'smp-slot-blocked' });
    expect((await bench.update(images, { upgradeOnly: true })).error).toMatchObject({ code: 'smp-refused' });
  });

  test('by an image that is on trial and cannot be kept: a reset brings the other one back, and frees the slot', async () => {
    const bench: UpdateBench = benchWith([
      handle(ImageStateWrite, ({ hash, confirm }) => {
        // Only the new one may be marked.
        if (hash === undefined || hash[0] !== images[0]!.hash[0]) return groupError(SmpGroup.image, 32);
        const isRunning = bench.running[0]?.startsWith(NEW) === true;
        bench.device.setNextBoot(0, isRunning ? 0 : 1, confirm === true);
        return answer({ images: [{ ...NEW_ENTRY, active: isRunning, slot: isRunning ? 0 : 1, confirmed: isRunning }] });
      }),
    ]);
    // Another image runs on trial.
    const trial = testImage('2.0.0+0');
    const slot = bench.device.slot(0, 1)!;
    slot.erase(0, slot.size);
    slot.write(0, trial);
    bench.device.setNextBoot(0, 1, false);
    bench.device.reset();
    bench.clock.advance(60_000);
    expect(bench.running).toEqual(['2.0.0+0 in 0']);
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 2 } });
    expect(bench.isConfirmed()).toBe(true);
  });
});
