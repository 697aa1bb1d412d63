import { AIRTIME_CASES } from './airtime-cases.ts';

/** An update whose time is to be foretold. */
export interface EtaCase {
  readonly uri: string;
  readonly kib: number;
  /** To each target by itself. */
  readonly unicast?: boolean;
}

/** Everything that a goal is set for, and what is foretold worst: small images, many hops, nodes that sleep. */
export const ETA_CASES: readonly EtaCase[] = [
  ...AIRTIME_CASES,
  { uri: 'targets=10', kib: 16 },
  { uri: 'targets=10,loss=0.05', kib: 16 },
  { uri: 'targets=40,loss=0.02', kib: 16 },
  { uri: 'targets=6,topology=line,hops=6,relays=all,loss=0.05', kib: 16 },
  { uri: 'targets=20,topology=grid,hops=3,relays=all,loss=0.02', kib: 16 },
  { uri: 'targets=4,lowpower=2,friends=1', kib: 16, unicast: true },
];
