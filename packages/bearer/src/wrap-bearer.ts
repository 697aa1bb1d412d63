import { type Cancel, MeshError, type Unsubscribe } from '@meshferry/core';
import type { Advertising, Bearer } from './contract.ts';
import type {
  GattAdvertisement,
  GattCentral,
  GattDevice,
  GattLink,
  GattOffer,
  GattPeripheral,
  GattService,
} from './gatt.ts';

/** Which end of a link this is. */
export type LinkSide = 'client' | 'server';

/** What a wrapper puts round the parts of a bearer. */
export interface Wrapping {
  advertising(inner: Advertising): Advertising;
  /** Who discovers or scans is told through this. Default: as it is. */
  found?<T>(found: (heard: T) => void): (heard: T) => void;
  /** `peer`: who the client connected to; undefined at the server. */
  link(inner: GattLink, side: LinkSide, peer: string | undefined): GattLink;
}

/** A bearer of which every part is wrapped; it closes, and is lost, as the one inside. */
export function wrapBearer(inner: Bearer, wrapping: Wrapping): Bearer {
  const { advertising, central, peripheral } = inner;
  return {
    ...(advertising && { advertising: wrapping.advertising(advertising) }),
    ...(central && { central: new WrappedCentral(central, wrapping) }),
    ...(peripheral && { peripheral: new WrappedPeripheral(peripheral, wrapping) }),
    ...(inner.lost && { lost: (lost: (reason: MeshError) => void) => inner.lost!(lost) }),
    close: () => inner.close(),
  };
}

/** What is handed to a wrapper: an advertising capability, also one that can be closed, or a whole bearer. */
export function isAdvertising(inner: Advertising | Bearer): inner is Advertising {
  return 'send' in inner;
}

class WrappedCentral implements GattCentral {
  readonly #inner: GattCentral;
  readonly #wrapping: Wrapping;
  readonly scan?: (found: (device: GattDevice) => void) => Unsubscribe;

  constructor(inner: GattCentral, wrapping: Wrapping) {
    this.#inner = inner;
    this.#wrapping = wrapping;
    if (inner.scan !== undefined) this.scan = (found) => inner.scan!(wrapping.found?.(found) ?? found);
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    return this.#inner.discover(services, this.#wrapping.found?.(found) ?? found);
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    return this.#inner.connect(peer, service, (outcome) =>
      done(outcome instanceof MeshError ? outcome : this.#wrapping.link(outcome, 'client', peer)),
    );
  }
}

class WrappedPeripheral implements GattPeripheral {
  readonly #inner: GattPeripheral;
  readonly #wrapping: Wrapping;

  constructor(inner: GattPeripheral, wrapping: Wrapping) {
    this.#inner = inner;
    this.#wrapping = wrapping;
  }

  get connections(): number {
    return this.#inner.connections;
  }

  advertise(offer: GattOffer): Cancel {
    return this.#inner.advertise(offer);
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    return this.#inner.serve(service, (link) => connected(this.#wrapping.link(link, 'server', undefined)));
  }
}
