import { AIRTIME_CASES } from './airtime-cases.ts';
import type { UpdateCase } from './one-update.ts';
import { TOPOLOGIES } from './topologies.ts';

/** Everything that a goal is set for, the twelve sites, and nodes that sleep. */
export const ETA_CASES: readonly UpdateCase[] = [
  ...AIRTIME_CASES,
  ...TOPOLOGIES,
  { uri: 'targets=4,lowpower=2,friends=1', kib: 16, unicast: true },
];
