import {
  type ClosableGatt,
  closableGatt,
  type GattAdvertisement,
  type GattCentral,
  type GattLink,
  type GattService,
  type MemoryGatt,
  memoryGatt,
} from '@meshferry/bearer';
import type { Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';
import type { Topology } from './topology.ts';

/** One node's end of the GATT links of a simulated world, from power-on to power-off. */
export type GattPort = ClosableGatt;

/** The ATT_MTU that today's stacks agree on for mesh: a Network PDU of the greatest length in one value. */
const MTU = 69;

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

  constructor(clock: Clock, topology: Topology) {
    this.#clock = clock;
    this.#nowhere = memoryGatt(clock);
    this.#topology = topology;
  }

  /** Switches on the GATT of node `index`, which serves one client at a time. */
  attach(index: number): GattPort {
    const neighbours = this.#topology.neighbours(index);
    return closableGatt(this.#clock, {
      central: new AirCentral(this.#nowhere, new Map(neighbours.map((other) => [other, this.#space(other)]))),
      peripheral: this.#space(index).peripheral(),
    });
  }

  #space(index: number): MemoryGatt {
    const space = this.#spaces[index] ?? memoryGatt(this.#clock, { mtu: MTU });
    this.#spaces[index] = space;
    return space;
  }
}

class AirCentral implements GattCentral {
  readonly #nowhere: MemoryGatt;
  readonly #spaces: ReadonlyMap<number, MemoryGatt>;

  constructor(nowhere: MemoryGatt, spaces: ReadonlyMap<number, MemoryGatt>) {
    this.#nowhere = nowhere;
    this.#spaces = spaces;
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    const ends = [...this.#spaces].map(([index, space]) => {
      const heard = (advertisement: GattAdvertisement) =>
        found({ ...advertisement, peer: `${index}/${advertisement.peer}` });
      return space.central().discover(services, heard);
    });
    return () => {
      for (const end of ends) end();
    };
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const at = peer.indexOf('/');
    // Who is out of reach is found out as late as who is not there: in a space where nobody is.
    const space = this.#spaces.get(Number(peer.slice(0, at))) ?? this.#nowhere;
    return space.central().connect(peer.slice(at + 1), service, done);
  }
}
