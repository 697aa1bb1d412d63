import { MeshError, type NetIndex } from '@meshferry/core';

/** How a Low Power node wants its Friend, and how it behaves [Mesh Protocol 1.1, 3.6.5.3, 3.6.6.4.2]. */
export interface LowPowerSettings {
  /** The subnet of the friendship. Default 0. */
  readonly netIndex: NetIndex;
  /** From the end of a Poll to the start of the Receive Window, 10 to 255 ms. Default 100. */
  readonly receiveDelayMs: number;
  /** Without a Poll for so long the Friend ends the friendship: 1 s to about 96 h in steps of 100 ms. Default 30 s. */
  readonly pollTimeoutMs: number;
  /** The queue must hold 2 to this power PDUs, 1 to 7. Default 4: a message of 16 segments. */
  readonly minQueueSizeLog: number;
  /** How much signal strength and Receive Window count when Friends compete, 0 to 3: 1, 1.5, 2, 2.5. Default 0. */
  readonly rssiFactor: number;
  readonly receiveWindowFactor: number;
  /** Between two Friend Requests while there is no Friend, 1.1 s or more. Default 8 s. */
  readonly requestIntervalMs: number;
  /** Polls without an answer that end the friendship. Default 6. */
  readonly pollAttempts: number;
  /** Between two Polls while nothing happens, ms. Default: as long as the PollTimeout leaves time for all attempts. */
  readonly pollIntervalMs: number | undefined;
  /** Whether messages to all-nodes are kept for it. Default true. */
  readonly allNodes: boolean;
}

const DEFAULT_SETTINGS: LowPowerSettings = {
  netIndex: 0,
  receiveDelayMs: 100,
  pollTimeoutMs: 30_000,
  minQueueSizeLog: 4,
  rssiFactor: 0,
  receiveWindowFactor: 0,
  requestIntervalMs: 8000,
  pollAttempts: 6,
  pollIntervalMs: undefined,
  allNodes: true,
};

/** Lower and upper limit, and the step. */
const RANGES: Partial<Record<keyof LowPowerSettings, readonly [number, number, number]>> = {
  netIndex: [0, 0xfff, 1],
  receiveDelayMs: [10, 255, 1],
  pollTimeoutMs: [1000, 0x34bbff * 100, 100],
  minQueueSizeLog: [1, 7, 1],
  rssiFactor: [0, 3, 1],
  receiveWindowFactor: [0, 3, 1],
  requestIntervalMs: [1100, Number.MAX_SAFE_INTEGER, 1],
  pollAttempts: [1, 255, 1],
  pollIntervalMs: [0, Number.MAX_SAFE_INTEGER, 1],
};

/** The defaults with `changes`; throws `bad-field`. */
export function lowPowerSettings(changes: Partial<LowPowerSettings>): LowPowerSettings {
  const settings = { ...DEFAULT_SETTINGS, ...changes };
  for (const [field, range] of Object.entries(RANGES) as [
    keyof LowPowerSettings,
    readonly [number, number, number],
  ][]) {
    const [min, max, step] = range;
    const value = settings[field];
    if (typeof value !== 'number' || (value >= min && value <= max && value % step === 0)) continue;
    throw new MeshError('bad-field', `Low Power ${field} = ${value}`, {
      hint: `Give ${min} to ${max}${step === 1 ? '' : ` in steps of ${step}`}.`,
    });
  }
  return settings;
}
