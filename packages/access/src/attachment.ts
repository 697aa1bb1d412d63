import {
  type Address,
  type AppIndex,
  type Cancel,
  type Clock,
  MeshError,
  type Unicast,
  type Write,
} from '@meshferry/core';
import { virtualAddress } from '@meshferry/crypto';
import type { AccessSend, KeyRef } from '@meshferry/network';
import type { Context, ModelIdentity, ReplyOptions, SendOptions } from './contract.ts';
import type { ModelGround } from './model-ground.ts';
import { bindingsRecord, publicationRecord, subscriptionsRecord } from './model-records.ts';
import { type Publication, type PublicationSettings, publicationOf } from './publication.ts';
import type { Publisher } from './publisher.ts';
import { checkGroup, type Subscription, type SubscriptionList, withEntry, withoutEntry } from './subscriptions.ts';

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
  /** Absent for a model that does not publish. */
  readonly #publisher: Publisher | undefined;

  constructor(
    ground: ModelGround,
    element: Unicast,
    index: number,
    model: ModelIdentity,
    tree: ExtensionTree,
    bound: readonly AppIndex[],
    publisher?: Publisher,
  ) {
    this.element = element;
    this.#ground = ground;
    this.#index = index;
    this.#model = model;
    this.#tree = tree;
    this.#bound = new Set(bound);
    this.#publisher = publisher;
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

  /** A publication that uses the key ends with it. */
  unbind(appIndex: AppIndex): void {
    const writes = this.withoutKey(appIndex);
    if (writes.length === 0) return;
    this.#ground.store.batch(writes);
    this.forgetKey(appIndex);
  }

  /** What the store must hold when `appIndex` is no longer bound; nothing when it is not. {@link forgetKey} follows. */
  withoutKey(appIndex: AppIndex): readonly Write[] {
    if (!this.#bound.has(appIndex)) return [];
    const left = [...this.#bound].filter((other) => other !== appIndex);
    const writes = [bindingsRecord(this.#index, this.#model.id, left)];
    if (this.publication?.appIndex === appIndex) writes.push(publicationRecord(this.#index, this.#model.id, undefined));
    return writes;
  }

  forgetKey(appIndex: AppIndex): void {
    this.#bound.delete(appIndex);
    if (this.publication?.appIndex === appIndex) this.#publisher?.replace(undefined);
  }

  /** Forgets bindings and publication; the Subscription Lists are those of the element. */
  forget(): void {
    this.#bound.clear();
    this.#publisher?.replace(undefined);
  }

  get publisher(): Publisher | undefined {
    return this.#publisher;
  }

  get publication(): Publication | undefined {
    return this.#publisher?.state;
  }

  setPublication(settings: PublicationSettings | undefined): void {
    const publisher = this.#mustPublish();
    const state = settings === undefined ? undefined : this.#checked(settings, publisher);
    this.#ground.store.batch([publicationRecord(this.#index, this.#model.id, state)]);
    publisher.replace(state);
  }

  publish(payload: Uint8Array, done?: (error?: MeshError) => void): Cancel {
    // That nothing is to be published is no failure, unless someone asked.
    return this.#mustPublish().publish(payload, done ?? this.#logPublishFailure);
  }

  subscribe(to: Address | Uint8Array): void {
    this.#resubscribe(withEntry(this.subscriptions.entries, this.#subscription(to)));
  }

  overwriteSubscriptions(to: readonly (Address | Uint8Array)[]): void {
    let entries: readonly Subscription[] = [];
    for (const each of to) entries = withEntry(entries, this.#subscription(each));
    this.#resubscribe(entries);
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
    if (context.capture?.(payload, told) === true) return () => {};
    const message: AccessSend = {
      src: context.element,
      dst: context.src,
      key: context.key,
      netIndex: context.netIndex,
      // A neighbour that asked with TTL 0 gets an answer that is not relayed either.
      ttl: options.ttl ?? (context.ttl === 0 ? 0 : 0xff),
      payload,
      ...(options.segmented === undefined ? {} : { segmented: options.segmented }),
      ...(options.sar === undefined ? {} : { sar: options.sar }),
      ...(options.transmit === undefined ? {} : { transmit: options.transmit }),
    };
    let cancelSend: Cancel | undefined;
    const timer = this.#ground.clock.after(options.delayMs ?? this.#ground.replyDelayMs(context.dst), () => {
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

  #key(appIndex: AppIndex | undefined, deviceKeyOf: Unicast | undefined): KeyRef | MeshError {
    if (deviceKeyOf !== undefined) return { kind: 'device', node: deviceKeyOf };
    if (appIndex !== undefined && (this.#model.anyAppKey || this.#bound.has(appIndex)))
      return { kind: 'app', index: appIndex };
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
    this.#checkRoom(entries.length);
    this.#ground.store.batch(this.#tree.models.map((model) => subscriptionsRecord(this.#index, model.id, entries)));
    this.subscriptions.replace(entries);
    this.#ground.subscriptionsChanged();
  }

  #checkRoom(entries: number): void {
    const { subscriptionListSize } = this.#ground;
    if (entries <= subscriptionListSize || entries <= this.subscriptions.entries.length) return;
    throw new MeshError('subscription-list-full', `${this.#model.name} has ${subscriptionListSize} subscriptions`, {
      hint: 'Unsubscribe from a group that is not needed, or give the node longer lists.',
    });
  }

  #mustPublish(): Publisher {
    if (this.#publisher !== undefined) return this.#publisher;
    throw new MeshError('no-publication', `${this.#model.name} does not publish`, {
      hint: 'Declare that it does with Model.publishes() before it is added to an element.',
    });
  }

  /** Errors in the order in which a Configuration Server reports them [4.4.1.2.3]. */
  #checked(settings: PublicationSettings, publisher: Publisher): Publication {
    const state = publicationOf(settings, this.#ground.crypto);
    if (!this.#bound.has(state.appIndex)) {
      throw new MeshError('key-not-bound', `AppKey ${state.appIndex} not bound to ${this.#model.name}`, {
        hint: 'Bind the AppKey to the model first.',
      });
    }
    if (state.credentialFlag && !this.#ground.lowPower) {
      throw new MeshError('feature-not-supported', 'friendship credentials without the Low Power feature', {
        hint: 'Publish with the Credential Flag off.',
      });
    }
    if ((state.period & 0x3f) !== 0 && !publisher.periodic) {
      throw new MeshError('no-period', `${this.#model.name} does not publish periodically`, {
        hint: 'Set period 0, or give Model.publishes() what to do at each period.',
      });
    }
    return state;
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

  readonly #logPublishFailure = (error?: MeshError): void => {
    if (error?.code !== 'not-publishing') this.#logFailure(error);
  };
}
