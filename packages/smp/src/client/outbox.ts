import { type Clock, Deadline, type MeshError } from '@meshferry/core';
import type { SmpTransport } from '../transport.ts';
import type { Attempt } from './exchange.ts';

/** For one packet to leave, ms: at 9600 baud the longest buffers take some seconds. */
export const SENDING_MS = 30_000;

/** What an {@link Outbox} tells. */
export interface OutboxListener {
  /** It is handed to the transport. */
  sending(attempt: Attempt): void;
  /** The transport has room for the next, or could not send it. */
  sent(attempt: Attempt, error: MeshError | undefined): void;
  /** The transport took a packet and said nothing for {@link SENDING_MS}. */
  stuck(): void;
}

/** What waits to be sent: the transport gets one packet after the other. */
export class Outbox {
  readonly #transport: SmpTransport;
  readonly #listener: OutboxListener;
  readonly #stuck: Deadline;
  /** The first is with the transport. */
  readonly #queue: Attempt[] = [];

  constructor(transport: SmpTransport, clock: Clock, listener: OutboxListener) {
    this.#transport = transport;
    this.#listener = listener;
    this.#stuck = new Deadline(clock, () => listener.stuck());
  }

  add(attempt: Attempt): void {
    this.#queue.push(attempt);
    if (this.#queue.length === 1) this.#sendFirst();
  }

  /** Takes one back; false when it is with the transport, or has left. */
  withdraw(attempt: Attempt): boolean {
    const place = this.#queue.indexOf(attempt);
    if (place > 0) this.#queue.splice(place, 1);
    return place > 0;
  }

  clear(): void {
    this.#queue.length = 0;
    this.#stuck.clear();
  }

  #sendFirst(): void {
    const first = this.#queue[0]!;
    this.#stuck.set(SENDING_MS);
    this.#listener.sending(first);
    this.#transport.send(first.packet, this.#sent);
  }

  readonly #sent = (error?: MeshError): void => {
    const attempt = this.#queue.shift();
    if (attempt === undefined) return;
    if (this.#queue.length > 0) this.#sendFirst();
    else this.#stuck.clear();
    this.#listener.sent(attempt, error);
  };
}
