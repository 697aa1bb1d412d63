/** Cases of a property test of a codec. */
const RUNS = 10_000;

/** Parameters of `fc.assert`: a seed of its own for each run of the tests, printed so that a failure can be repeated. */
export function propertyRuns(numRuns: number = RUNS): { numRuns: number; seed: number } {
  const given = Number(process.env.MESHFERRY_SEED);
  const seed = Number.isInteger(given) && given !== 0 ? given : Date.now() % 0x7fff_ffff;
  console.info(`${numRuns} cases with seed ${seed} (MESHFERRY_SEED repeats them)`);
  return { numRuns, seed };
}
