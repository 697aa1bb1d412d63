import { GATT_VALUE_OVERHEAD, type GattLink, type GattLinkListener } from '@meshferry/bearer';
import { type Clock, concat, type MeshError, type Random } from '@meshferry/core';

/** What happens to the values that an end of a link sends. Chances are 0 to 1. */
export interface Spoils {
  readonly loss: number;
  readonly twice: number;
  /** Each comes up to so much later, ms; they stay in order. */
  readonly delayMs: number;
  /** Whether they are cut and joined at any octet, as a stream. */
  readonly recut: boolean;
}

/**
 * A link whose end sends badly: what a faulty stack, a full queue or a lossy bridge does to notifications. The radio itself loses
 * and swaps nothing.
 */
export class SpoiltLink implements GattLink {
  readonly #inner: GattLink;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #spoils: Spoils;
  /** Octets that have not been cut yet. */
  #stream: Uint8Array = new Uint8Array(0);
  #lastAt = 0;

  constructor(inner: GattLink, clock: Clock, random: Random, spoils: Spoils) {
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
    this.#spoils = spoils;
  }

  get mtu(): number {
    return this.#inner.mtu;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const { loss, twice, delayMs, recut } = this.#spoils;
    if (this.#draw(loss)) {
      this.#clock.after(0, () => done());
      return;
    }
    const times = this.#draw(twice) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const last = i === times - 1 ? done : () => {};
      if (recut) this.#cut(value, last);
      else this.#later(delayMs, () => this.#inner.send(value, last));
    }
  }

  listen(listener: GattLinkListener): void {
    this.#inner.listen(listener);
  }

  disconnect(): void {
    this.#inner.disconnect();
  }

  /** Puts the octets behind those that wait, and sends all of them in pieces of any length. */
  #cut(value: Uint8Array, done: (error?: MeshError) => void): void {
    this.#stream = concat(this.#stream, value);
    // What comes in the meantime may end up in the same piece.
    this.#later(this.#random.uniform() * Math.max(20, this.#spoils.delayMs), () => {
      const most = this.#inner.mtu - GATT_VALUE_OVERHEAD;
      while (this.#stream.length > 0) {
        const length = Math.min(this.#stream.length, 1 + Math.floor(this.#random.uniform() * most));
        this.#inner.send(this.#stream.slice(0, length), () => {});
        this.#stream = this.#stream.slice(length);
      }
    });
    this.#clock.after(0, () => done());
  }

  #later(mostMs: number, run: () => void): void {
    if (mostMs === 0) {
      run();
      return;
    }
    const { now } = this.#clock;
    this.#lastAt = Math.max(this.#lastAt, now + this.#random.uniform() * mostMs);
    this.#clock.after(this.#lastAt - now, run);
  }

  #draw(chance: number): boolean {
    return chance > 0 && this.#random.uniform() < chance;
  }
}
