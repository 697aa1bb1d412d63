import { existsSync, readFileSync } from 'node:fs';
import { SeededRandom } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { readFirmwarePackage } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { OTHER_KEY, testImage } from '../bootloader/testing/boot-bench.ts';
import { checkUpdate } from './checks.ts';
import { imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';
import { entry, version, view, wanted } from './testing/views.ts';
import { smpUpdateImages } from './update-images.ts';
import type { SmpUpdateImage } from './update-types.ts';

const images = await imagesOf(testImage(NEW));

describe('an image that is not newer than what runs', () => {
  const again = testImage(OLD, { payload: new SeededRandom('another build').bytes(4000) });

  test.each(['xip', 'xip-revert', 'ram'] as const)('is not sent where the newest is started: %s', async (mode) => {
    for (const octets of [again, testImage('0.9.9+7')]) {
      const report = await new UpdateBench({ mode }).update(await imagesOf(octets));
      expect(report).toMatchObject({ error: { code: 'smp-not-newest' }, stats: { bytesSent: 0, resets: 0 } });
    }
  });

  const codeOf = (running: ReturnType<typeof entry>, sent: string) =>
    checkUpdate(view(5, [running]), [wanted({ version: version(sent) })], {
      mode: 'test-and-confirm',
      isAutomatic: true,
      upgradeOnly: false,
      ignoreDependencies: false,
    }).error?.code;

  test('is sent where it may be started: slot 0 is preferred, and build numbers may count', () => {
    expect(codeOf(entry(0, 'o', 'ac'), '1.0.0')).toBe('smp-not-newest');
    expect(codeOf(entry(0, 'o', 'ac'), '1.0.0+1')).toBe(undefined);
    expect(codeOf(entry(1, 'o', 'ac'), '1.0.0')).toBe(undefined);
    expect(codeOf(entry(1, 'o', 'ac'), '0.9.0')).toBe('smp-not-newest');
  });

  test('is what runs on trial itself: it is confirmed', async () => {
    const bench = new UpdateBench({ mode: 'xip-revert' });
    await bench.update(images, { mode: 'test-only' });
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', error: null });
  });
});

describe('the size', () => {
  const device = (size: number, maxImageSize: number | null) =>
    view(3, [entry(0, 'o', 'ac')], { sizes: new Map([['0/1', { size, maxImageSize }]]) });
  const codes = (seen: ReturnType<typeof view>, image: Partial<SmpUpdateImage>) => {
    const wishes = {
      mode: 'test-and-confirm',
      isAutomatic: true,
      upgradeOnly: false,
      ignoreDependencies: false,
    } as const;
    const { error, notes } = checkUpdate(seen, [wanted(image)], wishes);
    return [...(error === null ? [] : [error.code]), ...notes.map(({ code }) => code)];
  };

  test('of the image counts for the largest image, that of a padded file for the slot', () => {
    const padded = { bytes: new Uint8Array(0x8000), end: 0x7000 };
    for (const mark of [null, 'test', 'confirmed'] as const) {
      expect(codes(device(0x8000, 0x7000), { ...padded, mark })).not.toContain('smp-image-too-large');
      expect(codes(device(0x7fff, 0x7000), { ...padded, mark })).toContain('smp-image-too-large');
      expect(codes(device(0x8000, 0x6fff), { ...padded, mark })).toContain('smp-image-too-large');
      expect(codes(device(0x8000, null), { ...padded, mark })).not.toContain('tight');
    }
  });

  test('of a file that is padded up to its slot', async () => {
    const file = new Uint8Array(0x8000).fill(0xff);
    file.set(testImage(NEW));
    const bench = new UpdateBench({ server: { imageOptions: { checkMaxSize: true } } });
    const plan = await bench.finish(bench.job(await imagesOf(file)).inspect());
    expect(plan.device.slots[0]?.maxImageSize).toBeLessThan(0x8000);
    expect(plan.error).toBe(null);
  });
});

describe('what is told at the end', () => {
  const percentsOf = ({ progress }: UpdateBench) => progress.map(({ percent }) => percent);

  test('of a refused image: all of it was sent', async () => {
    const bench = new UpdateBench();
    const report = await bench.update(await imagesOf(testImage(NEW, { key: OTHER_KEY })));
    expect(report.error?.code).toBe('smp-bootloader-refused');
    const percents = percentsOf(bench);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
  });

  test('of a device with a loader: it is there, though nobody lists it', async () => {
    const bench = new UpdateBench({ mode: 'loader' });
    bench.device.powerOff();
    bench.device.program(0, 1, testImage('0.0.1+0'));
    bench.device.powerOn();
    bench.clock.advance(1000);
    expect(await bench.update(images)).toMatchObject({ outcome: 'updated', images: [{ state: 'unlisted' }] });
    const percents = percentsOf(bench);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(percents.at(-1)).toBe(100);
  });
});

const FOLDER = new URL('../../../../../shared/firmware/', import.meta.url);
const isThere = existsSync(FOLDER);
if (!isThere) console.warn('skipped: ../shared/firmware is not there');

describe('words and remedies', () => {
  test.each([
    [32, 'SHA512', 64],
    [64, 'SHA256', 32],
  ] as const)('for a hash of a length that the device does not take: %i', async (hashOctets, hashAlgorithm, octets) => {
    const bench = new UpdateBench({ server: { imageOptions: { hashOctets } } });
    const sent = await imagesOf(testImage(NEW, { hashAlgorithm, key: undefined as never }));
    const { error } = await bench.update(sent);
    expect(error).toMatchObject({ code: 'smp-select-refused' });
    expect(error?.message).toContain(`a hash of ${octets} octets`);
    expect(error?.hint).toContain(hashOctets === 32 ? 'SHA-256' : 'SHA-512');
    expect(error?.hint).not.toContain('TLV');
  });

  const directXip = async () => {
    const octets = readFileSync(new URL('synthetic/direct-xip.zip', FOLDER));
    const read = await readFirmwarePackage(octets, { crypto: portableCrypto });
    if (!read.ok) throw read.error;
    return smpUpdateImages(read.value);
  };

  test.skipIf(!isThere)('for an image linked for another slot, where the bootloader leaves it waiting', async () => {
    const bench = new UpdateBench({ mode: 'xip-revert', old: [testImage('0.0.1+0')], trust: 'any' });
    const { error } = await bench.update(await directXip());
    expect(error).toMatchObject({ code: 'smp-bootloader-refused' });
    expect(error?.message).toContain('linked for address 0x');
  });

  test.skipIf(!isThere)('for builds for two slots, where the bootloader moves images', async () => {
    const { error } = await new UpdateBench({ trust: 'any' }).update(await directXip());
    expect(error).toMatchObject({ code: 'smp-slot-unknown' });
    expect(error?.message).toContain('swap without scratch');
    expect(error?.message).not.toContain('does not tell');
    expect(error?.hint).toContain('slot 0');
  });

  test.skipIf(!isThere)('for builds for two slots, where the bootloader is not known', async () => {
    const bench = new UpdateBench({ trust: 'any', hidesMode: true, old: [testImage('0.0.1+0')] });
    const plan = await bench.finish(bench.job(await directXip()).inspect());
    const note = plan.notes.find(({ code }) => code === 'slot-guessed');
    expect(note).toMatchObject({ severity: 'warning', message: expect.stringContaining('slot 1') });
  });
});
