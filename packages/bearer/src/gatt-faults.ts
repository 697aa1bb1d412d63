import type { Clock, MeshError, Timer } from '@meshferry/core';
import type { GattLink, GattLinkListener } from './gatt.ts';

/** What may happen to the values that an end of a link receives. */
export interface LinkFaults {
  /** Delay of the next value, ms; they stay in order. */
  delayMs(): number;
  /** Whether the link ends instead of carrying the next value. */
  ends(): boolean;
}

/** A link whose values come late, or end it: it loses, doubles and swaps none, as the link layer sees to that. */
export class FaultyLink implements GattLink {
  readonly #inner: GattLink;
  readonly #clock: Clock;
  readonly #faults: LinkFaults;
  readonly #late = new Set<Timer>();
  #lastAt = 0;

  constructor(inner: GattLink, clock: Clock, faults: LinkFaults) {
    this.#inner = inner;
    this.#clock = clock;
    this.#faults = faults;
  }

  get mtu(): number {
    return this.#inner.mtu;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    this.#inner.send(value, done);
  }

  listen(listener: GattLinkListener): void {
    this.#inner.listen({
      received: (value) => this.#received(value, listener),
      disconnected: () => {
        this.#drop();
        listener.disconnected();
      },
    });
  }

  disconnect(): void {
    this.#drop();
    this.#inner.disconnect();
  }

  #received(value: Uint8Array, listener: GattLinkListener): void {
    if (this.#faults.ends()) {
      this.disconnect();
      return;
    }
    const { now } = this.#clock;
    const at = Math.max(now + this.#faults.delayMs(), this.#late.size > 0 ? this.#lastAt : now);
    if (at <= now && this.#late.size === 0) {
      listener.received(value);
      return;
    }
    this.#lastAt = at;
    const timer = this.#clock.after(at - now, () => {
      this.#late.delete(timer);
      listener.received(value);
    });
    this.#late.add(timer);
  }

  #drop(): void {
    for (const timer of this.#late) timer.cancel();
    this.#late.clear();
  }
}
