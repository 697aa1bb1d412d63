import {
  type Address,
  type AppIndex,
  type Cancel,
  type Clock,
  isUnicast,
  type Log,
  MeshError,
  type Random,
  type Store,
  type Unicast,
} from '@meshferry/core';
import { type CryptoProvider, virtualAddress } from '@meshferry/crypto';
import type { AccessSend, KeyRef } from '@meshferry/network';
import type { Context, ModelIdentity, ReplyOptions, SendOptions } from './contract.ts';
import { bindingsRecord, subscriptionsRecord } from './model-records.ts';
import { checkGroup, type Subscription, type SubscriptionList, withEntry, withoutEntry } from './subscriptions.ts';

/** What the models of a node share. */
export interface ModelGround {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly log: Log;
  readonly crypto: CryptoProvider;
  /** Hands a message to the network layer. Throws `not-attached` before there is one. */
  transmit(message: AccessSend, done: (error?: MeshError) => void): Cancel;
  /** Some Subscription List has changed. */
  subscriptionsChanged(): void;
}

/** The models of an element that are connected by extension: they share one Subscription List. */
export interface ExtensionTree {
  readonly models: readonly ModelIdentity[];
  readonly list: SubscriptionList;
}

/** A model on its element: its bindings, its subscriptions, and the rules by which it sends. */
export class Attachment {
  readonly element: Unicast;
  readonly #index: number;
  readonly #model: ModelIdentity;
  readonly #ground: ModelGround;
  readonly #tree: ExtensionTree;
  readonly #bound: Set<AppIndex>;

  constructor(
    ground: ModelGround,
    element: Unicast,
    index: number,
    model: ModelIdentity,
    tree: ExtensionTree,
    bound: readonly AppIndex[],
  ) {
    this.element = element;
    this.#ground = ground;
    this.#index = index;
    this.#model = model;
    this.#tree = tree;
    this.#bound = new Set(bound);
  }

  get clock(): Clock {
    return this.#ground.clock;
  }

  get subscriptions(): SubscriptionList {
    return this.#tree.list;
  }

  get appKeys(): readonly AppIndex[] {
    return [...this.#bound].sort((a, b) => a - b);
  }

  isBound(appIndex: AppIndex): boolean {
    return this.#bound.has(appIndex);
  }

  bind(appIndex: AppIndex): void {
    if (!this.#bound.has(appIndex)) this.#rebind([...this.#bound, appIndex]);
  }

  unbind(appIndex: AppIndex): void {
    if (this.#bound.has(appIndex)) this.#rebind([...this.#bound].filter((other) => other !== appIndex));
  }

  subscribe(to: Address | Uint8Array): void {
    this.#resubscribe(withEntry(this.subscriptions.entries, this.#subscription(to)));
  }

  unsubscribe(from: Address | Uint8Array): void {
    this.#resubscribe(withoutEntry(this.subscriptions.entries, this.#subscription(from)));
  }

  send(payload: Uint8Array, options: SendOptions, done?: (error?: MeshError) => void): Cancel {
    const told = done ?? this.#logFailure;
    const { appIndex, deviceKeyOf, ...rest } = options;
    const key = this.#key(appIndex, deviceKeyOf);
    if (key instanceof MeshError) {
      this.#ground.clock.after(0, () => told(key));
      return () => {};
    }
    return this.#ground.transmit({ ...rest, src: this.element, key, payload }, told);
  }

  reply(context: Context, payload: Uint8Array, options: ReplyOptions = {}, done?: (error?: MeshError) => void): Cancel {
    const told = done ?? this.#logFailure;
    const message: AccessSend = {
      src: context.element,
      dst: context.src,
      key: context.key,
      netIndex: context.netIndex,
      // A neighbour that asked with TTL 0 gets an answer that is not relayed either.
      ttl: options.ttl ?? (context.ttl === 0 ? 0 : 0xff),
      payload,
      ...(options.segmented === undefined ? {} : { segmented: options.segmented }),
    };
    let cancelSend: Cancel | undefined;
    const timer = this.#ground.clock.after(options.delayMs ?? this.#replyDelay(context.dst), () => {
      cancelSend = this.#ground.transmit(message, told);
    });
    let cancelled = false;
    return () => {
      if (cancelSend !== undefined) return cancelSend();
      if (cancelled) return;
      cancelled = true;
      timer.cancel();
      told(new MeshError('cancelled', 'the answer was cancelled before it left'));
    };
  }

  /** Random delay of a response [3.7.3.1]: spreads the answers of many nodes to one message. */
  #replyDelay(dst: Address): number {
    return 20 + this.#ground.random.uniform() * (isUnicast(dst) ? 30 : 480);
  }

  #key(appIndex: AppIndex | undefined, deviceKeyOf: Unicast | undefined): KeyRef | MeshError {
    if (deviceKeyOf !== undefined) return { kind: 'device', node: deviceKeyOf };
    if (appIndex !== undefined && this.#bound.has(appIndex)) return { kind: 'app', index: appIndex };
    const lowest = this.#lowestBound();
    if (appIndex === undefined && lowest !== undefined) return { kind: 'app', index: lowest };
    const what = appIndex === undefined ? 'no AppKey' : `AppKey ${appIndex} not`;
    return new MeshError('key-not-bound', `${what} bound to ${this.#model.name}`, {
      hint: 'Bind the AppKey to the model, or name a device key to send under.',
    });
  }

  #lowestBound(): AppIndex | undefined {
    let lowest: AppIndex | undefined;
    for (const index of this.#bound) if (lowest === undefined || index < lowest) lowest = index;
    return lowest;
  }

  #rebind(bound: readonly AppIndex[]): void {
    this.#ground.store.batch([bindingsRecord(this.#index, this.#model.id, bound)]);
    this.#bound.clear();
    for (const index of bound) this.#bound.add(index);
  }

  #resubscribe(entries: readonly Subscription[]): void {
    if (entries === this.subscriptions.entries) return;
    this.#ground.store.batch(this.#tree.models.map((model) => subscriptionsRecord(this.#index, model.id, entries)));
    this.subscriptions.replace(entries);
    this.#ground.subscriptionsChanged();
  }

  #subscription(to: Address | Uint8Array): Subscription {
    if (typeof to !== 'number') return { address: virtualAddress(this.#ground.crypto, to), label: to.slice() };
    checkGroup(to);
    return { address: to };
  }

  /** Nothing is swallowed: a failure that nobody asked about is at least logged. */
  readonly #logFailure = (error?: MeshError): void => {
    if (error !== undefined) this.#ground.log('debug', `${this.#model.name}: message not sent`, error.toJSON());
  };
}
