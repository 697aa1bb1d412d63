import type { Clock, Random } from '@meshferry/core';
import { Deadline } from '@meshferry/core';
import { BEACON_INTERVAL_MIN_MS, beaconIntervalMs } from './beacon-interval.ts';

/** Nodes that begin, or hear of a change, at the same time must not all send at the same time, ms. */
const START_SPREAD_MS = BEACON_INTERVAL_MIN_MS;
const CHANGE_SPREAD_MS = 500;

/**
 * When one kind of beacon of one subnet is sent: the more are heard of others, the rarer. Observed is a period of about
 * twice the interval: that before the last own beacon and that since [Mesh Protocol 1.1, 3.10.3.1].
 */
export class BeaconSchedule {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #send: () => void;
  readonly #next: Deadline;
  /** Own beacons' times, and what was heard of others before the last one and since. */
  #periodStart: number;
  #lastAt: number;
  #before = 0;
  #since = 0;

  constructor(clock: Clock, random: Random, send: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#send = send;
    this.#periodStart = clock.now;
    this.#lastAt = clock.now;
    this.#next = new Deadline(clock, () => this.#due());
    this.#next.set(random.uniform() * START_SPREAD_MS);
  }

  /** Another node's authentic beacon was heard. */
  observed(): void {
    this.#since++;
  }

  /** What the beacon says has changed: others should know soon. */
  hurry(): void {
    this.#before = 0;
    this.#since = 0;
    this.#periodStart = this.#clock.now;
    this.#lastAt = this.#clock.now;
    this.#next.set(this.#random.uniform() * CHANGE_SPREAD_MS);
  }

  stop(): void {
    this.#next.clear();
  }

  #due(): void {
    const { now } = this.#clock;
    const period = Math.max(now - this.#periodStart, 2 * BEACON_INTERVAL_MIN_MS);
    const interval = beaconIntervalMs(period, this.#before + this.#since);
    this.#periodStart = this.#lastAt;
    this.#lastAt = now;
    this.#before = this.#since;
    this.#since = 0;
    this.#next.set(interval);
    this.#send();
  }
}
