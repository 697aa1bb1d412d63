import { type Clock, MeshError, type Timer } from '@meshferry/core';
import { GATT_MTU_MIN, GATT_VALUE_OVERHEAD, type GattLink, type GattLinkListener } from './gatt.ts';

/** What kind of links there are. */
export interface MemoryLinkOptions {
  /** ATT_MTU of both ends. Default 23, the least. */
  readonly mtu?: number;
  /** How long a value takes, ms: one follows the other. Default 7.5, the shortest connection interval. */
  readonly valueMs?: number;
  /** Values leave in connection events instead, as over a radio. */
  readonly events?: ConnectionEvents;
}

/**
 * When values leave a radio link: at every event up to `packets` of them each way, so that packets × (MTU − 3) ÷ interval octets
 * a second is the most it carries. A sender has room for the values of one event ahead, and waits for its next one when it is used up.
 */
export interface ConnectionEvents {
  /** Connection interval, ms. */
  readonly intervalMs: number;
  /** Values of an event, each way, 1 or more. */
  readonly packets: number;
}

/** Both ends of an open link. */
export interface MemoryLinks {
  readonly client: MemoryLink;
  readonly server: MemoryLink;
}

export function makeLinks(clock: Clock, options: MemoryLinkOptions): MemoryLinks {
  const client = new MemoryLink(clock, options);
  const server = new MemoryLink(clock, options);
  client.peer = server;
  server.peer = client;
  return { client, server };
}

interface Waiting {
  readonly value: Uint8Array;
  /** Undefined once it was called: the sender may send more. */
  done: ((error?: MeshError) => void) | undefined;
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
  readonly #events: ConnectionEvents | undefined;
  /** When the connection began: its events are whole intervals later. */
  readonly #anchor: number;
  readonly #queue: Waiting[] = [];
  #timer: Timer | undefined;
  #listener: GattLinkListener | undefined;
  #open = true;

  constructor(clock: Clock, { mtu = GATT_MTU_MIN, valueMs = 7.5, events }: MemoryLinkOptions) {
    this.#clock = clock;
    this.mtu = mtu;
    this.#valueMs = valueMs;
    this.#events = events;
    this.#anchor = clock.now;
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const most = this.mtu - GATT_VALUE_OVERHEAD;
    if (!this.#open || value.length > most) {
      const error = this.#open ? valueTooLong(value.length, most) : disconnectedError();
      this.#clock.after(0, () => done(error));
      return;
    }
    const waiting: Waiting = { value, done };
    this.#queue.push(waiting);
    if (this.#queue.length <= (this.#events?.packets ?? 0)) this.#clock.after(0, () => this.#accept(waiting));
    if (this.#timer === undefined) this.#next();
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
    this.#timer = this.#clock.after(this.#untilNext(), () => {
      this.#timer = undefined;
      if (!this.#open) return;
      const leaving = this.#queue.splice(0, this.#events?.packets ?? 1);
      if (this.#queue.length > 0) this.#next();
      for (const waiting of leaving) this.#accept(waiting);
      // Those that have moved up to the next event.
      for (const waiting of this.#queue.slice(0, this.#events?.packets ?? 0)) this.#accept(waiting);
      for (const { value } of leaving) this.peer?.hear(value);
    });
  }

  #untilNext(): number {
    if (this.#events === undefined) return this.#valueMs;
    const { intervalMs } = this.#events;
    const since = this.#clock.now - this.#anchor;
    // A rounding error must not make an event twice of one.
    return (Math.floor(since / intervalMs + 1e-9) + 1) * intervalMs - since;
  }

  /** There is room for another value. */
  #accept(waiting: Waiting): void {
    const { done } = waiting;
    waiting.done = undefined;
    done?.();
  }

  #end(): void {
    this.#timer?.cancel();
    for (const { done } of this.#queue.splice(0)) done?.(disconnectedError());
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
