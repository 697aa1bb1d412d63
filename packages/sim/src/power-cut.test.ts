import type { MemoryStore } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { CutStore } from './testing/cut-store.ts';
import { firmware, UpdateWorld } from './testing/update-world.ts';

/** Every so many writes of the store one run is killed: with 1 all of them, which takes a minute. */
const STRIDE = 3;

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware(2500);
});

describe('a world that is killed at any write of its store', () => {
  it.each([
    ['sim:targets=2,block=10', {}],
    ['sim:targets=2,distributor=1,block=10', { distributor: 0x0002 }],
  ])(
    'finishes the update after it was opened again: %s',
    async (uri, options) => {
      let cuts = 0;
      for (let at = 1; ; at += STRIDE) {
        const left = await killedAt(at, uri, options);
        if (left === undefined) break;
        cuts++;
        const after = new UpdateWorld(uri, { store: left });
        const resume = after.job.saved() !== undefined;
        const report = await after.update(made, { ...options, resume });
        const ends = report?.targets.map(({ phase, error }) => [phase, error?.message ?? null]);
        expect(ends, `killed at write ${at}`).toEqual(Array(2).fill(['applied', null]));
        expect(after.running(made), `killed at write ${at}`).toEqual(['new', 'new']);
        expect(after.job.saved()).toBeUndefined();
      }
      expect(cuts).toBeGreaterThan(50);
    },
    120_000,
  );

  it('lets targets leave the network that were to leave it', async () => {
    const uri = 'sim:targets=2,block=10,effect=unprovision';
    for (let at = 280; ; at += STRIDE) {
      const left = await killedAt(at, uri, {});
      if (left === undefined) break;
      const after = new UpdateWorld(uri, { store: left });
      // After its end nobody is left to ask.
      if (after.world.role.update.saved() === undefined) break;
      const report = await after.update(made, { resume: true });
      const ends = report?.targets.map(({ phase }) => phase);
      expect(ends, `killed at write ${at}`).toEqual(['unprovisioned', 'unprovisioned']);
      expect(after.world.targets.map(({ node }) => node)).toEqual([undefined, undefined]);
    }
  });
});

/** What an update that is killed at its `at`-th write leaves behind; undefined when it writes less often. */
async function killedAt(at: number, uri: string, options: { distributor?: number }): Promise<MemoryStore | undefined> {
  const store = new CutStore();
  const world = new UpdateWorld(uri, { store });
  return new Promise((resolve, reject) => {
    let killed = false;
    store.cutAfter(at, () => {
      killed = true;
      resolve(store.survived());
      // Later than the write, which is not to see its node vanish.
      queueMicrotask(() => world.world.close());
    });
    world.update(made, options).then(
      () => killed || resolve(undefined),
      (thrown) => killed || reject(thrown),
    );
  });
}
