import { dependencyTlv, formatVersion, ImageFlag, securityCounterTlv } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { type BenchOptions, BootBench, KEY, OTHER_KEY, testImage } from './testing/boot-bench.ts';

const OLD = '1.0.0+0';
const NEW = '1.2.3+4';
const SMALL = { slotSize: 0x6000, scratchSize: 0x2000 };

/** A confirmed image in slot 0, another one marked in slot 1. */
function bench(options: BenchOptions = {}, next: Uint8Array = testImage(NEW), mark = 'perm'): BootBench {
  const made = new BootBench({ ...SMALL, ...options });
  made.put(0, testImage(OLD));
  made.mark(0, { magic: 'good', imageOk: 'set' });
  made.put(1, next, options.mode === 'offset' ? 4096 : 0);
  if (mark !== 'none') made.mark(1, { magic: 'good', imageOk: mark === 'perm' ? 'set' : 'unset' });
  return made;
}

/** Version and slot of what runs, or why nothing does. */
function boot(made: BootBench): string[] | string {
  const result = made.boot();
  return result.booted
    ? result.running.map(({ version, slot }) => `${formatVersion(version)} in ${slot}`)
    : result.reason;
}

describe('an image is installed only if', () => {
  test.each([
    ['it is signed', testImage(NEW, { key: undefined as never })],
    ['its key is trusted', testImage(NEW, { key: OTHER_KEY })],
    ['it is bootable', testImage(NEW, { flags: ImageFlag.nonBootable })],
    ['it is not encrypted', testImage(NEW, { flags: ImageFlag.encryptedAes128 })],
    ['it is not compressed', testImage(NEW, { flags: ImageFlag.lzma2 })],
  ])('%s', (_, image) => {
    for (const mode of ['move', 'scratch', 'offset', 'overwrite'] as const) {
      const made = bench({ mode }, image);
      expect(boot(made), mode).toEqual([`${OLD} in 0`]);
      expect(made.view(1).magic).toBe('unset');
      expect(made.lines.join()).toContain('not installed');
    }
  });

  test.each(['move', 'scratch', 'offset', 'overwrite'] as const)('it leaves room for the trailer: %s', (mode) => {
    const size = bench({ mode }).loader.maxImageSize(0);
    const overhead = testImage(NEW, { payload: new Uint8Array(4) }).length - 4;
    // Signatures are a few octets longer or shorter.
    const of = (octets: number) => testImage(NEW, { payload: new Uint8Array(Math.floor((octets - overhead) / 4) * 4) });
    const made = bench({ mode }, of(size - 8));
    expect(boot(made)).toEqual([`${NEW} in 0`]);
    const long = bench({ mode }, of(size + 16));
    expect(boot(long)).toEqual([`${OLD} in 0`]);
    expect(long.lines.join()).toContain('no room for the trailer');
  });

  test('some key is asked for at all', () => {
    const unsigned = testImage(NEW, { key: undefined as never });
    expect(boot(bench({ trust: 'any' }, unsigned))).toEqual([`${NEW} in 0`]);
    expect(boot(bench({ trust: [OTHER_KEY.publicKey, KEY.publicKey] }))).toEqual([`${NEW} in 0`]);
  });

  test.each(['move', 'scratch', 'offset', 'overwrite'] as const)(
    'downgrades are allowed, or it is newer: %s',
    (mode) => {
      const older = testImage('0.9.9+7');
      expect(boot(bench({ mode }, older))).toEqual(['0.9.9+7 in 0']);
      const made = bench({ mode, allowDowngrade: false }, older);
      expect(boot(made)).toEqual([`${OLD} in 0`]);
      expect(made.view(1)).toMatchObject({ version: null, magic: 'unset' });
      expect(boot(bench({ mode, allowDowngrade: false }, testImage('1.0.0+9')))).toEqual(['1.0.0+9 in 0']);
      expect(boot(bench({ mode, allowDowngrade: false, compareBuild: true }))).toEqual([`${NEW} in 0`]);
    },
  );

  test('a revert is no downgrade', () => {
    const made = bench({ allowDowngrade: false }, testImage(NEW), 'test');
    expect(boot(made)).toEqual([`${NEW} in 0`]);
    expect(boot(made)).toEqual([`${OLD} in 0`]);
  });

  test('its security counter is not lower than the stored one, which follows what is confirmed', () => {
    const counted = (version: string, counter: number) =>
      testImage(version, { protectedTlvs: [securityCounterTlv(counter)] });
    const start = (next: Uint8Array, mark: string, counters: number[]) => {
      const made = bench({ securityCounters: counters }, next, mark);
      made.put(0, counted(OLD, 5));
      return made;
    };
    const counters = [0];
    expect(boot(start(counted(NEW, 4), 'perm', counters))).toEqual([`${NEW} in 0`]);
    expect(counters).toEqual([4]);
    const tested = [5];
    const made = start(counted(NEW, 7), 'test', tested);
    expect(boot(made)).toEqual([`${NEW} in 0`]);
    expect(tested).toEqual([5]);
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    expect(boot(start(counted(NEW, 4), 'perm', [5]))).toEqual([`${OLD} in 0`]);
    expect(boot(start(testImage(NEW), 'perm', [5]))).toEqual([`${OLD} in 0`]);
  });
});

describe('several images', () => {
  const app2 = testImage('2.0.0+0', {
    protectedTlvs: [dependencyTlv({ image: 1, minVersion: { major: 2, minor: 0, revision: 0, build: 0 } })],
  });

  function two(options: BenchOptions, net: string | null): BootBench {
    const made = bench({ images: 2, ...options }, app2);
    made.put(0, testImage(OLD), 0, 1);
    made.mark(0, { magic: 'good', imageOk: 'set' }, 1);
    if (net !== null) {
      made.put(1, testImage(net), options.mode === 'offset' ? 4096 : 0, 1);
      made.mark(1, { magic: 'good', imageOk: 'set', swapInfo: 0x13 }, 1);
    }
    return made;
  }

  test.each(['move', 'scratch', 'offset', 'overwrite'] as const)(
    'change together when their dependencies are met: %s',
    (mode) => {
      expect(boot(two({ mode }, '2.0.0+0'))).toEqual(['2.0.0+0 in 0', '2.0.0+0 in 0']);
      const made = two({ mode }, '2.0.0+0');
      boot(made);
      if (mode !== 'overwrite') expect(made.view(0, 1).swapInfo).toBe(0x13);
    },
  );

  test.each([null, NEW])('stay as they are, with their marks, while one is missing: network core %s', (net) => {
    const made = two({ mode: 'move' }, net);
    const before = made.views();
    expect(boot(made)).toEqual([`${OLD} in 0`, `${OLD} in 0`]);
    expect(made.views()).toEqual(before);
    made.put(1, new Uint8Array(0x6000).fill(0xff), 0, 1);
    made.put(1, testImage('2.0.0+0'), 0, 1);
    made.mark(1, { magic: 'good', imageOk: 'set' }, 1);
    expect(boot(made)).toEqual(['2.0.0+0 in 0', '2.0.0+0 in 0']);
  });

  test('one without a slot to go back to does not keep the other from its revert', () => {
    const made = two({ mode: 'move' }, '2.0.0+0');
    made.put(1, Uint8Array.of(0xff), made.area(1).size - made.loader.layout.imageOk);
    boot(made);
    expect(boot(made)).toEqual([`${OLD} in 0`, '2.0.0+0 in 0']);
  });

  test('of direct-XIP are chosen so that they fit each other', () => {
    const made = two({ mode: 'xip' }, null);
    expect(boot(made)).toEqual([`${OLD} in 0`, `${OLD} in 0`]);
    made.put(1, testImage('2.0.0+0'), 0, 1);
    expect(boot(made)).toEqual(['2.0.0+0 in 1', '2.0.0+0 in 1']);
  });
});

describe('the slot that an image runs from', () => {
  test('is the newest with RAM load, whatever the marks say', () => {
    expect(boot(bench({ mode: 'ram' }, testImage(NEW), 'none'))).toEqual([`${NEW} in 1`]);
    expect(boot(bench({ mode: 'ram' }, testImage('0.9.9+7'), 'perm'))).toEqual([`${OLD} in 0`]);
    expect(boot(bench({ mode: 'ram' }, testImage('1.0.0+5'), 'perm'))).toEqual([`${OLD} in 0`]);
    const made = bench({ mode: 'ram' }, testImage(NEW, { key: OTHER_KEY }), 'none');
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    expect(made.view(1).version).toBeNull();
  });

  test('is the one it was built for', () => {
    const fixed = (loadAddr: number) => testImage(NEW, { flags: ImageFlag.romFixed, loadAddr });
    const { offset } = new BootBench(SMALL).area(1);
    expect(boot(bench({ mode: 'xip' }, fixed(offset), 'none'))).toEqual([`${NEW} in 1`]);
    const made = bench({ mode: 'xip' }, fixed(0xc000), 'none');
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    expect(made.view(1).version).toBe(NEW);
  });

  test.each(['single', 'single-ram', 'loader'] as const)('is slot 0 on a board with one slot: %s', (mode) => {
    const made = bench({ mode }, testImage('3.0.0+0'), 'none');
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    made.put(0, Uint8Array.of(0), 0x100);
    const broken = boot(made);
    if (mode === 'loader') expect(broken).toEqual(['3.0.0+0 in 1']);
    else expect(broken).toContain('differs from the hash TLV');
  });

  test('is that of the firmware loader when it is asked for', () => {
    const made = bench({ mode: 'loader' }, testImage('3.0.0+0'), 'none');
    const result = made.loader.boot(true);
    expect(result.booted && result.running[0]?.slot).toBe(1);
  });
});

describe('what nobody can boot', () => {
  test.each(['move', 'offset'] as const)('an empty slot 0 is left alone: %s', (mode) => {
    const made = bench({ mode });
    made.area(0).erase(0, made.area(0).size);
    const before = made.views();
    expect(boot(made)).toContain('magic');
    expect(made.views()).toEqual(before);
  });

  test.each(['scratch', 'overwrite'] as const)('an empty slot 0 is filled: %s', (mode) => {
    const made = bench({ mode, allowDowngrade: false });
    made.area(0).erase(0, made.area(0).size);
    expect(boot(made)).toEqual([`${NEW} in 0`]);
  });

  test('an image at the start of slot 1 is not installed with swap using offset', () => {
    const made = bench({ mode: 'offset' });
    made.put(1, testImage(NEW));
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    expect(made.lines.join()).toContain('one sector into the slot');
  });

  test('a revert with nothing to go back to ends, and the image stays', () => {
    const made = bench({ mode: 'move' }, testImage(NEW), 'test');
    boot(made);
    made.area(1).erase(0, made.area(1).size);
    for (let i = 0; i < 3; i++) expect(boot(made)).toEqual([`${NEW} in 0`]);
    expect(made.view(0).magic).toBe('unset');
  });

  test('a trailer left without an image does not keep the slot from being used', () => {
    const made = bench({ mode: 'move' });
    made.area(1).erase(0, 4096);
    expect(boot(made)).toEqual([`${OLD} in 0`]);
    expect(made.view(1).magic).toBe('unset');
  });

  test('a flash that fails is told of', () => {
    const made = bench({ mode: 'move' });
    made.flash.faults.failAt = made.area(1).offset;
    expect(() => made.boot()).toThrow('worn out');
  });
});
