/** Shortest and longest time between two beacons of one node, ms [Mesh Protocol 1.1, 3.10.3.1]. */
export const BEACON_INTERVAL_MIN_MS = 10_000;
export const BEACON_INTERVAL_MAX_MS = 600_000;

/**
 * Time until a node sends its next beacon, ms, when it has observed so many authentic ones of others in the observation
 * period (ms, more than 0): all nodes in reach together send about one in 10 s [Mesh Protocol 1.1, 3.10.3.1].
 */
export function beaconIntervalMs(observationPeriodMs: number, observed: number): number {
  const expected = observationPeriodMs / BEACON_INTERVAL_MIN_MS;
  const interval = (observationPeriodMs * (observed + 1)) / expected;
  return Math.min(Math.max(interval, BEACON_INTERVAL_MIN_MS), BEACON_INTERVAL_MAX_MS);
}
