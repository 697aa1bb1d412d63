import {
  type Address,
  ALL_FRIENDS,
  type Cancel,
  type Clock,
  Emitter,
  isUnicast,
  type NetIndex,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { SarReceiver } from './contract.ts';
import type { ControlMessageType } from './control-message.ts';
import {
  FriendClear,
  FriendClearConfirm,
  FriendOffer,
  FriendPoll,
  FriendRequest,
  FriendSubscriptionListAdd,
  type FriendSubscriptionListChange,
  FriendSubscriptionListRemove,
} from './control-messages.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import { FriendClearProcedure } from './friend-clear.ts';
import { FriendContext, type FriendshipEnd } from './friend-context.ts';
import { FriendCredentials } from './friend-credentials.ts';
import { canServe, type FriendLimits, isClearValid, pollTimeoutMs } from './friend-limits.ts';
import type { QueuedMessage } from './friend-queue.ts';
import { OwnMessage, type SequenceSource } from './friend-queued.ts';
import { FriendReceiver } from './friend-receiver.ts';
import type { SubnetSecurity } from './key-material.ts';
import type { Keys } from './keys.ts';
import type { NetworkChange, NetworkState } from './network-change.ts';
import type { ReceivedPdu } from './network-receiver.ts';
import type { NodeStates } from './node-states.ts';
import type { OutgoingSegments, OwnMessageKeeper } from './originator.ts';
import type { SegmentOrigin } from './segment.ts';
import type { ControlReceived } from './transport-receiver.ts';

/** A Low Power node has become a friend of this node, or is one no more. */
export type FriendEvent =
  | { readonly type: 'established'; readonly lpn: Unicast; readonly netIndex: NetIndex }
  | { readonly type: 'ended'; readonly lpn: Unicast; readonly netIndex: NetIndex; readonly reason: FriendshipEnd };

/** A Low Power node that this node is the Friend of. */
export interface LowPowerNode {
  /** Its primary element. */
  readonly address: Unicast;
  readonly netIndex: NetIndex;
  readonly elements: number;
  readonly subscriptions: readonly Address[];
  /** PDUs that wait for it. */
  readonly queued: number;
  /** What is left of its PollTimeout, ms. */
  readonly pollTimeoutLeftMs: number;
}

/** Where a control message of friendship goes, under managed flooding. */
export interface FriendControlRoute {
  readonly dst: Address;
  readonly netIndex: NetIndex;
  readonly ttl: number;
  /** Sent once; otherwise as often as Network Transmit says. */
  readonly once: boolean;
}

export interface FriendOptions {
  readonly clock: Clock;
  readonly provider: CryptoProvider;
  readonly keys: Keys;
  readonly address: Unicast;
  readonly limits: FriendLimits;
  readonly states: NodeStates;
  readonly features: Features;
  readonly counters: NetworkCounters;
  readonly source: SequenceSource;
  /** The limits of reassembly. */
  readonly maxOpen: number;
  readonly maxOpenPerSource: number;
  /** Has control messages of a type given to it, decoded. */
  handle<T>(type: ControlMessageType<T>, handler: (message: T, received: ControlReceived) => void): void;
  sarReceiver(): SarReceiver;
  /** Whether it is an element of this node. */
  isOwn(address: Address): boolean;
  /** What a beacon of the subnet would tell. */
  networkState(netIndex: NetIndex): NetworkState | undefined;
  send<T>(type: ControlMessageType<T>, value: T, to: FriendControlRoute): void;
  /** A control message to a Low Power node, TTL 0, as octets. */
  encode<T>(type: ControlMessageType<T>, value: T, dst: Unicast, security: SubnetSecurity): Uint8Array | undefined;
  /** Sends octets once, over advertising bearers. */
  transmit(pdu: Uint8Array): Cancel;
  acknowledge(origin: SegmentOrigin, seqZero: number, ackedSegments: number): void;
}

/** A friendship that is over, for as long as its Friend Clear may still come. */
interface Past {
  readonly lpn: Unicast;
  readonly netIndex: NetIndex;
  readonly lpnCounter: number;
  readonly until: number;
}

/** TTL of Friend Clear and Friend Clear Confirm. */
const CLEAR_TTL = 0x7f;
const UNKNOWN_RSSI = 127;

/** The Friend feature: keeps messages for Low Power nodes and answers their Polls [Mesh Protocol 1.1, 3.6.6]. */
export class Friend implements OwnMessageKeeper {
  readonly limits: FriendLimits;
  readonly events: Emitter<FriendEvent> = new Emitter();
  readonly #options: FriendOptions;
  readonly #receiver: FriendReceiver;
  #contexts: FriendContext[] = [];
  #past: Past[] = [];
  #clears: FriendClearProcedure[] = [];
  #friendCounter = 0;

  constructor(options: FriendOptions) {
    this.#options = options;
    this.limits = options.limits;
    const { clock, limits, maxOpen, maxOpenPerSource } = options;
    this.#receiver = new FriendReceiver({
      clock,
      state: () => options.sarReceiver(),
      queueSize: limits.queueSize,
      maxOpen,
      maxOpenPerSource,
      acknowledge: (origin, seqZero, acked) => options.acknowledge(origin, seqZero, acked),
      keep: (origin, message) => void this.#keep(origin, () => message),
    });
    options.features.set('friend', this.enabled);
    const { handle } = options;
    handle(FriendRequest, (request, received) => this.#requested(request, received));
    handle(FriendPoll, ({ fsn }, received) => this.#partner(received)?.poll(fsn));
    handle(FriendSubscriptionListAdd, (change, received) => this.#subscriptions(true, change, received));
    handle(FriendSubscriptionListRemove, (change, received) => this.#subscriptions(false, change, received));
    handle(FriendClear, (clear, received) => this.#cleared(clear, received));
    handle(FriendClearConfirm, (clear, received) => this.#confirmed(clear, received));
  }

  /** The Friend state [4.2.14]. Switching it off ends all friendships. */
  get enabled(): boolean {
    return this.#options.states.values.friend;
  }

  /** Throws `store-failed`. */
  set enabled(on: boolean) {
    this.#options.states.change({ friend: on });
    this.#options.features.set('friend', on);
    if (!on) this.#endAll('switched-off', () => true);
  }

  /** The Low Power nodes that are friends of this node now. */
  get lowPowerNodes(): LowPowerNode[] {
    return this.#established().map((context) => ({
      address: context.lpn,
      netIndex: context.netIndex,
      elements: context.request.numElements,
      subscriptions: [...context.subscriptions],
      queued: context.queue.length,
      pollTimeoutLeftMs: context.pollTimeoutLeftMs,
    }));
  }

  /** What is left of the PollTimeout of a Low Power node, ms; 0: it is no friend of this node [4.2.32]. */
  pollTimeoutLeftMs(lpn: Unicast): number {
    return this.#established().find((context) => context.lpn === lpn)?.pollTimeoutLeftMs ?? 0;
  }

  /** Every PDU that was accepted for the first time. */
  accepted(pdu: ReceivedPdu): void {
    if (this.#contexts.length === 0) return;
    if (pdu.credentials === 'friendship' && !pdu.ctl) this.#of(pdu.security)?.alive(); // Polls count when they are no replays
    if (pdu.ttl >= 2 && this.#isWanted(pdu.src, pdu.dst, pdu.netIndex)) this.#receiver.receive(pdu);
  }

  /**
   * Takes a message of this node for its Low Power nodes. `only`: nobody else is to hear it; `too-long`: so it is, and
   * their queues are too short.
   */
  keepOwn(message: OutgoingSegments): 'only' | 'too-long' | undefined {
    const { src, dst, netIndex } = message;
    if (!this.#isWanted(src, dst, netIndex)) return undefined;
    const kept = this.#keep(message, () => new OwnMessage(message, this.#options.source));
    if (!isUnicast(dst)) return undefined;
    return kept ? 'only' : 'too-long';
  }

  /** Whether {@link keepOwn} would take it: asked for each message, so that others need not be prepared for it. */
  wantsOwn(src: Unicast, dst: Address, netIndex: NetIndex): boolean {
    return this.#contexts.length > 0 && this.#isWanted(src, dst, netIndex);
  }

  /** To be told of every change of the network. */
  changed(change: NetworkChange): void {
    if (change.type === 'iv-index') {
      this.#receiver.prune(change.ivIndex - 1);
      for (const context of this.#contexts) context.networkStateChanged();
    } else if (change.type === 'key-refresh') {
      for (const context of this.#contexts) if (context.netIndex === change.netIndex) context.networkStateChanged();
    } else if (change.type === 'net-key-removed') {
      this.#endAll('key-removed', (netIndex) => netIndex === change.netIndex);
    }
  }

  close(): void {
    for (const clear of this.#clears) clear.stop();
    for (const context of [...this.#contexts]) context.end('switched-off');
    this.#receiver.close();
  }

  #established(): FriendContext[] {
    return this.#contexts.filter((context) => context.state === 'established');
  }

  #of(security: SubnetSecurity): FriendContext | undefined {
    return this.#contexts.find((context) => context.has(security));
  }

  /** Whose message this is, if it came from the Low Power node itself under the credentials of the friendship. */
  #partner({ src, security }: ControlReceived): FriendContext | undefined {
    const context = this.#of(security);
    return context?.lpn === src ? context : undefined;
  }

  #isWanted(src: Unicast, dst: Address, netIndex: NetIndex): boolean {
    return this.#contexts.some((context) => context.wants(src, dst, netIndex));
  }

  /** Into all queues that want it; false when it found room in none. */
  #keep(
    { src, dst, netIndex }: Pick<SegmentOrigin, 'src' | 'dst' | 'netIndex'>,
    messageFor: () => QueuedMessage,
  ): boolean {
    const { counters } = this.#options;
    let kept = false;
    for (const context of this.#contexts) {
      if (!context.wants(src, dst, netIndex)) continue;
      const message = messageFor();
      const pdus = message.pdus.length;
      const fits = context.queue.add(message);
      if (fits) counters.friendQueued += pdus;
      else counters.friendDropped += pdus;
      kept ||= fits;
    }
    return kept;
  }

  #requested(request: FriendRequest, received: ControlReceived): void {
    const { src: lpn, dst, netIndex, ttl, credentials, rssi } = received;
    if (!this.enabled || dst !== ALL_FRIENDS || ttl !== 0 || credentials !== 'flooding') return;
    if (!isUnicast(lpn + request.numElements - 1) || !canServe(this.limits, request)) return;
    this.#contexts.find((context) => context.lpn === lpn && context.netIndex === netIndex)?.end('requested-anew');
    if (this.#contexts.length >= this.limits.lowPowerNodes) return;
    const { clock } = this.#options;
    this.#contexts.push(
      new FriendContext({
        clock,
        limits: this.limits,
        lpn,
        netIndex,
        request,
        rssiDbm: rssi,
        offer: (context) => this.#offer(context, rssi),
        networkState: () => this.#options.networkState(netIndex),
        encode: (type, value, security) => this.#options.encode(type, value, lpn, security),
        transmit: (pdu) => this.#answer(pdu),
        established: (context) => this.#befriended(context),
        ended: (context, reason) => this.#ended(context, reason),
        dropped: (pdus) => {
          this.#options.counters.friendDropped += pdus;
        },
      }),
    );
  }

  #offer({ lpn, netIndex, request }: FriendContext, rssiDbm = UNKNOWN_RSSI): FriendCredentials {
    const { provider, keys, address, send } = this.#options;
    const { receiveWindowMs, queueSize, subscriptionListSize } = this.limits;
    const friendCounter = this.#friendCounter;
    this.#friendCounter = (friendCounter + 1) & 0xffff;
    const offer = { receiveWindow: receiveWindowMs, queueSize, subscriptionListSize, rssi: rssiDbm, friendCounter };
    send(FriendOffer, offer, { dst: lpn, netIndex, ttl: 0, once: true });
    const { lpnCounter } = request;
    return new FriendCredentials(provider, keys, netIndex, {
      lpnAddress: lpn,
      friendAddress: address,
      lpnCounter,
      friendCounter,
    });
  }

  #answer(pdu: Uint8Array): Cancel {
    this.#options.counters.friendAnswers++;
    return this.#options.transmit(pdu);
  }

  #befriended({ lpn, netIndex, request }: FriendContext): void {
    const { clock, isOwn, send } = this.#options;
    const { previousAddress, lpnCounter } = request;
    if (isUnicast(previousAddress) && !isOwn(previousAddress)) {
      const friendship = { previous: previousAddress, lpn, lpnCounter, pollTimeoutMs: pollTimeoutMs(request) };
      const route = { dst: previousAddress, netIndex, ttl: CLEAR_TTL, once: false };
      this.#clears = this.#clears.filter((procedure) => procedure.isUnderWay);
      this.#clears.push(
        new FriendClearProcedure(clock, friendship, () => send(FriendClear, { lpnAddress: lpn, lpnCounter }, route)),
      );
    }
    this.events.emit({ type: 'established', lpn, netIndex });
  }

  #ended(context: FriendContext, reason: FriendshipEnd): void {
    const { lpn, netIndex, request } = context;
    this.#contexts = this.#contexts.filter((other) => other !== context);
    if (reason === 'not-chosen') return;
    const { now } = this.#options.clock;
    this.#past = this.#past.filter(({ until }) => until > now);
    this.#past.push({ lpn, netIndex, lpnCounter: request.lpnCounter, until: now + pollTimeoutMs(request) });
    this.events.emit({ type: 'ended', lpn, netIndex, reason });
  }

  #endAll(reason: FriendshipEnd, which: (netIndex: NetIndex) => boolean): void {
    for (const context of [...this.#contexts]) if (which(context.netIndex)) context.end(reason);
  }

  #subscriptions(adds: boolean, message: FriendSubscriptionListChange, received: ControlReceived): void {
    const context = this.#partner(received);
    if (context?.state !== 'established') return;
    context.changeSubscriptions(adds, message.addressList, message.transactionNumber);
  }

  /** From the new Friend, or from a Low Power node that leaves [3.6.6.3.1]. */
  #cleared({ lpnAddress, lpnCounter }: FriendClear, { src, netIndex, credentials, ttl }: ControlReceived): void {
    if (credentials !== 'flooding') return;
    const matches = (lpn: Unicast, subnet: NetIndex, counter: number) =>
      lpn === lpnAddress && subnet === netIndex && isClearValid(counter, lpnCounter);
    const context = this.#established().find((c) => matches(c.lpn, c.netIndex, c.request.lpnCounter));
    const { now } = this.#options.clock;
    const past = this.#past.some((p) => p.until > now && matches(p.lpn, p.netIndex, p.lpnCounter));
    if (context === undefined && !past) return;
    context?.end('cleared');
    const route = { dst: src, netIndex, ttl: ttl === 0 ? 0 : CLEAR_TTL, once: ttl === 0 };
    this.#options.send(FriendClearConfirm, { lpnAddress, lpnCounter }, route);
  }

  #confirmed({ lpnAddress, lpnCounter }: FriendClear, { src }: ControlReceived): void {
    for (const clear of this.#clears) {
      if (clear.previous === src && clear.lpn === lpnAddress && clear.lpnCounter === lpnCounter) clear.stop();
    }
    this.#clears = this.#clears.filter((clear) => clear.isUnderWay);
  }
}
