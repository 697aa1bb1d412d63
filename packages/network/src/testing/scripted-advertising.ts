import type { AdStructure, Advertising, Heard, Sent, Transmit } from '@meshferry/bearer';
import type { Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';

/** A bearer that sends at once, writes down when and what, and hears what a test tells it to. */
export class ScriptedAdvertising implements Advertising {
  readonly sets = 1;
  /** Single events: it is free again at once. */
  readonly minIntervalMs = 1;
  readonly sent: { at: number; data: Uint8Array; transmit: Transmit }[] = [];
  readonly #clock: Clock;
  readonly #listeners = new Set<(ad: Heard) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const at = this.#clock.now;
    this.sent.push({ at, data: ad.data, transmit });
    const timer = this.#clock.after(0, () => done({ start: at, end: at }));
    return () => timer.cancel();
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener = (ad: Heard) => {
      if (types.includes(ad.type)) heard(ad);
    };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  hear(data: Uint8Array, type = 0x2a, rssi = -50): void {
    for (const listener of this.#listeners) listener({ type, data, rssi, at: this.#clock.now });
  }
}
