import { type Cancel, type Clock, MeshError, type Unsubscribe } from '@meshferry/core';
import type { Advertising, Bearer } from './contract.ts';
import type {
  GattAdvertisement,
  GattCentral,
  GattDevice,
  GattLink,
  GattPeripheral,
  GattService,
  GattUuid,
} from './gatt.ts';
import { printGattUuid } from './gatt-uuid.ts';

/** Several bearers as one: everything that they can do. */
export interface Bridge {
  readonly advertisings: readonly Advertising[];
  /** One for each proxy that is wanted: none of them finds a peer that another one has a link of this service to. */
  readonly centrals: readonly GattCentral[];
  readonly peripherals: readonly GattPeripheral[];
  /** Puts a node, or a device, onto all that advertise and serve. */
  attachTo(node: Bridged): void;
  /** `lost` is called for each bearer that goes, with its place in the list; the others go on. */
  lost(lost: (reason: MeshError, index: number) => void): Unsubscribe;
  /** Closes all of them. */
  close(): void;
}

/** What is put onto a {@link Bridge}: a node or a device. */
export interface Bridged {
  attach(advertising: Advertising): void;
  serve(peripheral: GattPeripheral): void;
}

/**
 * Joins bearers into one node: advertising here, three `proxies` there (default: one for each bearer with a central). A PDU
 * goes out over all of them, and the network layer knows again the ones that it has had [Mesh Protocol 1.1, 3.4.5, 3.4.6.5].
 *
 * ```ts
 * const bridge = joinBearers([hci, noble], clock, { proxies: 3 });
 * bridge.attachTo(node);
 * for (const central of bridge.centrals) node.network.proxy.connect(central);
 * ```
 */
export function joinBearers(
  bearers: readonly Bearer[],
  clock: Clock,
  options: { readonly proxies?: number } = {},
): Bridge {
  const own = bearers.flatMap(({ central }) => central ?? []);
  const taken = new Set<string>();
  const advertisings = bearers.flatMap(({ advertising }) => advertising ?? []);
  const peripherals = bearers.flatMap(({ peripheral }) => peripheral ?? []);
  const proxies = own.length === 0 ? 0 : (options.proxies ?? own.length);
  return {
    advertisings,
    peripherals,
    centrals: Array.from({ length: proxies }, (_, i) => {
      const of = i % own.length;
      return new SharedCentral(own[of]!, clock, of, taken);
    }),
    attachTo: (node) => {
      for (const advertising of advertisings) node.attach(advertising);
      for (const peripheral of peripherals) node.serve(peripheral);
    },
    lost: (lost) => {
      const ends = bearers.map((bearer, i) => bearer.lost?.((reason) => lost(reason, i)));
      return () => {
        for (const end of ends) end?.();
      };
    },
    close: () => {
      for (const bearer of bearers) bearer.close();
    },
  };
}

/** One of several users of a central, who leave each other their peers. */
class SharedCentral implements GattCentral {
  readonly #inner: GattCentral;
  readonly #clock: Clock;
  /** Which of the centrals it is: each has names of its own for its peers. */
  readonly #of: number;
  readonly #taken: Set<string>;
  readonly scan?: (found: (device: GattDevice) => void) => Unsubscribe;

  constructor(inner: GattCentral, clock: Clock, of: number, taken: Set<string>) {
    this.#inner = inner;
    this.#clock = clock;
    this.#of = of;
    this.#taken = taken;
    if (inner.scan !== undefined) this.scan = (found) => inner.scan!(found);
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    return this.#inner.discover(services, (advertisement) => {
      if (!this.#taken.has(this.#name(advertisement.peer, advertisement.service))) found(advertisement);
    });
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const name = this.#name(peer, service.uuid);
    if (this.#taken.has(name)) {
      const timer = this.#clock.after(0, () => done(takenError(peer)));
      return () => timer.cancel();
    }
    this.#taken.add(name);
    const free = () => void this.#taken.delete(name);
    let isOver = false;
    const cancel = this.#inner.connect(peer, service, (outcome) => {
      isOver = true;
      if (outcome instanceof MeshError) free();
      done(outcome instanceof MeshError ? outcome : toldOfEnd(outcome, free));
    });
    return () => {
      if (!isOver) free();
      isOver = true;
      cancel();
    };
  }

  #name(peer: string, service: GattUuid): string {
    return `${this.#of}/${peer}/${printGattUuid(service)}`;
  }
}

/** A link of which `ended` is told as well. */
function toldOfEnd(link: GattLink, ended: () => void): GattLink {
  return {
    get mtu(): number {
      return link.mtu;
    },
    send: (value, done) => link.send(value, done),
    listen: (listener) =>
      link.listen({
        received: (value) => listener.received(value),
        disconnected: () => {
          ended();
          listener.disconnected();
        },
      }),
    disconnect: () => link.disconnect(),
  };
}

function takenError(peer: string): MeshError {
  return new MeshError('connect-failed', `${peer} is connected to already, by another part of this node`, {
    hint: 'Connect to another one.',
  });
}
