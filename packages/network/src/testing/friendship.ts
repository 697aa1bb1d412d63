import type { AdStructure, Advertising, Heard, Sent, Transmit } from '@meshferry/bearer';
import type { Address, Cancel, Clock, MeshError, Unsubscribe } from '@meshferry/core';
import type { NetworkLayerOptions } from '../options.ts';
import { TestMesh, type TestNode } from './node.ts';

/** A radio whose receiver is off while nobody listens: says for how long it was on, and what it heard then. */
export class RadioMeter implements Advertising {
  readonly sets: number;
  readonly minIntervalMs: number;
  heard = 0;
  /** While true nothing gets through in either direction. */
  broken = false;
  readonly #clock: Clock;
  readonly #radio: Advertising;
  #onMs = 0;
  #onSince: number | undefined;

  constructor(clock: Clock, radio: Advertising) {
    this.#clock = clock;
    this.#radio = radio;
    this.sets = radio.sets;
    this.minIntervalMs = radio.minIntervalMs;
  }

  get isOn(): boolean {
    return this.#onSince !== undefined;
  }

  get onMs(): number {
    return this.#onMs + (this.#onSince === undefined ? 0 : this.#clock.now - this.#onSince);
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    if (!this.broken) return this.#radio.send(ad, transmit, done);
    const at = this.#clock.now;
    const timer = this.#clock.after(1, () => done({ start: at, end: at + 1 }));
    return () => timer.cancel();
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    this.#onSince = this.#clock.now;
    const off = this.#radio.receive(types, (ad) => {
      if (this.broken) return;
      this.heard++;
      heard(ad);
    });
    return () => {
      off();
      this.#onMs = this.onMs;
      this.#onSince = undefined;
    };
  }
}

/** Nodes 0x0001, 0x0002, … of which some are Friends and some Low Power nodes. */
export class FriendMesh extends TestMesh {
  readonly meters = new Map<Address, RadioMeter>();

  /** A node whose radio is metered. */
  join(options: Partial<NetworkLayerOptions> = {}): TestNode {
    let meter: RadioMeter | undefined;
    const node = this.add(options, (radio) => {
      meter = new RadioMeter(this.clock, radio);
      return meter;
    });
    this.meters.set(node.layer.address, meter!);
    return node;
  }

  meter(node: TestNode): RadioMeter {
    return this.meters.get(node.layer.address)!;
  }

  /** Lets time pass until the Low Power node has a Friend that knows its subscriptions. */
  befriend(...nodes: TestNode[]): void {
    for (let i = 0; i < 300; i++) {
      this.clock.advance(200);
      if (nodes.every(({ layer }) => layer.lowPower?.friend !== undefined) && i > 10) return;
    }
    throw new Error('no friendship');
  }
}

/** The first octets of what a node received. */
export function tags(node: TestNode): (number | undefined)[] {
  return node.received.map(({ payload }) => payload[0]);
}
