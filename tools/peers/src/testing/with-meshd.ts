import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { Meshd, type MeshdOptions, meshdMissing } from './meshd.ts';

/** Enough for what the daemon does at its ordinary speed, ms. */
const SLOW_MS = 120_000;

/** As much of the daemon's log as tells what happened before a failure, characters. */
const LOG_TAIL = 8000;

const missing = meshdMissing();
if (missing !== undefined) console.warn(`tests with bluetooth-meshd are skipped: ${missing}`);

/**
 * As `describe`, with a daemon of its own for all its tests, which hooks and tests may ask for. Skipped, with one line that
 * says why, where the daemon or what it needs is missing.
 */
export function describeWithMeshd(name: string, tests: (meshd: () => Meshd) => void, options?: MeshdOptions): void {
  describe.skipIf(missing !== undefined)(name, { timeout: SLOW_MS }, () => {
    let meshd: Meshd;
    beforeAll(async () => {
      meshd = await Meshd.start(options);
    }, SLOW_MS);
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') console.log(meshd.log.slice(-LOG_TAIL));
    });
    afterAll(() => meshd?.stop());
    tests(() => meshd);
  });
}
