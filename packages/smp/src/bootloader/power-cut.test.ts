import { formatVersion } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import { PowerLoss } from './flash.ts';
import { type BenchOptions, BootBench, KEY, testImage } from './testing/boot-bench.ts';

const OLD = '1.0.0+0';
const NEW = '1.2.3+4';

/** A confirmed image, and another one that was uploaded and marked. */
function bench(
  options: BenchOptions,
  mark: 'test' | 'perm',
  images: [Uint8Array, Uint8Array] = [testImage(OLD), testImage(NEW)],
): BootBench {
  const made = new BootBench(options);
  made.put(0, images[0]);
  made.mark(0, { magic: 'good', imageOk: 'set' });
  made.put(1, images[1], options.mode === 'offset' ? made.area(1).sectorSize : 0);
  made.mark(1, { magic: 'good', imageOk: mark === 'perm' ? 'set' : 'unset', swapInfo: mark === 'perm' ? 3 : 2 });
  return made;
}

function running(made: BootBench): string | null {
  const result = made.boot();
  return result.booted ? formatVersion(result.running[0]!.version) : null;
}

/** Cuts the power at every operation of one boot of a bench made anew; gives the number of operations. */
function atEveryOperation(
  make: () => BootBench,
  check: (made: BootBench, version: string | null) => void,
  tears = false,
): number {
  for (let operations = 0; ; operations++) {
    const made = make();
    const result = made.bootInterrupted(operations, tears);
    if (result === null) return operations;
    check(made, result.booted ? formatVersion(result.running[0]!.version) : null);
  }
}

const OPERATIONS = { move: 42, offset: 31, scratch: 100 } as const;
/** Slots that leave the images just the room they need, and no signatures: a boot takes less time. */
const SMALL = { slotSize: 0x5000, scratchSize: 0x2000, trust: 'any' } as const;
const MODES = ['move', 'offset', 'scratch'] as const;

describe.each(MODES)('swap using %s, with the power lost at any operation of the flash', (mode) => {
  test(`installs the image under test, in as many operations as MCUboot: ${OPERATIONS[mode]}`, () => {
    const count = atEveryOperation(
      () => bench({ mode }, 'test'),
      (made, version) => {
        expect(version).toBe(NEW);
        expect(made.views()).toEqual({
          slot0: { version: NEW, imageAt: 0, magic: 'good', imageOk: 'unset', copyDone: 'set', swapInfo: 2 },
          slot1: { version: OLD, imageAt: 0, magic: 'unset', imageOk: 'unset', copyDone: 'unset', swapInfo: 255 },
        });
      },
    );
    expect(count).toBe(OPERATIONS[mode]);
  });

  test('installs a permanent image', () => {
    atEveryOperation(
      () => bench({ mode, ...SMALL }, 'perm'),
      (made, version) => {
        expect(version).toBe(NEW);
        expect(made.view(0)).toMatchObject({ version: NEW, magic: 'good', imageOk: 'set', copyDone: 'set' });
        expect(running(made)).toBe(NEW);
      },
    );
  });

  test('reverts', () => {
    const make = () => {
      const made = bench({ mode, ...SMALL }, 'test');
      expect(running(made)).toBe(NEW);
      return made;
    };
    atEveryOperation(make, (made, version) => {
      expect(version).toBe(OLD);
      expect(made.view(0)).toMatchObject({ version: OLD, magic: 'good', imageOk: 'set', copyDone: 'set' });
      expect(made.view(1)).toMatchObject({ version: NEW, magic: 'unset' });
      expect(running(made)).toBe(OLD);
      expect(running(made)).toBe(OLD);
    });
  });

  test.each(['test', 'perm'] as const)('ends right when it is lost in the middle of one: %s', (mark) => {
    const make = () => bench({ mode, ...SMALL }, mark);
    const revert = () => {
      const made = make();
      made.boot();
      return made;
    };
    // The last one sets the flag that says it is done: half of it is enough, and the next boot is the one after the test.
    const outcomes = (start: () => BootBench) => {
      const seen: (string | null)[] = [];
      atEveryOperation(start, (_, version) => void seen.push(version), true);
      return [...new Set(seen.slice(0, -1))];
    };
    expect(outcomes(make)).toEqual([NEW]);
    if (mark === 'test') expect(outcomes(revert)).toEqual([OLD]);
  });

  test('keeps the old image when the new one is not signed by a trusted key', () => {
    const forged = testImage(NEW);
    forged[forged.length - 10]! ^= 1;
    atEveryOperation(
      () => bench({ mode, ...SMALL, trust: [KEY.publicKey] }, 'test', [testImage(OLD), forged]),
      (made, version) => {
        expect(version).toBe(OLD);
        expect(made.view(1)).toMatchObject({ version: null, magic: 'unset' });
      },
    );
  });

  test('also when it is lost twice', () => {
    for (let first = 1; first < 30; first += 3) {
      for (let second = 0; ; second += 5) {
        const made = bench({ mode, ...SMALL }, 'test');
        made.flash.faults.operationsLeft = first;
        expect(() => made.boot()).toThrow(PowerLoss);
        const result = made.bootInterrupted(second);
        if (result === null) break;
        expect(made.view(0), `${first}, ${second}`).toMatchObject({ version: NEW, imageOk: 'unset', copyDone: 'set' });
        expect(made.view(1)).toMatchObject({ version: OLD });
      }
    }
  });

  test.each([
    ['grows', 3_000, 30_000],
    ['shrinks', 30_000, 3_000],
  ])('with an image that %s', (_, before, after) => {
    const of = (version: string, size: number) =>
      testImage(version, { payload: new Uint8Array(size).fill(size & 0xff) });
    const make = () =>
      bench({ mode, slotSize: 0xc000, scratchSize: 0x4000, trust: 'any' }, 'test', [of(OLD, before), of(NEW, after)]);
    atEveryOperation(make, (made, version) => {
      expect(version).toBe(NEW);
      expect(made.view(1).version).toBe(OLD);
    });
    const made = make();
    expect(running(made)).toBe(NEW);
    expect(running(made)).toBe(OLD);
  });
});

test('swap using scratch keeps its status in the scratch area when an image reaches into the sectors of the trailer', () => {
  const options: BenchOptions = { mode: 'scratch', slotSize: 0x8000, scratchSize: 0x2000, trust: 'any' };
  const { loader } = new BootBench(options);
  const overhead = testImage(OLD, { payload: new Uint8Array(4) }).length - 4;
  const size = Math.floor((loader.maxImageSize(0) - overhead) / 4) * 4;
  expect(size + overhead).toBeGreaterThan(0x8000 - 0x1000);
  const of = (version: string) => testImage(version, { payload: new Uint8Array(size).fill(version.charCodeAt(2)) });
  const make = () => bench(options, 'test', [of(OLD), of(NEW)]);
  const revert = () => {
    const made = make();
    expect(running(made)).toBe(NEW);
    return made;
  };
  atEveryOperation(make, (made, version) => {
    expect(version).toBe(NEW);
    expect(made.view(0)).toMatchObject({ magic: 'good', imageOk: 'unset', copyDone: 'set', swapInfo: 2 });
    expect(made.view(1)).toMatchObject({ version: OLD, magic: 'unset' });
  });
  atEveryOperation(revert, (made, version) => {
    expect(version).toBe(OLD);
    expect(made.view(1).version).toBe(NEW);
  });
});

test('overwriting goes on with the power lost at any operation, and erases what started it last', () => {
  const options: BenchOptions = { mode: 'overwrite', slotSize: 0x8000 };
  atEveryOperation(
    () => bench(options, 'perm'),
    (made, version) => {
      expect(version).toBe(NEW);
      expect(made.view(1)).toMatchObject({ version: null, magic: 'unset' });
    },
  );
});

test.each(MODES)('two images that are swapped with %s in one boot both end up new', (mode) => {
  const make = () => {
    const made = new BootBench({ mode, images: 2, slotSize: 0x8000, scratchSize: 0x4000, trust: 'any' });
    for (const image of [0, 1]) {
      made.put(0, testImage(OLD), 0, image);
      made.mark(0, { magic: 'good', imageOk: 'set' }, image);
      made.put(1, testImage(NEW), mode === 'offset' ? 4096 : 0, image);
      made.mark(1, { magic: 'good', imageOk: 'set', swapInfo: 0x03 | (image << 4) }, image);
    }
    return made;
  };
  const count = atEveryOperation(make, (made) => {
    for (const image of [0, 1])
      expect(made.view(0, image)).toMatchObject({ version: NEW, imageOk: 'set', copyDone: 'set' });
  });
  expect(count).toBeGreaterThan(60);
});
