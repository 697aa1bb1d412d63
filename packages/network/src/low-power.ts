import {
  type Address,
  ALL_FRIENDS,
  ALL_NODES,
  type Cancel,
  type Clock,
  Emitter,
  encodeRecord,
  type Log,
  type MeshError,
  readRecord,
  type Store,
  toMeshError,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { ControlMessageType } from './control-message.ts';
import {
  FriendClear,
  FriendClearConfirm,
  FriendOffer,
  FriendRequest,
  FriendSubscriptionListConfirm,
  FriendUpdate,
} from './control-messages.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import { FriendCredentials } from './friend-credentials.ts';
import type { NetKeyMaterial, SubnetSecurity } from './key-material.ts';
import type { Keys } from './keys.ts';
import { type Friendship, LowPowerPoller } from './low-power-poller.ts';
import type { LowPowerSettings } from './low-power-settings.ts';
import { LowPowerSubscriptions } from './low-power-subscriptions.ts';
import { LowPowerWindow } from './low-power-window.ts';
import { decodeFlags, type NetworkChange, type NetworkState } from './network-change.ts';
import type { ReceivedPdu } from './network-receiver.ts';
import type { ControlReceived } from './transport-receiver.ts';

/**
 * Switched off, a node like others; no Friend, waiting to ask again; a Friend Request is out; an Offer was accepted, the
 * first Friend Update has not come; friends; leaving.
 */
export type LowPowerState = 'off' | 'searching' | 'requesting' | 'establishing' | 'established' | 'clearing';

/** The state that was entered, and the Friend in it, if there is one. */
export interface LowPowerEvent {
  readonly state: LowPowerState;
  readonly friend: Unicast | undefined;
}

export interface LowPowerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly provider: CryptoProvider;
  readonly store: Store;
  readonly keys: Keys;
  readonly address: Unicast;
  readonly elements: number;
  readonly settings: LowPowerSettings;
  readonly features: Features;
  readonly counters: NetworkCounters;
  /** Has control messages of a type given to it, decoded. */
  handle<T>(type: ControlMessageType<T>, handler: (message: T, received: ControlReceived) => void): void;
  /** Sends a control message once, TTL 0; not called back any more once cancelled. */
  send<T>(
    type: ControlMessageType<T>,
    value: T,
    to: { readonly dst: Address; readonly credentials: 'flooding' | 'friendship' },
    sent: (error?: MeshError) => void,
  ): Cancel;
  /** Switches the receivers of the advertising bearers on and off. */
  listen(on: boolean): void;
  /** Whether only what friendship credentials secure is read. */
  readOnlyFriend(on: boolean): void;
  /** What a Friend Update tells counts like a beacon. */
  follow(netKey: NetKeyMaterial, state: NetworkState): void;
  /** Whether segmented messages are under way, whose acknowledgments wait at the Friend. */
  isBusy(): boolean;
}

/** Offers come no earlier, and are waited for until this, ms after the Request [Mesh Protocol 1.1, 3.6.6.4.2]. */
const FIRST_OFFER_MS = 100;
const LAST_OFFER_MS = 1100;
const CLEAR_ATTEMPTS = 3;
const CLEAR_WAIT_MS = 1000;
/** The Friend and LPNCounter of the last friendship, in the store. */
const KEY = 'lpn';

/** The Low Power feature: finds a Friend, sleeps, and asks it for messages [Mesh Protocol 1.1, 3.6.6.2, 3.6.6.4]. */
export class LowPower {
  /** Tells every state that is entered. */
  readonly events: Emitter<LowPowerEvent> = new Emitter();
  readonly #options: LowPowerOptions;
  readonly #window: LowPowerWindow;
  readonly #subscriptions = new LowPowerSubscriptions();
  readonly #poller: LowPowerPoller;
  #state: LowPowerState = 'off';
  #friendship: Friendship | undefined;
  /** The one to tell the next Friend of. */
  #previous: Address;
  /** Friend Requests sent. */
  #counter: number;
  #sending: Cancel = () => {};

  constructor(options: LowPowerOptions) {
    const { clock, settings, store, counters, handle, send, listen, isBusy } = options;
    this.#options = options;
    this.#window = new LowPowerWindow(clock, listen);
    this.#poller = new LowPowerPoller({
      settings,
      counters,
      window: this.#window,
      subscriptions: this.#subscriptions,
      send: (type, value, sent) =>
        send(type, value, { dst: this.#friendship?.friend ?? 0, credentials: 'friendship' }, sent),
      isBusy,
      lost: () => this.#lose(),
    });
    const record = readRecord<{ friend: Unicast; lpnCounter: number }>(store, KEY);
    this.#previous = record?.friend ?? 0;
    this.#counter = ((record?.lpnCounter ?? -1) + 1) & 0xffff;
    this.subscriptions = [];
    handle(FriendOffer, (offer, received) => this.#offered(offer, received));
    handle(FriendUpdate, (update, received) => this.#updated(update, received));
    handle(FriendSubscriptionListConfirm, ({ transactionNumber }, { security }) => {
      if (this.#isOfFriend(security)) this.#poller.confirmed(transactionNumber);
    });
    handle(FriendClearConfirm, (confirm, received) => this.#cleared(confirm, received));
    this.#enter('searching');
    this.#window.plan(0, () => this.#request());
  }

  get state(): LowPowerState {
    return this.#state;
  }

  /** The Friend, once it is one. */
  get friend(): Unicast | undefined {
    return this.#state === 'established' ? this.#friendship?.friend : undefined;
  }

  /** Whether this node looks for or has a Friend. Switched off it leaves its Friend and listens all the time. */
  get enabled(): boolean {
    return this.#state !== 'off' && this.#state !== 'clearing';
  }

  set enabled(on: boolean) {
    if (on === this.enabled) return;
    if (on) this.#request();
    else if (this.#friendship === undefined) this.#off();
    else this.#leave(this.#friendship);
  }

  /** Groups and virtual addresses whose messages the Friend is to keep; set anew it is told what has changed. */
  get subscriptions(): readonly Address[] {
    return this.#subscriptions.wanted;
  }

  set subscriptions(addresses: Iterable<Address>) {
    const { allNodes } = this.#options.settings;
    this.#subscriptions.want(allNodes ? [ALL_NODES, ...addresses] : addresses);
    this.#poller.subscriptionsChanged();
  }

  /**
   * Between two Polls while nothing happens, ms; undefined: as long as the PollTimeout allows. To be lowered for as long as
   * much is expected.
   */
  get pollIntervalMs(): number | undefined {
    return this.#poller.intervalMs;
  }

  set pollIntervalMs(ms: number | undefined) {
    this.#poller.intervalMs = ms;
    if (ms !== undefined) this.poll();
  }

  /** Asks the Friend for messages as soon as possible: the answer to something is expected. */
  poll(): void {
    if (this.#state === 'established') this.#poller.poll();
  }

  /** To secure with, on the subnet of the friendship, what is meant for the Friend first. */
  security(netIndex: number): SubnetSecurity | undefined {
    return netIndex === this.#options.settings.netIndex ? this.#friendship?.credentials.transmit : undefined;
  }

  /** Every PDU that was accepted, before it is looked into. */
  accepted({ security }: ReceivedPdu): void {
    if (this.#isOfFriend(security)) this.#poller.accepted();
  }

  /** To be told of every change of the network. */
  changed(change: NetworkChange): void {
    if (change.type === 'key-refresh') this.#friendship?.credentials.keysChanged();
    else if (change.type === 'net-key-removed' && this.#friendship?.credentials.netIndex === change.netIndex) {
      this.#lose();
    }
  }

  close(): void {
    this.#stop();
  }

  #isOfFriend(security: SubnetSecurity): boolean {
    return this.#friendship?.credentials.has(security) ?? false;
  }

  /** The one place where the state changes. */
  #enter(state: LowPowerState): void {
    const { features, listen, readOnlyFriend } = this.#options;
    this.#state = state;
    listen(state === 'off' || state === 'clearing');
    readOnlyFriend(state === 'establishing' || state === 'established');
    features.set('lowPower', state === 'established');
    this.events.emit({ state, friend: this.#friendship?.friend });
  }

  #request(): void {
    const { settings, elements, send } = this.#options;
    this.#stop();
    this.#enter('requesting');
    const { rssiFactor, receiveWindowFactor, minQueueSizeLog } = settings;
    const request = {
      rssiFactor,
      receiveWindowFactor,
      minQueueSizeLog,
      receiveDelay: settings.receiveDelayMs,
      pollTimeout: settings.pollTimeoutMs / 100,
      previousAddress: this.#previous,
      numElements: elements,
      lpnCounter: this.#counter,
    };
    this.#counter = (this.#counter + 1) & 0xffff;
    this.#sending = send(FriendRequest, request, { dst: ALL_FRIENDS, credentials: 'flooding' }, (error) => {
      if (error === undefined) this.#window.open(FIRST_OFFER_MS, LAST_OFFER_MS, () => this.#search());
      else this.#search();
    });
  }

  #search(): void {
    this.#enter('searching');
    this.#window.plan(this.#options.settings.requestIntervalMs, () => this.#request());
  }

  /** The first one that will do: by their delays the best Friends answer first. */
  #offered(offer: FriendOffer, { src, netIndex, credentials }: ControlReceived): void {
    const { settings, provider, keys, address } = this.#options;
    if (this.#state !== 'requesting' || !this.#window.isOpen) return;
    if (credentials !== 'flooding' || netIndex !== settings.netIndex) return;
    if (offer.queueSize < 2 ** settings.minQueueSizeLog) return;
    const lpnCounter = (this.#counter - 1) & 0xffff;
    const { friendCounter, receiveWindow: receiveWindowMs, subscriptionListSize } = offer;
    const parameters = { lpnAddress: address, friendAddress: src, lpnCounter, friendCounter };
    const friendCredentials = new FriendCredentials(provider, keys, netIndex, parameters);
    this.#stop();
    this.#friendship = { friend: src, lpnCounter, receiveWindowMs, credentials: friendCredentials };
    this.#subscriptions.begin(subscriptionListSize);
    this.#enter('establishing');
    this.#poller.begin(this.#friendship);
  }

  /** Its state of the subnet counts like that of a beacon; the first one seals the friendship. */
  #updated({ flags, ivIndex, md }: FriendUpdate, { src, security }: ControlReceived): void {
    const friendship = this.#friendship;
    if (friendship === undefined || src !== friendship.friend || !this.#isOfFriend(security)) return;
    if (this.#state === 'establishing') this.#establish(friendship);
    this.#poller.updated(md === 1);
    const { ivUpdate, keyRefresh } = decodeFlags(flags);
    this.#options.follow(security.netKey, { ivUpdate, keyRefresh, ivIndex });
  }

  #establish({ friend, lpnCounter }: Friendship): void {
    const { store, log } = this.#options;
    this.#previous = friend;
    try {
      store.batch([[KEY, encodeRecord({ friend, lpnCounter })]]);
    } catch (thrown) {
      log('warn', 'the friendship could not be written', { code: toMeshError(thrown).code });
    }
    this.#enter('established');
  }

  #lose(): void {
    if (this.#state === 'established') this.#options.counters.friendshipsLost++;
    this.#endFriendship();
    this.#request();
  }

  #leave(friendship: Friendship): void {
    this.#endFriendship();
    this.#enter('clearing');
    this.#clear(friendship, CLEAR_ATTEMPTS);
  }

  #clear(friendship: Friendship, attempts: number): void {
    const { address, send } = this.#options;
    const { friend, lpnCounter } = friendship;
    const clear = { lpnAddress: address, lpnCounter };
    this.#sending = send(FriendClear, clear, { dst: friend, credentials: 'flooding' }, () => {
      this.#window.plan(CLEAR_WAIT_MS, () => (attempts > 1 ? this.#clear(friendship, attempts - 1) : this.#off()));
    });
  }

  #cleared({ lpnAddress }: FriendClear, { src }: ControlReceived): void {
    if (this.#state !== 'clearing' || lpnAddress !== this.#options.address || src !== this.#previous) return;
    this.#previous = 0;
    this.#off();
  }

  #off(): void {
    this.#stop();
    this.#enter('off');
  }

  #endFriendship(): void {
    this.#stop();
    this.#friendship?.credentials.remove();
    this.#friendship = undefined;
  }

  #stop(): void {
    this.#sending();
    this.#sending = () => {};
    this.#poller.end();
    this.#window.stop();
  }
}
