/**
 * What is calibrated against [design/airtime.md, design/performance-anchors.md]: transfer times of Zephyr 3.4.99 in a
 * simulation of the radio with its real host and link layer (of 16 KiB to five and ten the mean of four runs), and what
 * Nordic publishes of the nRF Connect SDK.
 */
export interface CalibrationRow {
  readonly name: string;
  /** Octets of the image. */
  readonly size: number;
  readonly targets: number;
  /** Default: to the group. */
  readonly byUnicast?: boolean;
  /** Seconds that others need. */
  readonly measured: number;
  /** How far the mean may be off, percent; absent: for comparison only. */
  readonly tolerance?: number;
  /** Seconds of the independent model of design/airtime.md. */
  readonly model?: number;
  readonly seeds: number;
}

const KIB = 1024;

export const CALIBRATION_ROWS: readonly CalibrationRow[] = [
  { name: '64 KiB to 1', size: 64 * KIB, targets: 1, measured: 1332, tolerance: 3, model: 1327, seeds: 20 },
  { name: '256 KiB to 1', size: 256 * KIB, targets: 1, measured: 5328, tolerance: 3, model: 5328, seeds: 20 },
  { name: '64 KiB to 5', size: 64 * KIB, targets: 5, measured: 1536, tolerance: 10, model: 1507, seeds: 40 },
  { name: '64 KiB to 10', size: 64 * KIB, targets: 10, measured: 2152, tolerance: 10, model: 2045, seeds: 40 },
  { name: '16 KiB to 5', size: 16 * KIB, targets: 5, measured: 436, tolerance: 15, seeds: 100 },
  { name: '16 KiB to 10', size: 16 * KIB, targets: 10, measured: 562, tolerance: 15, seeds: 100 },
  {
    name: '342 kB to 1 by unicast (Nordic)',
    size: 342_000,
    targets: 1,
    byUnicast: true,
    measured: 34 * 60,
    tolerance: 15,
    seeds: 20,
  },
  { name: '16 KiB to 1', size: 16 * KIB, targets: 1, measured: 334, seeds: 20 },
  { name: '16 KiB to 1 by unicast', size: 16 * KIB, targets: 1, byUnicast: true, measured: 104, seeds: 20 },
  { name: '16 KiB to 5 by unicast', size: 16 * KIB, targets: 5, byUnicast: true, measured: 578, seeds: 20 },
  { name: '256 KiB to 5', size: 256 * KIB, targets: 5, measured: 6112, seeds: 20 },
];
