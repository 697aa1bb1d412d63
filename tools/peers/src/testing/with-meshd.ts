import { describe } from 'vitest';
import { meshdMissing } from './meshd.ts';

/** Scenarios of a real process: for what its own timers pace, or what it does at its ordinary speed, ms. */
export const SLOW_MS = 120_000;

const missing = meshdMissing();
if (missing !== undefined) console.warn(`tests with bluetooth-meshd are skipped: ${missing}`);

/** As `describe`; skipped, with one line that says why, where the daemon or what it needs is missing. */
export const describeWithMeshd: (name: string, tests: () => void) => void = describe.skipIf(missing !== undefined);
