import { SAMPLE_KEYS } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { bootloaderKind, usableMode } from './bootloader-kind.ts';
import { checkUpdate } from './checks.ts';
import { chooseBuilds } from './choose-builds.ts';
import { entry, hash, version, view, wanted } from './testing/views.ts';
import type { SmpUpdateImage, SmpUpdateMode } from './update-types.ts';

const WISHES = {
  mode: 'test-and-confirm' as SmpUpdateMode,
  isAutomatic: false,
  upgradeOnly: false,
  ignoreDependencies: false,
};
const device = view(3, [entry(0, 'o', 'ac')]);

function found(image: Partial<SmpUpdateImage>, seen = device, wishes: Partial<typeof WISHES> = {}): string[] {
  const { error, notes } = checkUpdate(seen, [wanted(image)], { ...WISHES, ...wishes });
  return [...(error === null ? [] : [error.code]), ...notes.map(({ code }) => code)];
}

describe('before anything is sent', () => {
  test('nothing speaks against what fits', () => {
    expect(found({})).toEqual(['key-unknown']);
  });

  test('the version against what runs', () => {
    const older = { version: version('0.9.0') };
    expect(found(older)).toContain('downgrade');
    expect(found(older, device, { upgradeOnly: true })).toContain('smp-downgrade');
    expect(found(older, { ...device, noDowngrade: true })).toContain('smp-downgrade');
    expect(found(older, { ...device, kind: bootloaderKind(4) })).toContain('smp-not-newest');
    expect(found({ version: version('1.0.0+7') })).toContain('same-version');
    expect(found({ version: version('1.0.0') }, device, { upgradeOnly: true })).toContain('smp-downgrade');
    // What cannot be read is no version to compare with.
    expect(found(older, view(3, [entry(0, 'o', 'ac', { version: '<???>' })]))).toEqual(['key-unknown']);
  });

  test('the size against the slot, where the device tells it', () => {
    const sized = (size: number, maxImageSize: number | null) => ({
      ...device,
      sizes: new Map([['0/1', { size, maxImageSize }]]),
    });
    expect(found({}, sized(999, null))).toContain('smp-image-too-large');
    expect(found({}, sized(0x8000, 999))).toContain('smp-image-too-large');
    expect(found({}, sized(1500, null))).toContain('tight');
    expect(found({}, sized(0x8000, 0x7000))).toEqual(['key-unknown']);
  });

  test('dependencies, in the package and on the device', () => {
    const needs = { dependencies: [{ image: 1, minVersion: version('1.5.0') }] };
    expect(found(needs)).toContain('smp-dependency-unmet');
    expect(found(needs, device, { ignoreDependencies: true })).toContain('dependency');
    const two = view(3, [entry(0, 'o', 'ac'), entry(0, 'y', 'ac', { image: 1, version: '1.6.0' })]);
    expect(found(needs, two)).toEqual(['key-unknown']);
    const both = [wanted(needs), wanted({ image: 1, hash: hash('m'), version: version('1.4.0') })];
    expect(checkUpdate({ ...two, countsImages: true }, both, WISHES).error?.message).toContain('the package has 1.4.0');
  });

  test('image numbers that the device does not have', () => {
    expect(found({ image: 1 })).toContain('smp-no-such-image');
    expect(found({ image: 1 }, { ...device, countsImages: true })).not.toContain('smp-no-such-image');
    expect(found({ image: 2 }, { ...device, countsImages: true, imageNumbers: [0, 1] })).toContain('smp-no-such-image');
    expect(found({ image: 1 }, { ...device, countsImages: true, speaker: 'recovery' })).toContain('smp-no-such-image');
  });

  test('what the signature says', () => {
    const signed = (state: SmpUpdateImage['signature']['state'], key = SAMPLE_KEYS[0]!) =>
      found({ signature: { state, key, keyHash: null, checked: [], signatures: [] } });
    expect(signed('unsigned')).toEqual(['unsigned']);
    expect(signed('invalid')).toEqual(['signature-invalid']);
    expect(signed('valid')).toEqual(['sample-key']);
    expect(signed('valid', { ...SAMPLE_KEYS[0]! })).toEqual([]);
    expect(signed('unchecked')).toEqual([]);
  });

  test('what the image is', () => {
    expect(found({ encrypted: true, compressed: true })).toEqual(['key-unknown', 'encrypted', 'compressed']);
    expect(found({ mark: 'test' })).toContain('padded');
    expect(found({ mark: 'confirmed' }, device, { mode: 'test-only' })).toContain('smp-already-permanent');
    expect(found({ hash: new Uint8Array(64) })).toContain('hash-length');
  });

  test('what the mode means for this bootloader', () => {
    expect(found({}, device, { mode: 'upload-only' })).toContain('upload-only');
    expect(found({}, device, { mode: 'confirm-only' })).toContain('no-way-back');
    expect(found({ image: 1 }, { ...device, countsImages: true })).toContain('several-images');
    expect(found({}, { ...device, kind: bootloaderKind(2) })).toContain('mode-changed');
    expect(found({}, { ...device, speaker: 'recovery' })).toContain('recovery');
  });

  test('what runs already is not looked at', () => {
    const running = view(4, [entry(0, 'n', 'ac')]);
    expect(found({ version: version('0.0.1') }, running, { upgradeOnly: true })).not.toContain('smp-downgrade');
  });
});

describe('the mode', () => {
  test.each([
    [null, 'unknown', 'test-and-confirm', 'test-only'],
    [-1, 'unknown', 'test-and-confirm', 'test-only'],
    [42, 'unknown', 'test-and-confirm', 'test-only'],
    [0, 'single-slot', 'upload-only', 'upload-only'],
    [1, 'swap', 'test-and-confirm', 'test-only'],
    [2, 'overwrite', 'confirm-only', 'confirm-only'],
    [3, 'swap', 'test-and-confirm', 'test-only'],
    [4, 'direct-xip', 'upload-only', 'upload-only'],
    [5, 'direct-xip-revert', 'test-and-confirm', 'test-only'],
    [6, 'ram-load', 'upload-only', 'upload-only'],
    [7, 'loader', 'upload-only', 'upload-only'],
    [8, 'single-slot', 'upload-only', 'upload-only'],
    [9, 'swap', 'test-and-confirm', 'test-only'],
  ] as const)('of bootloader %s is %s: %s, %s', (number, scheme, usual, tested) => {
    const kind = bootloaderKind(number);
    expect(kind.scheme).toBe(scheme);
    expect(usableMode('test-and-confirm', kind).mode).toBe(usual);
    expect(usableMode('test-only', kind).mode).toBe(tested);
    expect(usableMode('upload-only', kind)).toEqual({ mode: 'upload-only', because: null });
    expect(usableMode('test-only', kind).because === null).toBe(tested === 'test-only');
  });
});

describe('of two builds', () => {
  const builds = [wanted({ slot: 0, hash: hash('0') }), wanted({ slot: 1, hash: hash('1') })];
  const chosen = (seen: ReturnType<typeof view>, before: Record<string, number> = {}) => {
    const result = chooseBuilds(seen, builds, before);
    return result.ok ? result.value[0]!.slot : result.error.code;
  };

  test('the one for the slot that is free is sent', () => {
    for (const mode of [4, 5, null]) {
      expect(chosen(view(mode, [entry(0, 'o', 'ac')]))).toBe(1);
      expect(chosen(view(mode, [entry(1, 'o', 'ac')]))).toBe(0);
      expect(chosen(view(mode, []))).toBe('smp-slot-unknown');
    }
  });

  test('the one that runs already is the one', () => {
    expect(chosen(view(4, [entry(1, '1', 'ac')]))).toBe(1);
  });

  test('the one that was sent stays the one after the reset', () => {
    expect(chosen(view(4, [entry(1, 'o', 'ac')]), { 0: 1 })).toBe(1);
  });

  test('one that is given alone must not be for the slot that runs, where there are two', () => {
    const alone = (slot: number, seen: ReturnType<typeof view>) => {
      const result = chooseBuilds(seen, [wanted({ slot })], {});
      return result.ok ? result.value[0]!.slot : result.error.code;
    };
    for (const mode of [3, 4]) {
      expect(alone(1, view(mode, [entry(0, 'o', 'ac')]))).toBe(1);
      expect(alone(0, view(mode, [entry(0, 'o', 'ac')]))).toBe('smp-wrong-slot');
    }
    expect(alone(0, view(7, [entry(0, 'o', 'ac')]))).toBe(0);
    expect(alone(0, view(null, [], { speaker: 'recovery' }))).toBe(0);
  });

  test('of MCUboot itself, what the bootloader before it says counts', () => {
    expect(chosen(view(3, [entry(0, 'o', 'ac')]))).toBe('smp-slot-unknown');
    expect(chosen(view(3, [entry(0, 'o', 'ac')], { b0Active: 1 }))).toBe(0);
  });
});
