import { type Clock, MeshError, type Timer } from '@meshferry/core';
import { GATT_MTU_MIN, GATT_VALUE_OVERHEAD, type GattLink, type GattLinkListener } from './gatt.ts';

/** What kind of links there are. */
export interface MemoryLinkOptions {
  /** ATT_MTU of both ends. Default 23, the least. */
  readonly mtu?: number;
  /** How long a value takes, ms: one follows the other. Default 7.5, the shortest connection interval. */
  readonly valueMs?: number;
}

/** Both ends of an open link. */
export interface MemoryLinks {
  readonly client: MemoryLink;
  readonly server: MemoryLink;
}

export function makeLinks(clock: Clock, options: MemoryLinkOptions): MemoryLinks {
  const { mtu = GATT_MTU_MIN, valueMs = 7.5 } = options;
  const client = new MemoryLink(clock, mtu, valueMs);
  const server = new MemoryLink(clock, mtu, valueMs);
  client.peer = server;
  server.peer = client;
  return { client, server };
}

interface Waiting {
  readonly value: Uint8Array;
  readonly done: (error?: MeshError) => void;
}

/** One end of a link. */
export class MemoryLink implements GattLink {
  readonly mtu: number;
  peer: MemoryLink | undefined;
  /** For who made the link. */
  onDisconnected: () => void = () => {};
  /** What ends when this end disconnects: the links of all services at the server. */
  together: Iterable<MemoryLink> = [this];
  readonly #clock: Clock;
  readonly #valueMs: number;
  readonly #queue: Waiting[] = [];
  #timer: Timer | undefined;
  #listener: GattLinkListener | undefined;
  #open = true;

  constructor(clock: Clock, mtu: number, valueMs: number) {
    this.#clock = clock;
    this.mtu = mtu;
    this.#valueMs = valueMs;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const most = this.mtu - GATT_VALUE_OVERHEAD;
    if (!this.#open || value.length > most) {
      const error = this.#open ? valueTooLong(value.length, most) : disconnectedError();
      this.#clock.after(0, () => done(error));
      return;
    }
    this.#queue.push({ value, done });
    if (this.#queue.length === 1) this.#next();
  }

  listen(listener: GattLinkListener): void {
    this.#listener = listener;
  }

  disconnect(): void {
    for (const link of [...this.together]) link.#close();
  }

  #close(): void {
    const { peer } = this;
    if (!this.#open || peer === undefined) return;
    const ends = [this, peer] as const;
    for (const end of ends) end.#open = false;
    this.#clock.after(0, () => {
      for (const end of ends) end.#end();
    });
  }

  hear(value: Uint8Array): void {
    if (this.#open) this.#listener?.received(value);
  }

  #next(): void {
    this.#timer = this.#clock.after(this.#valueMs, () => {
      if (!this.#open) return;
      const { value, done } = this.#queue.shift()!;
      if (this.#queue.length > 0) this.#next();
      done();
      this.peer?.hear(value);
    });
  }

  #end(): void {
    this.#timer?.cancel();
    for (const { done } of this.#queue.splice(0)) done(disconnectedError());
    this.onDisconnected();
    this.#listener?.disconnected();
  }
}

function disconnectedError(): MeshError {
  return new MeshError('bearer-closed', 'the GATT link is disconnected', { hint: 'Connect again.' });
}

function valueTooLong(length: number, most: number): MeshError {
  return new MeshError('value-too-long', `a value of ${length} octets, the link takes ${most}`, {
    hint: 'Segment the message for the MTU of the link.',
  });
}
