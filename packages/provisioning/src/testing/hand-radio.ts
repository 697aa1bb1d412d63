import { AD_PB_ADV, type AdStructure, type Advertising, type Heard, type Sent, type Transmit } from '@meshferry/bearer';
import { type Cancel, type Clock, fromHex, MeshError, toHex, type Unsubscribe } from '@meshferry/core';

/** A radio whose other end is the test: keeps what is sent, and hears what the test says. */
export class HandRadio implements Advertising {
  readonly sets: number = 1;
  readonly minIntervalMs: number = 20;
  /** What was sent, oldest first; `data` in hex. */
  readonly sent: { readonly at: number; readonly type: number; readonly data: string; readonly count: number }[] = [];
  /** While set the bearer is closed. */
  broken = false;
  readonly #clock: Clock;
  readonly #listeners = new Set<{ readonly types: readonly number[]; heard(ad: Heard): void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** PB-ADV packets sent since the last call, in hex. */
  packets(): string[] {
    const packets = this.sent.filter(({ type }) => type === AD_PB_ADV).map(({ data }) => data);
    this.sent.length = 0;
    return packets;
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  hear(packet: string, type: number = AD_PB_ADV): void {
    const heard = { type, data: fromHex(packet), rssi: -50, at: this.#clock.now };
    for (const listener of [...this.#listeners]) if (listener.types.includes(type)) listener.heard(heard);
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const start = this.#clock.now;
    if (!this.broken) this.sent.push({ at: start, type: ad.type, data: toHex(ad.data), count: transmit.count });
    const timer = this.#clock.after(transmit.count * transmit.intervalMs, () =>
      done(this.broken ? new MeshError('bearer-closed', 'closed') : { start, end: this.#clock.now }),
    );
    return () => timer.cancel();
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener = { types, heard };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
