import type { SubnetSecurity } from './key-material.ts';

/** A message that waits for a Low Power node: one PDU, or the segments of one message in their order. */
export interface QueuedMessage {
  /** PDUs that are still to be delivered. */
  readonly left: number;
  /** Acknowledgments of one message have the same text here: a newer one replaces the older. */
  readonly acknowledges?: string | undefined;
  /** Its next PDU under friendship credentials; undefined: the rest cannot be sent any more. */
  next(security: SubnetSecurity): Uint8Array | undefined;
}

/** A place in the queue for a Friend Update, which is made when its turn comes. */
const UPDATE = 'update';

/**
 * The Friend Queue of one Low Power node: first in, first out, of so many PDUs [Mesh Protocol 1.1, 3.5.5]. When it is
 * full the oldest message goes, all its segments at once: a part of them would be of no use. A Friend Update never does.
 */
export class FriendQueue {
  readonly #capacity: number;
  readonly #dropped: (pdus: number) => void;
  readonly #entries: (QueuedMessage | typeof UPDATE)[] = [];
  #length = 0;

  /** `dropped` is told how many PDUs had to make room. */
  constructor(capacity: number, dropped: (pdus: number) => void) {
    this.#capacity = capacity;
    this.#dropped = dropped;
  }

  /** PDUs of messages. */
  get length(): number {
    return this.#length;
  }

  /** False when the message is longer than the whole queue. */
  add(message: QueuedMessage): boolean {
    if (message.left > this.#capacity) return false;
    if (message.acknowledges !== undefined) this.#removeOlder(message.acknowledges);
    while (this.#length + message.left > this.#capacity) this.#dropOldest();
    this.#entries.push(message);
    this.#length += message.left;
    return true;
  }

  /** One that waits already says the newest, too. */
  addUpdate(): void {
    if (!this.#entries.includes(UPDATE)) this.#entries.push(UPDATE);
  }

  /**
   * The PDU to deliver now. When it is the turn of a Friend Update, or nothing waits, `update` makes it, given whether more
   * waits behind it.
   */
  next(security: SubnetSecurity, update: (moreData: boolean) => Uint8Array | undefined): Uint8Array | undefined {
    for (;;) {
      const entry = this.#entries[0];
      if (entry === undefined || entry === UPDATE) {
        this.#entries.shift();
        return update(this.#entries.length > 0);
      }
      const { left } = entry;
      const pdu = entry.next(security);
      if (pdu === undefined || entry.left === 0) this.#entries.shift();
      this.#length -= pdu === undefined ? left : 1;
      if (pdu !== undefined) return pdu;
    }
  }

  clear(): void {
    this.#entries.length = 0;
    this.#length = 0;
  }

  #removeOlder(acknowledges: string): void {
    this.#removeAt(this.#entries.findIndex((entry) => entry !== UPDATE && entry.acknowledges === acknowledges));
  }

  #dropOldest(): void {
    this.#dropped(this.#removeAt(this.#entries.findIndex((entry) => entry !== UPDATE)));
  }

  #removeAt(index: number): number {
    const entry = this.#entries[index];
    if (entry === undefined || entry === UPDATE) return 0;
    this.#entries.splice(index, 1);
    this.#length -= entry.left;
    return entry.left;
  }
}
