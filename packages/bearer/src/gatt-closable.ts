import { type Cancel, type Clock, MeshError, type Unsubscribe } from '@meshferry/core';
import type {
  GattAdvertisement,
  GattCentral,
  GattDevice,
  GattLink,
  GattLinkListener,
  GattOffer,
  GattPeripheral,
  GattService,
} from './gatt.ts';

/** The GATT of one bearer, from opening to closing. */
export interface ClosableGatt {
  readonly central: GattCentral;
  readonly peripheral: GattPeripheral;
  /**
   * Ends advertising, discovery, connecting and all links: what waits ends with `bearer-closed`, the other ends are told,
   * this one hears nothing any more.
   */
  close(): void;
}

/** Puts an end to what was begun by a central and a peripheral that have none of their own. */
export function closableGatt(clock: Clock, inner: Omit<ClosableGatt, 'close'>): ClosableGatt {
  const held = new Held(clock);
  return {
    central: new ClosableCentral(held, inner.central),
    peripheral: new ClosablePeripheral(held, inner.peripheral),
    close: () => held.close(),
  };
}

/** What is to end with the bearer. */
class Held {
  readonly clock: Clock;
  isOpen = true;
  readonly #ends = new Set<Cancel>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Keeps `end` until it is called by the function given back, or here. */
  add(end: Cancel): Cancel {
    const once = () => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    return once;
  }

  close(): void {
    this.isOpen = false;
    for (const end of [...this.#ends]) end();
  }
}

class ClosableCentral implements GattCentral {
  readonly #held: Held;
  readonly #inner: GattCentral;

  readonly scan?: (found: (device: GattDevice) => void) => Unsubscribe;

  constructor(held: Held, inner: GattCentral) {
    this.#held = held;
    this.#inner = inner;
    if (inner.scan !== undefined) this.scan = (found) => (held.isOpen ? held.add(inner.scan!(found)) : () => {});
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    if (!this.#held.isOpen) return () => {};
    return this.#held.add(this.#inner.discover(services, found));
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const held = this.#held;
    if (!held.isOpen) {
      const timer = held.clock.after(0, () => done(closedError()));
      return () => timer.cancel();
    }
    let isWanted = true;
    const cancel = this.#inner.connect(peer, service, (outcome) => {
      isWanted = false;
      end();
      done(outcome instanceof MeshError ? outcome : new ClosableLink(held, outcome));
    });
    const end = held.add(() => {
      if (!isWanted) return;
      cancel();
      if (!held.isOpen) done(closedError());
    });
    return end;
  }
}

class ClosablePeripheral implements GattPeripheral {
  readonly #held: Held;
  readonly #inner: GattPeripheral;

  constructor(held: Held, inner: GattPeripheral) {
    this.#held = held;
    this.#inner = inner;
  }

  get connections(): number {
    return this.#inner.connections;
  }

  advertise(offer: GattOffer): Cancel {
    return this.#held.isOpen ? this.#held.add(this.#inner.advertise(offer)) : () => {};
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    if (!this.#held.isOpen) return () => {};
    return this.#held.add(this.#inner.serve(service, (link) => connected(new ClosableLink(this.#held, link))));
  }
}

/** A link that ends with its bearer. */
class ClosableLink implements GattLink {
  readonly #inner: GattLink;
  readonly #held: Held;
  readonly #end: Cancel;
  readonly #waiting = new Set<(error?: MeshError) => void>();

  constructor(held: Held, inner: GattLink) {
    this.#inner = inner;
    this.#held = held;
    this.#end = held.add(() => {
      if (held.isOpen) return; // it has ended of itself
      inner.disconnect();
      for (const end of [...this.#waiting]) end(closedError());
    });
  }

  get mtu(): number {
    return this.#inner.mtu;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const end = (error?: MeshError) => {
      if (this.#waiting.delete(end)) done(error);
    };
    this.#waiting.add(end);
    this.#inner.send(value, end);
  }

  listen(listener: GattLinkListener): void {
    this.#inner.listen({
      received: (value) => {
        if (this.#held.isOpen) listener.received(value);
      },
      disconnected: () => {
        if (!this.#held.isOpen) return;
        this.#end();
        listener.disconnected();
      },
    });
  }

  disconnect(): void {
    this.#inner.disconnect();
  }
}

function closedError(): MeshError {
  return new MeshError('bearer-closed', 'the bearer was closed', { hint: 'Open it again.' });
}
