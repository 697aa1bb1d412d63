import type { Context, MessageType, Model } from '@meshferry/access';
import type { Cancel, MeshError } from '@meshferry/core';

interface Report {
  readonly type: MessageType<unknown>;
  readonly value: unknown;
  readonly done: (error?: MeshError) => void;
}

/** Reports that may wait. Provisioning needs two. */
const WAITING_MAX = 32;

/** To whom a server reports: the client and the keys that it asked with. */
export type Client = Pick<Context, 'src' | 'dst' | 'key' | 'netIndex' | 'credentials' | 'ttl' | 'element'>;

/** The client of a message, without what belongs to that message alone. */
export function clientOf({ src, dst, key, netIndex, credentials, ttl, element }: Context): Client {
  return { src, dst, key, netIndex, credentials, ttl, element };
}

/** Whether it is the same client, asking over the same subnet. */
export function isSameClient(a: Pick<Client, 'src' | 'netIndex'>, b: Pick<Client, 'src' | 'netIndex'>): boolean {
  return a.src === b.src && a.netIndex === b.netIndex;
}

/**
 * What a server tells a client without being asked, one message after the other: only one segmented message to a
 * destination is on its way at a time, and their order counts.
 */
export class Reports {
  readonly #model: Model;
  readonly #client: Client;
  readonly #waiting: Report[] = [];
  #cancel: Cancel | undefined;
  #closed = false;

  constructor(model: Model, client: Client) {
    this.#model = model;
    this.#client = client;
  }

  /** So many wait that the client cannot keep up. */
  get isFull(): boolean {
    return this.#waiting.length >= WAITING_MAX;
  }

  /** Sends a report, segmented so that it is acknowledged; `done` when it has been, or with the error. */
  send<T>(type: MessageType<T>, value: T, done: (error?: MeshError) => void = () => {}): void {
    this.#enqueue({ type: type as MessageType<unknown>, value, done });
  }

  /** Sends nothing more; what was under way is given up without a word. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#cancel?.();
  }

  #enqueue(report: Report): void {
    if (this.#closed) return;
    this.#waiting.push(report);
    if (this.#waiting.length === 1) this.#next();
  }

  #next(): void {
    const { type, value, done } = this.#waiting[0]!;
    this.#cancel = this.#model.reply(this.#client, type, value, { segmented: true }, (error) => {
      this.#cancel = undefined;
      if (this.#closed) return;
      this.#waiting.shift();
      done(error);
      if (this.#waiting.length > 0 && !this.#closed && this.#cancel === undefined) this.#next();
    });
  }
}
