import {
  type GattAdvertisement,
  type GattCentral,
  type GattLink,
  type GattLinkListener,
  type GattOffer,
  type GattPeripheral,
  type GattService,
  type MemoryGatt,
  memoryGatt,
} from '@meshferry/bearer';
import { type Cancel, type Clock, MeshError, type Unsubscribe } from '@meshferry/core';
import type { Topology } from './topology.ts';

/** One node's end of the GATT links of a simulated world, from power-on to power-off. */
export interface GattPort {
  readonly central: GattCentral;
  readonly peripheral: GattPeripheral;
  /** Ends advertising, discovery and all links: the other ends are told, this one hears nothing any more. */
  close(): void;
}

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
    const held = new Held();
    const neighbours = this.#topology.neighbours(index);
    return {
      central: new AirCentral(held, this.#nowhere, new Map(neighbours.map((other) => [other, this.#space(other)]))),
      peripheral: new AirPeripheral(held, this.#space(index).peripheral()),
      close: () => held.close(),
    };
  }

  #space(index: number): MemoryGatt {
    const space = this.#spaces[index] ?? memoryGatt(this.#clock, { mtu: MTU });
    this.#spaces[index] = space;
    return space;
  }
}

/** What is to end when the power goes. */
class Held {
  readonly #ends = new Set<Cancel>();

  /** Keeps `end` until it is called by the function given back, or here. */
  add(end: Cancel): Cancel {
    const once = () => {
      if (this.#ends.delete(once)) end();
    };
    this.#ends.add(once);
    return once;
  }

  /** Keeps a link, as its holder sees it. */
  link(link: GattLink): GattLink {
    return new HeldLink(this, link);
  }

  close(): void {
    for (const end of [...this.#ends]) end();
  }
}

class AirCentral implements GattCentral {
  readonly #held: Held;
  readonly #nowhere: MemoryGatt;
  readonly #spaces: ReadonlyMap<number, MemoryGatt>;

  constructor(held: Held, nowhere: MemoryGatt, spaces: ReadonlyMap<number, MemoryGatt>) {
    this.#held = held;
    this.#nowhere = nowhere;
    this.#spaces = spaces;
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    const ends = [...this.#spaces].map(([index, space]) => {
      const heard = (advertisement: GattAdvertisement) =>
        found({ ...advertisement, peer: `${index}/${advertisement.peer}` });
      return space.central().discover(services, heard);
    });
    return this.#held.add(() => {
      for (const end of ends) end();
    });
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const at = peer.indexOf('/');
    // Who is out of reach is found out as late as who is not there: in a space where nobody is.
    const space = this.#spaces.get(Number(peer.slice(0, at))) ?? this.#nowhere;
    const end: Cancel = this.#held.add(
      space.central().connect(peer.slice(at + 1), service, (outcome) => {
        end();
        done(outcome instanceof MeshError ? outcome : this.#held.link(outcome));
      }),
    );
    return end;
  }
}

class AirPeripheral implements GattPeripheral {
  readonly #held: Held;
  readonly #peripheral: GattPeripheral;

  constructor(held: Held, peripheral: GattPeripheral) {
    this.#held = held;
    this.#peripheral = peripheral;
  }

  get connections(): number {
    return this.#peripheral.connections;
  }

  advertise(offer: GattOffer): Cancel {
    return this.#held.add(this.#peripheral.advertise(offer));
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    return this.#held.add(this.#peripheral.serve(service, (link) => connected(this.#held.link(link))));
  }
}

/** A link that ends with the power of its holder, who then hears nothing more of it. */
class HeldLink implements GattLink {
  readonly #link: GattLink;
  readonly #end: Cancel;
  #powered = true;

  constructor(held: Held, link: GattLink) {
    this.#link = link;
    this.#end = held.add(() => {
      this.#powered = false;
      link.disconnect();
    });
  }

  get mtu(): number {
    return this.#link.mtu;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    this.#link.send(value, (error) => {
      if (this.#powered) done(error);
    });
  }

  listen(listener: GattLinkListener): void {
    this.#link.listen({
      received: (value) => {
        if (this.#powered) listener.received(value);
      },
      disconnected: () => {
        if (!this.#powered) return;
        this.#end();
        listener.disconnected();
      },
    });
  }

  disconnect(): void {
    this.#link.disconnect();
  }
}
