import type { Address } from '@meshferry/core';
import type { FriendSubscriptionListChange } from './control-messages.ts';

/** Addresses of one Friend Subscription List Add or Remove. */
const MOST_AT_A_TIME = 5;

/** A change of the Friend Subscription List on its way to the Friend. */
export interface SubscriptionChange extends FriendSubscriptionListChange {
  readonly adds: boolean;
}

/** Keeps the Friend Subscription List at the Friend as it should be [Mesh Protocol 1.1, 3.6.6.4.3]. */
export class LowPowerSubscriptions {
  #wanted: readonly Address[] = [];
  readonly #atFriend = new Set<Address>();
  #size = 0;
  #transactionNumber = 0;
  #pending: SubscriptionChange | undefined;

  get wanted(): readonly Address[] {
    return this.#wanted;
  }

  /** Group and virtual addresses; when the Friend has no room for all, the first ones count. */
  want(addresses: Iterable<Address>): void {
    this.#wanted = [...new Set(addresses)];
  }

  /** A new friendship, whose list is empty and holds `size` addresses. */
  begin(size: number): void {
    this.#atFriend.clear();
    this.#size = size;
    this.#transactionNumber = 0;
    this.#pending = undefined;
  }

  /** What to send next, the same until it is confirmed; undefined: all is as it should be. */
  next(): SubscriptionChange | undefined {
    this.#pending ??= this.#change();
    return this.#pending;
  }

  /** Whether this confirms what was sent last. */
  confirmed(transactionNumber: number): boolean {
    const pending = this.#pending;
    if (pending?.transactionNumber !== transactionNumber) return false;
    for (const address of pending.addressList) {
      if (pending.adds) this.#atFriend.add(address);
      else this.#atFriend.delete(address);
    }
    this.#transactionNumber = (transactionNumber + 1) & 0xff;
    this.#pending = undefined;
    return true;
  }

  #change(): SubscriptionChange | undefined {
    const listed = this.#wanted.slice(0, this.#size);
    const removed = [...this.#atFriend].filter((address) => !listed.includes(address));
    const added = listed.filter((address) => !this.#atFriend.has(address));
    const addressList = (removed.length > 0 ? removed : added).slice(0, MOST_AT_A_TIME);
    if (addressList.length === 0) return undefined;
    return { adds: removed.length === 0, addressList, transactionNumber: this.#transactionNumber };
  }
}
