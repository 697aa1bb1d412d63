import { existsSync, readFileSync } from 'node:fs';
import { portableCrypto } from '@meshferry/crypto';
import { type FirmwarePackage, readFirmwarePackage, SAMPLE_KEYS } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { UpdateBench } from './testing/update-bench.ts';
import { smpUpdateImages } from './update-images.ts';

const FOLDER = new URL('../../../../../shared/firmware/', import.meta.url);
const isThere = existsSync(FOLDER);
if (!isThere) console.warn('skipped: ../shared/firmware is not there');

async function packageOf(file: string): Promise<FirmwarePackage> {
  const read = await readFirmwarePackage(readFileSync(new URL(file, FOLDER)), { crypto: portableCrypto });
  if (!read.ok) throw read.error;
  return read.value;
}

describe.skipIf(!isThere)('a package', () => {
  test('of two images goes to both cores, lowest image first', async () => {
    const images = smpUpdateImages(await packageOf('synthetic/multi-image-format1.zip'));
    expect(images.map(({ image, slot }) => [image, slot])).toEqual([
      [0, undefined],
      [1, undefined],
    ]);
    const bench = new UpdateBench({ old: [testImage('0.0.1+0'), testImage('0.0.2+0')], trust: 'any' });
    const report = await bench.update(images, { mode: 'confirm-only', ignoreDependencies: true });
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.images.map(({ state }) => state)).toEqual(['kept', 'kept']);
  });

  test('of two images is refused by a device with one core', async () => {
    const bench = new UpdateBench();
    const report = await bench.update(smpUpdateImages(await packageOf('synthetic/multi-image-format1.zip')), {
      ignoreDependencies: true,
    });
    expect(report.error).toMatchObject({ code: 'smp-no-such-image' });
  });

  test('with a build for each slot: the one for the slot that is free is sent', async () => {
    const images = smpUpdateImages(await packageOf('synthetic/direct-xip.zip'));
    expect(images.map(({ image, slot }) => [image, slot])).toEqual([
      [0, 0],
      [0, 1],
    ]);
    const slotSize = images[1]!.address! - images[0]!.address!;
    for (const mode of ['xip', 'xip-revert'] as const) {
      const bench = new UpdateBench({ mode, old: [testImage('0.0.1+0')], trust: 'any', slotSize });
      expect(await bench.update(images), mode).toMatchObject({ outcome: 'updated', error: null });
      expect(bench.device.running).toMatchObject([{ slot: 1 }]);
      expect(await bench.update(images), mode).toMatchObject({ outcome: 'current' });
    }
  });

  test('with builds for each slot of two images, numbered over all of them', async () => {
    const images = smpUpdateImages(await packageOf('synthetic/direct-xip-global-slots.zip'));
    const bench = new UpdateBench({ mode: 'xip', old: [testImage('0.0.1+0'), testImage('0.0.1+0')], trust: 'any' });
    const plan = await bench.finish(bench.job(images).inspect());
    expect(plan.error).toBe(null);
    expect(plan.images.map(({ file }) => file)).toEqual([images[1]!.file, images[3]!.file]);
  });

  test('linked for another address than the slot has is not started, and that is said', async () => {
    const images = smpUpdateImages(await packageOf('synthetic/direct-xip.zip'));
    const bench = new UpdateBench({ mode: 'xip', old: [testImage('0.0.1+0')], trust: 'any' });
    const report = await bench.update(images);
    expect(report.error).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(report.error?.message).toContain('linked for address 0x');
  });

  test('of which only the build for the running slot is there is refused', async () => {
    const both = smpUpdateImages(await packageOf('synthetic/direct-xip.zip'));
    const bench = new UpdateBench({ mode: 'xip', old: [testImage('0.0.1+0')], trust: 'any' });
    const report = await bench.update(both.filter(({ slot }) => slot === 0));
    expect(report.error).toMatchObject({ code: 'smp-wrong-slot' });
  });

  test('with builds for two slots is refused where the bootloader swaps, unless it is a new MCUboot', async () => {
    const images = smpUpdateImages(await packageOf('synthetic/bootloader-s0-s1.zip'));
    const unknown = new UpdateBench({ trust: 'any' });
    expect((await unknown.update(images)).error).toMatchObject({ code: 'smp-slot-unknown' });
    const bench = new UpdateBench({ trust: 'any', server: { bootloader: { mode: 3, activeB0Slot: 0 } } });
    const plan = await bench.finish(bench.job(images, { ignoreDependencies: true }).inspect());
    expect(plan.images).toMatchObject([{ file: images[1]!.file }]);
  });

  test('signed with a sample key is sent with a warning, and runs where that key is trusted', async () => {
    const images = smpUpdateImages(await packageOf('nordic-mesh/dfu_blinky_3.0.0.zip'));
    const bench = new UpdateBench({ trust: [KEY.publicKey, ...SAMPLE_KEYS], slotSize: 0x10000 });
    const report = await bench.update(images);
    expect(report).toMatchObject({ outcome: 'updated', error: null });
    expect(report.notes.map(({ code }) => code)).toContain('sample-key');
    const strict = new UpdateBench({ slotSize: 0x10000 });
    const refused = await strict.update(images);
    expect(refused.error).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(refused.error?.message).toContain('sample key');
  });

  test('without MCUboot header cannot be sent', async () => {
    const read = await readFirmwarePackage(readFileSync(new URL('zephyr/hello_world.bin', FOLDER)), {
      crypto: portableCrypto,
      acceptUnsigned: true,
    });
    if (!read.ok) throw read.error;
    expect(() => smpUpdateImages(read.value)).toThrow(expect.objectContaining({ code: 'smp-no-image' }));
  });
});
