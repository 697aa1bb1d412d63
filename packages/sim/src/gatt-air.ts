import {
  type ClosableGatt,
  closableGatt,
  type GattAdvertisement,
  type GattCentral,
  type GattDevice,
  type GattLink,
  type GattService,
  type MemoryGatt,
  type MemoryGattOptions,
  memoryGatt,
} from '@meshferry/bearer';
import type { Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';
import type { Topology } from './topology.ts';

/** One node's end of the GATT links of a simulated world, from power-on to power-off. */
export type GattPort = ClosableGatt;

/** The ATT_MTU that today's stacks agree on for mesh: a Network PDU of the greatest length in one value. */
const MTU = 69;

/** What the links to a node are like. */
export interface AirLinkOptions extends Pick<MemoryGattOptions, 'mtu' | 'events'> {
  /** At a time. Default 1. */
  readonly connections?: number;
}

/** Addresses of one place, which may change them as often. */
const ADDRESSES = 0x10000;

/**
 * GATT between the nodes of a simulated world: a node hears the advertisements of its neighbours in the topology, and
 * connects to them alone. Links lose nothing, as the link layer repeats until it is acknowledged; only a node that is
 * switched off ends them. Nothing happens by chance, and nothing at all as long as no node uses it.
 */
export class GattAir {
  readonly #clock: Clock;
  readonly #topology: Topology;
  /** Around each place a space of its own, in which its peripheral is and all its neighbours listen. */
  readonly #spaces: MemoryGatt[] = [];
  readonly #nowhere: MemoryGatt;
  readonly #linksTo: ReadonlyMap<number, AirLinkOptions>;

  /** `linksTo`: of nodes whose links are not like those of the others. */
  constructor(clock: Clock, topology: Topology, linksTo: ReadonlyMap<number, AirLinkOptions> = new Map()) {
    this.#clock = clock;
    this.#linksTo = linksTo;
    this.#nowhere = memoryGatt(clock);
    this.#topology = topology;
  }

  /** Switches on the GATT of node `index`, which serves one client at a time unless it was told otherwise. */
  attach(index: number): GattPort {
    const neighbours = this.#topology.neighbours(index);
    return closableGatt(this.#clock, {
      central: new AirCentral(
        this.#nowhere.central(),
        new Map(neighbours.map((other) => [other, this.#space(other).central()])),
      ),
      peripheral: this.#space(index).peripheral(this.#linksTo.get(index)),
    });
  }

  #space(index: number): MemoryGatt {
    const space =
      this.#spaces[index] ??
      memoryGatt(this.#clock, { mtu: MTU, ...this.#linksTo.get(index), firstAddress: index * ADDRESSES });
    this.#spaces[index] = space;
    return space;
  }
}

/** Which node, by its index, a handle belongs to that {@link GattPort.central} has heard. */
export function placeOfPeer(peer: string): number {
  return Number(peer.slice(0, peer.indexOf('/')));
}

class AirCentral implements GattCentral {
  readonly #nowhere: GattCentral;
  /** One for each neighbour's space. */
  readonly #centrals: ReadonlyMap<number, GattCentral>;
  /** Handles by the addresses that were heard. */
  readonly #heard = new Map<string, string>();

  constructor(nowhere: GattCentral, centrals: ReadonlyMap<number, GattCentral>) {
    this.#nowhere = nowhere;
    this.#centrals = centrals;
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    return this.#listen((central, handle) =>
      central.discover(services, (advertisement) => found({ ...advertisement, peer: handle(advertisement.peer) })),
    );
  }

  scan(found: (device: GattDevice) => void): Unsubscribe {
    return this.#listen((central, handle) =>
      central.scan?.((device) => {
        const peer = handle(device.peer);
        if (device.address !== null) this.#heard.set(device.address, peer);
        found({ ...device, peer });
      }),
    );
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const handle = this.#heard.get(peer.toUpperCase()) ?? peer;
    const at = handle.indexOf('/');
    // Who is out of reach is found out as late as who is not there: in a space where nobody is.
    const central = this.#centrals.get(placeOfPeer(handle)) ?? this.#nowhere;
    return central.connect(handle.slice(at + 1), service, done);
  }

  #listen(listen: (central: GattCentral, handle: (peer: string) => string) => Unsubscribe | undefined): Unsubscribe {
    const ends = [...this.#centrals].map(([index, central]) => listen(central, (peer) => `${index}/${peer}`));
    return () => {
      for (const end of ends) end?.();
    };
  }
}
