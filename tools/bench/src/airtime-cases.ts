/** One row of the table of transfer times: which simulated network, what is sent, how long it may take. */
export interface AirtimeCase {
  readonly uri: string;
  readonly kib: number;
  /** Longest simulated transfer, s, and the same with `peer=stock` targets; null: none is asked for. */
  readonly atMost: number | null;
  readonly atMostStock: number | null;
  /** To each target by itself, without a group. */
  readonly unicast?: boolean;
  /** What a stock sender takes to stock peers, measured or computed by others, s [design/performance-anchors.md]. */
  readonly stockSender?: number;
  /** So many times faster than a stock sender to the same peers, at least. */
  readonly timesStock?: number;
  /** Longest wall time on two cores, s. */
  readonly wallAtMost?: number;
}

const SINGLE = 'controller=single';

/** The goals: one hop, honest radio unless the URI says otherwise. */
export const AIRTIME_CASES: readonly AirtimeCase[] = [
  { uri: 'targets=10', kib: 64, atMost: 290, atMostStock: 320, stockSender: 2152 },
  { uri: 'targets=10,radio=ideal', kib: 64, atMost: 165, atMostStock: null },
  { uri: 'targets=10', kib: 256, atMost: 1150, atMostStock: 1260 },
  { uri: 'targets=10,loss=0.05', kib: 256, atMost: 1560, atMostStock: 1800 },
  { uri: 'targets=10,loss=0.1', kib: 256, atMost: 1900, atMostStock: 2200 },
  { uri: 'targets=10,loss=0.2', kib: 256, atMost: 2500, atMostStock: 2950 },
  { uri: `targets=10,${SINGLE}`, kib: 256, atMost: 185, atMostStock: 390 },
  { uri: `targets=10,${SINGLE},sets=2`, kib: 256, atMost: 135, atMostStock: 390 },
  { uri: `targets=10,${SINGLE},sets=4`, kib: 256, atMost: 130, atMostStock: 390 },
  { uri: `targets=10,${SINGLE},sets=4,radio=ideal`, kib: 256, atMost: 60, atMostStock: null },
  { uri: `targets=10,${SINGLE},loss=0.02`, kib: 256, atMost: 225, atMostStock: null },
  { uri: `targets=10,${SINGLE},sets=2,loss=0.02`, kib: 256, atMost: 160, atMostStock: null },
  { uri: `targets=10,${SINGLE},sets=4,loss=0.02`, kib: 256, atMost: 155, atMostStock: null },
  { uri: 'targets=100,loss=0.02', kib: 256, atMost: 1920, atMostStock: 2100, stockSender: 7200, wallAtMost: 60 },
  { uri: 'targets=100,loss=0.02,sets=4', kib: 256, atMost: 690, atMostStock: 1020, stockSender: 7200 },
  { uri: `targets=100,loss=0.02,${SINGLE},sets=2`, kib: 256, atMost: 192, atMostStock: null },
  { uri: 'targets=1', kib: 64, atMost: 175, atMostStock: 240, stockSender: 415, unicast: true },
  { uri: `targets=1,${SINGLE}`, kib: 64, atMost: 80, atMostStock: null, unicast: true },
  { uri: 'targets=6,topology=line,relays=all', kib: 64, atMost: null, atMostStock: null, timesStock: 2.5 },
  { uri: 'targets=6,topology=line,relays=all,loss=0.1', kib: 64, atMost: null, atMostStock: null, timesStock: 2.5 },
];
