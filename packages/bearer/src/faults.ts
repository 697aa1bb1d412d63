import type { Cancel, Clock, MeshError, Random, Unsubscribe } from '@meshferry/core';
import type { AdStructure, Advertising, Bearer, Heard, Sent, Transmit } from './contract.ts';
import { FaultyLink, type LinkFaults } from './gatt-faults.ts';
import { isAdvertising, wrapBearer } from './wrap-bearer.ts';

/** How {@link withFaults} spoils reception. Probabilities are 0 to 1, each drawn for every structure heard; default 0. */
export interface Faults {
  /** Probability that a structure is not heard at all. */
  readonly loss?: number;
  /** Probability that it is heard twice. */
  readonly duplication?: number;
  /** Probability that one bit of it is flipped. */
  readonly corruption?: number;
  /** Probability that it is held back, so that later ones overtake it. */
  readonly reordering?: number;
  /** How long a structure is held back, ms. Default 50. */
  readonly reorderingMs?: number;
  /** Delay of every structure: uniform from 0 to this, ms. */
  readonly delayMs?: number;
  /**
   * Probability that a GATT link ends instead of carrying a value, drawn for every value received. Default: that of loss,
   * as a value cannot get lost in any other way.
   */
  readonly disconnection?: number;
}

/**
 * Wraps a bearer, or its advertising alone, so that what it hears suffers the given faults: structures all of them,
 * offers the loss, values on GATT links the delay, in their order, and disconnection. Sending is left as it is: wrap the bearer of the
 * other side to spoil that direction. With the same random source a run repeats exactly.
 */
export function withFaults(inner: Advertising, clock: Clock, random: Random, faults: Faults): Advertising;
export function withFaults(inner: Bearer, clock: Clock, random: Random, faults: Faults): Bearer;
export function withFaults(
  inner: Advertising | Bearer,
  clock: Clock,
  random: Random,
  faults: Faults,
): Advertising | Bearer {
  if (isAdvertising(inner)) return new FaultyAdvertising(inner, clock, random, faults);
  const { delayMs = 0, loss = 0, disconnection = loss } = faults;
  const draw = (probability: number) => probability > 0 && random.uniform() < probability;
  const link: LinkFaults = {
    delayMs: () => (delayMs > 0 ? random.uniform() * delayMs : 0),
    ends: () => draw(disconnection),
  };
  return wrapBearer(inner, {
    advertising: (advertising) => new FaultyAdvertising(advertising, clock, random, faults),
    found: (found) => (heard) => {
      if (!draw(loss)) found(heard);
    },
    link: (wrapped) => new FaultyLink(wrapped, clock, link),
  });
}

class FaultyAdvertising implements Advertising {
  readonly #inner: Advertising;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: Faults;

  constructor(inner: Advertising, clock: Clock, random: Random, faults: Faults) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
  }

  get sets(): number {
    return this.#inner.sets;
  }

  get minIntervalMs(): number {
    return this.#inner.minIntervalMs;
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    return this.#inner.send(ad, transmit, done);
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    let subscribed = true;
    const deliver = (ad: Heard) => {
      if (subscribed) heard(ad);
    };
    const unsubscribe = this.#inner.receive(types, (ad) => this.#spoil(ad, deliver));
    return () => {
      subscribed = false;
      unsubscribe();
    };
  }

  #spoil(ad: Heard, deliver: (ad: Heard) => void): void {
    const { loss, duplication, corruption, reordering, reorderingMs = 50, delayMs = 0 } = this.#faults;
    if (this.#happens(loss)) return;
    const copies = this.#happens(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const spoilt = this.#happens(corruption) ? this.#flipBit(ad) : ad;
      const held = this.#happens(reordering) ? reorderingMs : 0;
      const wait = held + (delayMs > 0 ? this.#random.uniform() * delayMs : 0);
      if (wait === 0) deliver(spoilt);
      else this.#clock.after(wait, () => deliver({ ...spoilt, at: this.#clock.now }));
    }
  }

  #happens(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && this.#random.uniform() < probability;
  }

  #flipBit(ad: Heard): Heard {
    const data = ad.data.slice();
    const bit = Math.floor(this.#random.uniform() * data.length * 8);
    if (data.length > 0) data[bit >> 3]! ^= 1 << (bit & 7);
    return { ...ad, data };
  }
}
