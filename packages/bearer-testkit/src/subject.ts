import type { Bearer } from '@meshferry/bearer';
import type { Clock } from '@meshferry/core';

/** What an end is opened for: a bearer that can do more may be given for any of them. */
export type Role = 'advertising' | 'central' | 'peripheral';

/** One medium with nobody in it yet, for one check. */
export interface BearerRig {
  /** The time that its bearers stand on. */
  readonly clock: Clock;
  /** Opens another end: all ends of a rig are in reach of each other. */
  open(role: Role): Promise<Bearer>;
  /** Lets so much time pass, ms. */
  pass(ms: number): Promise<void>;
  /** Called at the end of each check, when all bearers are closed. */
  close?(): void | Promise<void>;
}

/** What an advertising bearer cannot know of itself. All times are of the clock of the rig. */
export interface AdvertisingTraits {
  /** Structures may get lost or come twice: what matters is sent several times. Default false. */
  readonly isLossy?: boolean;
  /** Within this time after it left, a structure has been heard, ms. Default 100. */
  readonly latencyMs?: number;
  /** How far times may be off, ms: of the host's timers, of time stamps. Default 1. */
  readonly jitterMs?: number;
  /** Structures that are sent at once to flood it. Default 2000. */
  readonly flood?: number;
}

/** What a GATT bearer cannot know of itself. All times are of the clock of the rig. */
export interface GattTraits {
  /** The most that connecting takes, also in vain, ms. Default 20 000. */
  readonly connectMs?: number;
  /** The most that one value takes to the other end, ms. Default 200. */
  readonly latencyMs?: number;
  /** Interval at which offers are advertised here, ms. Default 100. */
  readonly intervalMs?: number;
  /** Peripherals that one central is connected to at a time. Default 1. */
  readonly links?: number;
  /** Values that are sent at once to flood a link. Default 1000. */
  readonly flood?: number;
  /** Whether its centrals have `scan`. Default true. */
  readonly scans?: boolean;
}

/**
 * A bearer as the suite takes it. What is left out is not checked: give everything that can be given.
 *
 * - Virtual time: `clock` a `VirtualClock`, `pass: async (ms) => clock.advance(ms)`.
 * - Real time: `clock` the `hostClock` and {@link waiting} for `pass`.
 */
export interface BearerSubject<Rig extends BearerRig = BearerRig> {
  make(): Rig | Promise<Rig>;
  /** The bearers of role `advertising` have this capability. */
  readonly advertising?: AdvertisingTraits;
  /** Those of the role `central` and of the role `peripheral` have these. */
  readonly gatt?: GattTraits;
  /**
   * What is open at the moment and must not be once the bearers are closed: names, repeated ones counted. In Node
   * `() => process.getActiveResourcesInfo()`, of a {@link CountingClock} its timers.
   */
  leftovers?(rig: Rig): readonly string[];
  /** Puts octets on the medium, or on the line to the radio, that no bearer would have sent. */
  garble?(rig: Rig): void | Promise<void>;
  /** Takes the radio of this bearer away: its plug is pulled. */
  lose?(rig: Rig, bearer: Bearer): void | Promise<void>;
}

/** One thing that a bearer must do. */
export interface Check {
  readonly name: string;
  /** Rejects with a `MeshError` that tells what happened instead. */
  run(): Promise<void>;
}

/** `pass` of a rig in real time. */
export function waiting(clock: Clock): BearerRig['pass'] {
  return (ms) => new Promise((resolve) => void clock.after(ms, resolve));
}
