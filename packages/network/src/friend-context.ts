import {
  type Address,
  type Cancel,
  type Clock,
  Deadline,
  isUnicast,
  type NetIndex,
  type Timer,
  type Unicast,
} from '@meshferry/core';
import type { ControlMessageType } from './control-message.ts';
import { type FriendRequest, FriendSubscriptionListConfirm, FriendUpdate } from './control-messages.ts';
import type { FriendCredentials } from './friend-credentials.ts';
import { type FriendLimits, offerDelayMs, pollTimeoutMs } from './friend-limits.ts';
import { FriendQueue } from './friend-queue.ts';
import type { SubnetSecurity } from './key-material.ts';
import { encodeFlags, type NetworkState } from './network-change.ts';

/** The Offer waits for its time; it is out and no Poll has come; friends; over. */
export type FriendContextState = 'offering' | 'offered' | 'established' | 'ended';

/** Why a friendship, or what might have become one, is over. */
export type FriendshipEnd =
  | 'not-chosen'
  | 'poll-timeout'
  | 'cleared'
  | 'requested-anew'
  | 'key-removed'
  | 'switched-off';

export interface FriendContextOptions {
  readonly clock: Clock;
  readonly limits: FriendLimits;
  readonly lpn: Unicast;
  readonly netIndex: NetIndex;
  readonly request: FriendRequest;
  /** dBm of the Request. */
  readonly rssiDbm: number | undefined;
  /** Derives credentials and sends the Offer. */
  offer(context: FriendContext): FriendCredentials;
  /** What a beacon of the subnet would tell. */
  networkState(): NetworkState | undefined;
  /** A control message of this node to the Low Power node, TTL 0, ready to be sent. */
  encode<T>(type: ControlMessageType<T>, value: T, security: SubnetSecurity): Uint8Array | undefined;
  /** Sends a PDU once. */
  transmit(pdu: Uint8Array): Cancel;
  established(context: FriendContext): void;
  ended(context: FriendContext, reason: FriendshipEnd): void;
  dropped(pdus: number): void;
}

/** A Low Power node that chose another Friend is forgotten then, ms after the Offer [Mesh Protocol 1.1, 3.6.6.3.1]. */
const POLL_WAIT_MS = 1000;
/** Into the Receive Window: the radio of the Low Power node may be late, ms. */
const INTO_WINDOW_MS = 10;

/** What a Friend does for one Low Power node [Mesh Protocol 1.1, 3.6.6.3.1, 3.6.6.4.1]. */
export class FriendContext {
  readonly lpn: Unicast;
  readonly netIndex: NetIndex;
  readonly request: FriendRequest;
  readonly queue: FriendQueue;
  /** The Friend Subscription List. */
  readonly subscriptions: Set<Address> = new Set();
  readonly #options: FriendContextOptions;
  /** Of the step that the state waits for. */
  readonly #deadline: Deadline;
  #state: FriendContextState = 'offering';
  #until: number;
  #credentials: FriendCredentials | undefined;
  /** Of the last Poll, and the PDU that answered it, to be repeated until the other number comes. */
  #fsn: number | undefined;
  #last: Uint8Array | undefined;
  /** The answer on its way. */
  #timer: Timer | undefined;
  #cancel: Cancel | undefined;

  constructor(options: FriendContextOptions) {
    const { clock, limits, request, rssiDbm = 0 } = options;
    this.#options = options;
    this.lpn = options.lpn;
    this.netIndex = options.netIndex;
    this.request = request;
    this.queue = new FriendQueue(limits.queueSize, (pdus) => options.dropped(pdus));
    this.#deadline = new Deadline(clock, () => this.#due());
    this.#until = 0;
    this.#wait(offerDelayMs(request, limits.receiveWindowMs, rssiDbm));
  }

  get state(): FriendContextState {
    return this.#state;
  }

  /** What is left of the PollTimeout of a friendship, ms. */
  get pollTimeoutLeftMs(): number {
    return Math.max(this.#until - this.#options.clock.now, 0);
  }

  /** Whether PDUs with these credentials are of this friendship. */
  has(security: SubnetSecurity): boolean {
    return this.#credentials?.has(security) ?? false;
  }

  /** Whether an address is an element of the Low Power node. */
  isElement(address: Address): boolean {
    return address >= this.lpn && address < this.lpn + this.request.numElements;
  }

  /** Whether what goes from `src` to `dst` on a subnet is to be kept for it [3.5.5]. */
  wants(src: Unicast, dst: Address, netIndex: NetIndex): boolean {
    if (this.#state !== 'established' || netIndex !== this.netIndex || this.isElement(src)) return false;
    return isUnicast(dst) ? this.isElement(dst) : this.subscriptions.has(dst);
  }

  /** A Poll: establishes the friendship, or acknowledges the last answer, or asks for it once more. */
  poll(fsn: number): void {
    if (this.#state === 'offered') this.#establish();
    this.alive();
    if (fsn !== this.#fsn) this.#last = undefined;
    this.#fsn = fsn;
    this.#answerWith((security) => {
      this.#last ??= this.#nextPdu(security);
      return this.#last;
    });
  }

  /** Subscription List Add or Remove; what finds no room is not added. The answer leaves FSN alone. */
  changeSubscriptions(adds: boolean, addresses: readonly Address[], transactionNumber: number): void {
    this.alive();
    for (const address of addresses) {
      if (address < 0x8000) continue;
      if (!adds) this.subscriptions.delete(address);
      else if (this.subscriptions.size < this.#options.limits.subscriptionListSize) this.subscriptions.add(address);
    }
    const { encode } = this.#options;
    this.#answerWith((security) => encode(FriendSubscriptionListConfirm, { transactionNumber }, security));
  }

  /** The Low Power node was heard: the PollTimeout starts anew. */
  alive(): void {
    if (this.#state === 'established') this.#wait(pollTimeoutMs(this.request));
  }

  /** IV Index or flags of the subnet have changed. */
  networkStateChanged(): void {
    this.#credentials?.keysChanged();
    if (this.#state === 'established') this.queue.addUpdate();
  }

  end(reason: FriendshipEnd): void {
    if (this.#state === 'ended') return;
    this.#deadline.clear();
    this.#stopAnswer();
    this.#credentials?.remove();
    this.queue.clear();
    const { ended } = this.#options;
    this.#state = 'ended';
    ended(this, reason);
  }

  #due(): void {
    if (this.#state === 'established') this.end('poll-timeout');
    else if (this.#state === 'offered') this.end('not-chosen');
    else this.#offer();
  }

  #offer(): void {
    this.#credentials = this.#options.offer(this);
    this.#state = 'offered';
    this.#wait(POLL_WAIT_MS);
  }

  /** The first answer is a Friend Update. */
  #establish(): void {
    this.#state = 'established';
    this.queue.addUpdate();
    this.#options.established(this);
  }

  /** In the Receive Window. Of two requests only the newer one is answered. */
  #answerWith(make: (security: SubnetSecurity) => Uint8Array | undefined): void {
    const { clock, limits, transmit } = this.#options;
    this.#stopAnswer();
    const into = Math.min(INTO_WINDOW_MS, limits.receiveWindowMs / 2);
    this.#timer = clock.after(this.request.receiveDelay + into, () => {
      const security = this.#credentials?.transmit;
      const pdu = security === undefined ? undefined : make(security);
      if (pdu !== undefined) this.#cancel = transmit(pdu);
    });
  }

  #stopAnswer(): void {
    this.#timer?.cancel();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #nextPdu(security: SubnetSecurity): Uint8Array | undefined {
    const { networkState, encode } = this.#options;
    return this.queue.next(security, (moreData) => {
      const state = networkState();
      if (state === undefined) return undefined;
      const { ivIndex } = state;
      return encode(FriendUpdate, { flags: encodeFlags(state), ivIndex, md: moreData ? 1 : 0 }, security);
    });
  }

  #wait(ms: number): void {
    this.#until = this.#options.clock.now + ms;
    this.#deadline.set(ms);
  }
}
