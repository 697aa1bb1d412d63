import type { Store, Unicast, Write } from '@meshferry/core';
import { type AddedReceiver, type ListedReceiver, MAX_RECEIVERS_LISTED } from './distribution-receivers-messages.ts';
import { checkedLimit } from './limit.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';
import type { UpdateReceiverState } from './update-types.ts';

type Entry = { -readonly [K in keyof ListedReceiver]: ListedReceiver[K] };

/** Receivers in one record: adding to a list of tens of thousands rewrites its last record alone. */
const PAGE = 256;
const ENTRY_SIZE = 7;

/**
 * The Distribution Receivers List in a store, in the order of adding. While an update runs, it shows what that knows of
 * each receiver.
 */
export class ReceiversList {
  readonly max: number;
  readonly #store: Store;
  #entries: Entry[] = [];
  readonly #indexes = new Map<Unicast, number>();
  readonly #live = new Map<Unicast, UpdateReceiverState>();

  /** `max`: 0 to 65 535 receivers. Throws `bad-limit`. */
  constructor(store: Store, max: number) {
    this.#store = store;
    this.max = checkedLimit('maxReceivers', max, 0xffff);
    this.#load();
  }

  get count(): number {
    return this.#entries.length;
  }

  /** All of them as they are now. */
  get all(): readonly ListedReceiver[] {
    return this.#entries.map((entry) => this.#current(entry));
  }

  /** Whether one of them runs the new firmware: who left the network as it should stays at Applying Update. */
  get hasUpdated(): boolean {
    return this.all.some(({ retrievedUpdatePhase: phase, updateStatus }) => {
      const hasLeft = phase === UpdatePhase.applyingUpdate && updateStatus === UpdateStatus.success;
      return phase === UpdatePhase.applySuccess || hasLeft;
    });
  }

  /** From `first` on, as many as asked and as one message takes; none past the end. */
  page(first: number, limit: number): ListedReceiver[] {
    const end = first + Math.min(limit, MAX_RECEIVERS_LISTED);
    return this.#entries.slice(first, end).map((entry) => this.#current(entry));
  }

  /**
   * Adds receivers, of which nothing is known then; a known address gets the new image index. False when the list was
   * full before the last one; those before stay. Throws `store-failed`, nothing is added then.
   */
  add(receivers: readonly AddedReceiver[]): boolean {
    const pages = new Set<number>();
    let fits = true;
    for (const { address, imageIndex } of receivers) {
      const index = this.#indexes.get(address) ?? this.count;
      if (index >= this.max) {
        fits = false;
        break;
      }
      this.#indexes.set(address, index);
      this.#entries[index] = unknown(address, imageIndex);
      pages.add(Math.floor(index / PAGE));
    }
    this.#save([...pages].map((page) => this.#write(page)));
    // It may be of an update whose end could not be stored.
    for (const { address } of receivers) this.#live.delete(address);
    return fits;
  }

  clear(): void {
    this.#save(this.#store.keys('').map((key) => [key, null]));
    this.#load();
    this.#live.clear();
  }

  /** A distribution begins: nothing is known of anybody. */
  reset(): void {
    this.#entries = this.#entries.map(({ address, imageIndex }) => unknown(address, imageIndex));
    this.#save(this.#allPages());
  }

  /** From now on the list shows what the update knows of its receivers. */
  follow(receivers: readonly UpdateReceiverState[]): void {
    this.#live.clear();
    for (const receiver of receivers) this.#live.set(receiver.address, receiver);
  }

  /** Stores what the update knows of one receiver. */
  keep(address: Unicast): void {
    const index = this.#indexes.get(address);
    if (index === undefined) return;
    this.#entries[index] = this.#current(this.#entries[index] as Entry);
    this.#save([this.#write(Math.floor(index / PAGE))]);
  }

  /** Stores what the update knows of all receivers: the records in which something is new. */
  keepAll(): void {
    if (this.#live.size === 0) return;
    const pages = new Set<number>();
    for (const [index, entry] of this.#entries.entries()) {
      const current = this.#current(entry);
      if (isSameEntry(entry, current)) continue;
      this.#entries[index] = current;
      pages.add(Math.floor(index / PAGE));
    }
    if (pages.size > 0) this.#save([...pages].map((page) => this.#write(page)));
  }

  /** The update has ended: what it knew stays, stored. Throws `store-failed`; the list shows it all the same. */
  unfollow(): void {
    this.keepAll();
    this.#live.clear();
  }

  #current(entry: Entry): Entry {
    const live = this.#live.get(entry.address);
    if (live === undefined) return entry;
    const { address, imageIndex, updateStatus, transferStatus, progress } = live;
    const transferProgress = Math.floor(progress);
    const retrievedUpdatePhase = retrievedPhase(live);
    return { address, imageIndex, retrievedUpdatePhase, updateStatus, transferStatus, transferProgress };
  }

  /** After a failure the list is what the store holds. */
  #save(writes: readonly Write[]): void {
    try {
      this.#store.batch(writes);
    } catch (thrown) {
      this.#load();
      throw thrown;
    }
  }

  #load(): void {
    this.#entries = [];
    this.#indexes.clear();
    for (const key of this.#store.keys('')) {
      const octets = this.#store.get(key) ?? new Uint8Array(0);
      for (let at = 0; at + ENTRY_SIZE <= octets.length; at += ENTRY_SIZE) this.#entries.push(readEntry(octets, at));
    }
    for (const [index, { address }] of this.#entries.entries()) this.#indexes.set(address, index);
  }

  #allPages(): Write[] {
    return Array.from({ length: Math.ceil(this.count / PAGE) }, (_, page) => this.#write(page));
  }

  #write(page: number): Write {
    const entries = this.#entries.slice(page * PAGE, (page + 1) * PAGE);
    const octets = new Uint8Array(entries.length * ENTRY_SIZE);
    for (const [i, entry] of entries.entries()) writeEntry(octets, i * ENTRY_SIZE, entry);
    return [page.toString(16).padStart(4, '0'), octets];
  }
}

/** What the receiver itself has told last: one that has left the network, as it should, has told nothing since Apply. */
function retrievedPhase({ phase, effect }: UpdateReceiverState): number {
  const hasLeft = phase === UpdatePhase.applySuccess && effect === UpdateEffect.unprovisioned;
  return hasLeft ? UpdatePhase.applyingUpdate : phase;
}

function unknown(address: Unicast, imageIndex: number): Entry {
  return {
    address,
    imageIndex,
    retrievedUpdatePhase: UpdatePhase.unknown,
    updateStatus: 0,
    transferStatus: 0,
    transferProgress: 0,
  };
}

function isSameEntry(a: Entry, b: Entry): boolean {
  return (
    a.imageIndex === b.imageIndex &&
    a.retrievedUpdatePhase === b.retrievedUpdatePhase &&
    a.updateStatus === b.updateStatus &&
    a.transferStatus === b.transferStatus &&
    a.transferProgress === b.transferProgress
  );
}

/** Address (big-endian), image index, phase, update status, transfer status, percent. */
function writeEntry(octets: Uint8Array, at: number, entry: Entry): void {
  octets[at] = entry.address >> 8;
  octets[at + 1] = entry.address & 0xff;
  octets[at + 2] = entry.imageIndex;
  octets[at + 3] = entry.retrievedUpdatePhase;
  octets[at + 4] = entry.updateStatus;
  octets[at + 5] = entry.transferStatus;
  octets[at + 6] = entry.transferProgress;
}

function readEntry(octets: Uint8Array, at: number): Entry {
  const octet = (i: number): number => octets[at + i] as number;
  return {
    address: (octet(0) << 8) | octet(1),
    imageIndex: octet(2),
    retrievedUpdatePhase: octet(3),
    updateStatus: octet(4),
    transferStatus: octet(5),
    transferProgress: octet(6),
  };
}
