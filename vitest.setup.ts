import fc from 'fast-check';

/** What every codec is held to; a property of something slower says its own number, and why. */
const CASES = 10_000;

// The seed is one for the whole run and printed at its start (vitest.config.ts).
fc.configureGlobal({ numRuns: CASES, seed: Number(process.env.MESHFERRY_SEED) });
