import { readFileSync } from 'node:fs';
import { formatVersion, type TrailerState } from '@meshferry/firmware';
import { describe, expect, test } from 'vitest';
import type { BootMode } from './boot-mode.ts';
import type { BootloaderOptions } from './bootloader.ts';
import { swapTypeOf } from './swap-type.ts';
import { BootBench, type SlotView, testImage } from './testing/boot-bench.ts';

interface Views {
  slot0: SlotView;
  slot1: SlotView;
}

interface BootCase {
  name: string;
  mode: string;
  before: Views;
  boots: { action?: string; result?: { rc: number; imageOff?: number; version?: string }; after?: Views }[];
}

const vectors = JSON.parse(readFileSync(new URL('../vectors/boot.json', import.meta.url), 'utf8')) as {
  swapType: Record<'swapUsingMoveOrScratch' | 'swapUsingOffset', Record<string, string>>;
  bootOutcomes: BootCase[];
  bootSetup: { slot1: { offset: number } };
};

/** `overdg`: overwrite with downgrade prevention. */
const BUILDS: Record<string, { mode: BootMode } & Partial<BootloaderOptions>> = {
  move: { mode: 'move' },
  scratch: { mode: 'scratch' },
  offset: { mode: 'offset' },
  overwrite: { mode: 'overwrite' },
  overdg: { mode: 'overwrite', allowDowngrade: false },
  xip: { mode: 'xip' },
  xipr: { mode: 'xip-revert' },
};

describe('the swap that two trailers ask for', () => {
  test.each([
    ['move or scratch', 'swapUsingMoveOrScratch', false],
    ['offset', 'swapUsingOffset', true],
  ] as const)('is that of MCUboot in all 729 states: %s', (_, table, usingOffset) => {
    const states = Object.entries(vectors.swapType[table]);
    expect(states).toHaveLength(729);
    for (const [key, expected] of states) {
      const [primary, secondary] = trailersOf(key);
      expect(swapTypeOf(primary, secondary, usingOffset), key).toBe(expected);
    }
  });
});

describe('a boot ends as one of MCUboot', () => {
  const cases = vectors.bootOutcomes.filter(({ boots }) => boots !== undefined);

  test.each(cases.map((each) => [each.mode, each.name, each] as const))('%s: %s', (mode, name, { before, boots }) => {
    const bench = new BootBench(BUILDS[mode]);
    prepare(bench, name, before);
    expect(bench.views()).toEqual(before);
    for (const { action, result, after } of boots) {
      if (action !== undefined) {
        bench.mark(action.includes('in slot 1') ? 1 : 0, {
          ...bench.view(action.includes('in slot 1') ? 1 : 0),
          imageOk: 'set',
        });
        continue;
      }
      const outcome = bench.boot();
      const running = outcome.booted ? outcome.running[0] : undefined;
      expect(running && formatVersion(running.version)).toBe(result?.version);
      if (running !== undefined) expect(bench.area(running.slot).offset).toBe(result?.imageOff);
      expect(bench.views()).toEqual(after);
    }
  });
});

function prepare(bench: BootBench, name: string, before: Views): void {
  for (const [slot, view] of [before.slot0, before.slot1].entries()) {
    if (view.version !== null) bench.put(slot, damaged(testImage(view.version), name, slot), view.imageAt ?? 0);
    bench.mark(slot, view);
  }
}

/** The image that the name of the case says is wrong: one octet of the payload, or of the signature. */
function damaged(image: Uint8Array, name: string, slot: number): Uint8Array {
  const isMeant = name.startsWith('primary') ? slot === 0 : slot === 1;
  if (isMeant && name.includes('corrupted')) image[100]! ^= 1;
  if (isMeant && name.includes('signature invalid')) image[image.length - 10]! ^= 1;
  return image;
}

function trailersOf(key: string): [TrailerState, TrailerState] {
  const magics = { g: 'good', b: 'bad', u: 'unset' } as const;
  const flags = { s: 'set', b: 'bad', u: 'unset' } as const;
  const of = (slot: number): TrailerState => ({
    magic: magics[key[slot] as 'g'],
    imageOk: flags[key[2 + slot] as 's'],
    copyDone: flags[key[4 + slot] as 's'],
    swapType: 'none',
    image: 0,
    swapInfo: 0xff,
  });
  return [of(0), of(1)];
}
