import type { Unicast } from '@meshferry/core';
import type { SubnetSecurity } from './key-material.ts';
import { comparePoints, type SequencePoint } from './replay-list.ts';

/** A PDU that waits for a Low Power node. */
export interface QueuedPdu {
  /** That of another node has its sequence number already; an own one gets it when it is delivered. */
  readonly point?: SequencePoint;
  /** The octets under friendship credentials; undefined: it cannot be sent any more, nor what is left of its message. */
  encode(security: SubnetSecurity): Uint8Array | undefined;
}

/** A message that waits for a Low Power node: one PDU, or its segments. */
export interface QueuedMessage {
  readonly src: Unicast;
  readonly pdus: readonly QueuedPdu[];
  /** Acknowledgments of one message have the same text here: a newer one replaces the older. */
  readonly acknowledges?: string | undefined;
}

interface Entry {
  readonly message: QueuedMessage;
  readonly pdu: QueuedPdu;
}

/** A place in the queue for a Friend Update, which is made when its turn comes. */
const UPDATE = 'update';

/**
 * The Friend Queue of one Low Power node, of so many PDUs [Mesh Protocol 1.1, 3.5.5]. First in, first out, but that PDUs of
 * one source keep the order of their sequence numbers: a message in segments is complete, and enters, after a later one
 * that was sent meanwhile, and would be taken for a replay behind it. When the queue is full the oldest message goes, all
 * its segments at once: a part of them would be of no use. A Friend Update never does.
 */
export class FriendQueue {
  readonly #capacity: number;
  readonly #dropped: (pdus: number) => void;
  /** As they are to be delivered. */
  #entries: (Entry | typeof UPDATE)[] = [];
  /** As they came. */
  #messages: QueuedMessage[] = [];

  /** `dropped` is told how many PDUs had to make room. */
  constructor(capacity: number, dropped: (pdus: number) => void) {
    this.#capacity = capacity;
    this.#dropped = dropped;
  }

  /** PDUs of messages. */
  get length(): number {
    return this.#entries.length - (this.#entries.includes(UPDATE) ? 1 : 0);
  }

  /** False when the message is longer than the whole queue. */
  add(message: QueuedMessage): boolean {
    const { pdus, acknowledges } = message;
    if (pdus.length > this.#capacity) return false;
    const older = this.#messages.find((other) => acknowledges !== undefined && other.acknowledges === acknowledges);
    if (older !== undefined) this.#remove(older);
    for (let oldest = this.#messages[0]; oldest !== undefined; oldest = this.#messages[0]) {
      if (this.length + pdus.length <= this.#capacity) break;
      this.#dropped(this.#remove(oldest));
    }
    this.#messages.push(message);
    for (const pdu of pdus) this.#insert({ message, pdu });
    return true;
  }

  /** One that waits already will say the newest, too. */
  addUpdate(): void {
    if (!this.#entries.includes(UPDATE)) this.#entries.push(UPDATE);
  }

  /**
   * The PDU to deliver now. When it is the turn of a Friend Update, or nothing waits, `update` makes it, given whether more
   * waits behind it.
   */
  next(security: SubnetSecurity, update: (moreData: boolean) => Uint8Array | undefined): Uint8Array | undefined {
    for (;;) {
      const entry = this.#entries.shift();
      if (entry === undefined || entry === UPDATE) return update(this.#entries.length > 0);
      const { message, pdu } = entry;
      const octets = pdu.encode(security);
      if (octets === undefined || !this.#has(message)) this.#remove(message);
      if (octets !== undefined) return octets;
    }
  }

  clear(): void {
    this.#entries = [];
    this.#messages = [];
  }

  #insert(entry: Entry): void {
    const { point } = entry.pdu;
    const at = point === undefined ? -1 : this.#entries.findIndex((other) => isLater(other, entry.message.src, point));
    if (at < 0) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
  }

  #has(message: QueuedMessage): boolean {
    return this.#entries.some((entry) => entry !== UPDATE && entry.message === message);
  }

  /** How many PDUs it had left. */
  #remove(message: QueuedMessage): number {
    const { length } = this.#entries;
    this.#entries = this.#entries.filter((entry) => entry === UPDATE || entry.message !== message);
    this.#messages = this.#messages.filter((other) => other !== message);
    return length - this.#entries.length;
  }
}

function isLater(entry: Entry | typeof UPDATE, src: Unicast, { ivIndex, seq }: SequencePoint): boolean {
  if (entry === UPDATE || entry.message.src !== src || entry.pdu.point === undefined) return false;
  return comparePoints(entry.pdu.point, ivIndex, seq) > 0;
}
