import { decodeAdStructures, type Heard } from '@meshferry/bearer';
import type { Unsubscribe } from '@meshferry/core';

/** One AD structure as a dongle heard it. */
export interface DongleHeard extends Heard {
  /** Advertising channel, 37 to 39. */
  readonly channel: number;
  /** Advertiser address as on air: the low octet first. */
  readonly address: Uint8Array;
}

interface Listener {
  readonly types: readonly number[];
  readonly heard: (ad: Heard) => void;
}

/** Who listens to what. */
export class Ears {
  readonly #changed: () => void;
  readonly #listeners = new Set<Listener>();

  /** `changed` is called whenever the AD types that are listened to may have changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** AD types that somebody listens to, ascending. */
  get types(): readonly number[] {
    const types = new Set<number>();
    for (const listener of this.#listeners) for (const type of listener.types) types.add(type);
    return [...types].sort((a, b) => a - b);
  }

  listen(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener = { types: [...types], heard };
    this.#listeners.add(listener);
    this.#changed();
    return () => {
      if (this.#listeners.delete(listener)) this.#changed();
    };
  }

  /** Advertising data was heard; `with`: what is known of it besides. */
  hear(data: Uint8Array, known: Omit<DongleHeard, 'type' | 'data'>): void {
    for (const ad of decodeAdStructures(data)) {
      let heard: DongleHeard | undefined;
      for (const listener of this.#listeners) {
        if (!listener.types.includes(ad.type)) continue;
        heard ??= { ...ad, ...known };
        listener.heard(heard);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
