import {
  type Address,
  ALL_DIRECTED_FORWARDING_NODES,
  ALL_FRIENDS,
  ALL_PROXIES,
  ALL_RELAYS,
  type AppIndex,
  type Cancel,
  type Clock,
  Emitter,
  isUnicast,
  type Log,
  MeshError,
  type Random,
  type Store,
  silent,
  type Unicast,
  type Write,
} from '@meshferry/core';
import { type CryptoProvider, virtualAddress } from '@meshferry/crypto';
import type { AccessReceived, AccessSend, AccessTransport, NetworkHost } from '@meshferry/network';
import type { Attachment } from './attachment.ts';
import { type Composition, decodeComposition, encodeComposition, Feature } from './composition.ts';
import { forgetPages, type RunningPages, TermPages, termPage0 } from './composition-pages.ts';
import { encodeProfiles, type MeshProfile } from './composition-profiles.ts';
import { encodeRelations } from './composition-relations.ts';
import type { AnswerCapture, Context, ModelId, Processed } from './contract.ts';
import { type AccessCounters, Delivering } from './delivering.ts';
import { composeElement, type Element } from './element.ts';
import { HeldSending } from './held-sending.ts';
import type { Model } from './model.ts';
import type { ModelGround } from './model-ground.ts';
import { forgetModels, forgetVanished } from './model-records.ts';
import { encodeModelsMetadata } from './models-metadata.ts';
import { metadataOf, relationsOf } from './node-relations.ts';
import { SubscriptionIndex } from './subscription-index.ts';

/** Who the node says it is: Composition Data Page 0 without the elements. */
export type Identity = Omit<Composition, 'elements'>;

/** A feature whose fixed group the primary element belongs to while the feature is on. */
export type FeatureInUse = 'relay' | 'friend' | 'proxy' | 'directed-forwarding';

const FIXED_GROUP: Readonly<Record<FeatureInUse, Address>> = {
  relay: ALL_RELAYS,
  friend: ALL_FRIENDS,
  proxy: ALL_PROXIES,
  'directed-forwarding': ALL_DIRECTED_FORWARDING_NODES,
};

/** With this model a node can be refreshed, so that it shows Composition Data Pages 128 and up. */
const REMOTE_PROVISIONING_SERVER: ModelId = 0x0004;

export interface AccessLayerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** A view of its own: bindings, subscriptions, publications and the composition of the term are kept in it. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  /** Address of the primary element. */
  readonly address: Unicast;
  readonly identity: Identity;
  readonly log?: Log;
  /** Mesh profiles that the node claims: Composition Data Page 2. Default: none. */
  readonly profiles?: readonly MeshProfile[];
  /** Entries that each Subscription List can have, 1 to 186 (more do not fit into a Status). Default 64. */
  readonly subscriptionListSize?: number;
  /** How long an answer waits. Default: 20 to 50 ms at random, 20 to 500 ms for a message to a group [3.7.3.1]. */
  readonly replyDelayMs?: (dst: Address) => number;
  /** The device key of another node, by the address of any of its elements. Default: none is known. */
  readonly deviceKeyOf?: (node: Unicast) => Uint8Array | undefined;
}

/**
 * The access layer of a node: its elements with their models, what they are bound and subscribed to, and the rules by
 * which a received message finds its models [Mesh Protocol 1.1, 3.7].
 *
 * Elements are added first, in the order of their addresses, then the network layer is connected.
 */
export class AccessLayer implements NetworkHost {
  readonly address: Unicast;
  readonly identity: Identity;
  /** Tells that {@link subscriptions} are others now. */
  readonly subscriptionChanges: Emitter<void> = new Emitter();
  readonly #ground: ModelGround;
  readonly #log: Log;
  readonly #deviceKeyOf: (node: Unicast) => Uint8Array | undefined;
  readonly #elements: Element[] = [];
  readonly #subscriptions = new SubscriptionIndex();
  readonly #delivering: Delivering;
  readonly #profiles: readonly MeshProfile[];
  #transport: AccessTransport | undefined;
  #held: HeldSending | undefined;
  #pages: { readonly composition: TermPages; readonly metadata: TermPages } | undefined;

  constructor(options: AccessLayerOptions) {
    this.address = options.address;
    this.identity = options.identity;
    this.#log = options.log ?? silent;
    this.#deviceKeyOf = options.deviceKeyOf ?? (() => undefined);
    this.#profiles = options.profiles ?? [];
    this.#delivering = new Delivering(options.address, this.#elements, this.#log);
    this.#ground = {
      clock: options.clock,
      random: options.random,
      store: options.store,
      log: this.#log,
      crypto: options.crypto,
      transmit: (message, done) => this.#transmit(message, done),
      replyDelayMs: options.replyDelayMs ?? ((dst) => replyDelay(options.random, dst)),
      subscriptionsChanged: () => this.#subscriptionsChanged(),
      subscriptionListSize: options.subscriptionListSize ?? 64,
      lowPower: (options.identity.features & Feature.lowPower) !== 0,
    };
  }

  get counters(): AccessCounters {
    return this.#delivering.counters;
  }

  get elementCount(): number {
    return this.#elements.length;
  }

  /**
   * Elements in the present term on the network: those that new software adds have no addresses before the next one begins
   * (Node Address Refresh).
   */
  get termElementCount(): number {
    const page = termPage0(this.#ground.store);
    const decoded = page && decodeComposition(page);
    return decoded?.ok ? decoded.value.composition.elements.length : this.elementCount;
  }

  /** Identity and elements as the node shows them in Composition Data Page 0. */
  get composition(): Composition {
    return { ...this.identity, elements: this.#elements.map((element) => element.description) };
  }

  /**
   * Adds the next element, with all its models; what was bound and subscribed when the node last ran is so again.
   * `location`: GATT namespace description, 0 when unknown. Throws `opcode-conflict` when two of the models receive the
   * same message, `duplicate-model`, `already-attached`, `already-connected`, `too-many-elements`. Returns its address.
   */
  addElement(location: number, models: readonly Model[]): Unicast {
    if (this.#transport !== undefined) {
      throw new MeshError('already-connected', 'elements cannot be added to a running node', {
        hint: 'Add all elements before connect(); a new composition needs a new term on the network.',
      });
    }
    const index = this.#elements.length;
    const address = this.address + index;
    if (index === 255 || !isUnicast(address)) {
      throw new MeshError('too-many-elements', `no room for element ${index} of a node at ${this.address}`, {
        hint: 'A node has at most 255 elements, all of them below address 0x8000.',
      });
    }
    this.#elements.push(composeElement(this.#ground, { index, address, location, models }));
    this.#subscriptionsChanged();
    return address;
  }

  /**
   * Connects the network layer; publications begin. Throws `no-element`, or `missing-base-model` when a model extends
   * one that is absent.
   */
  connect(transport: AccessTransport): void {
    if (this.#elements.length === 0) {
      throw new MeshError('no-element', 'a node needs at least one element', { hint: 'Call addElement() first.' });
    }
    const present = new Set(this.#elements.flatMap((element) => element.models));
    for (const model of present) {
      const missing = model.extends.find((base) => !present.has(base));
      if (missing === undefined) continue;
      throw new MeshError('missing-base-model', `${model.name} extends ${missing.name}, which is on no element`, {
        hint: `Add ${missing.name} to an element of the node.`,
      });
    }
    this.#transport = transport;
    const { store } = this.#ground;
    const refreshable = this.modelAt(this.address, REMOTE_PROVISIONING_SERVER) !== undefined;
    this.#pages = {
      composition: new TermPages(store, 'composition', this.#runningPages(), refreshable),
      metadata: new TermPages(store, 'metadata', new Map([[0, this.#runningMetadata()]]), refreshable),
    };
    for (const attachment of this.#attachments()) attachment.publisher?.start();
    for (const model of present) model.connected();
  }

  /** Stops publishing; what is kept is kept. */
  close(): void {
    for (const attachment of this.#attachments()) attachment.publisher?.stop();
  }

  /** The virtual address of a Label UUID (16 octets). Throws `bad-label-uuid`. */
  virtualAddress(label: Uint8Array): Address {
    return virtualAddress(this.#ground.crypto, label);
  }

  /** A model of this node, by the address of its element; undefined when there is none. */
  modelAt(element: Unicast, id: ModelId): Model | undefined {
    return this.#elements[element - this.address]?.models.find((model) => model.id === id);
  }

  /**
   * Composition Data Page 0 of the running software, without the page number. What the node shows on its network is
   * {@link compositionPage}.
   */
  compositionPage0(): Uint8Array {
    return encodeComposition(this.composition);
  }

  /**
   * The Composition Data page asked for, or the largest present one below it, without the page number: pages 0 to 2 as
   * they were when the term began, 128 to 130 (with a Remote Provisioning Server) as the software has them. At most
   * `maxOctets` (378 in a Config Composition Data Status; default: no limit), of pages 0 and 128 whole elements alone.
   * Throws `not-attached` before {@link connect}.
   */
  compositionPage(asked: number, maxOctets = Number.POSITIVE_INFINITY): { page: number; data: Uint8Array } {
    const { page, data } = this.#connectedPages().composition.at(asked);
    return { page, data: data.length <= maxOctets ? data : shortened(page, data, maxOctets) };
  }

  /**
   * The Models Metadata page asked for, or the largest present one below it, without the page number: page 0 as it was
   * when the term began, 128 (with a Remote Provisioning Server) as the software has it. Throws as {@link compositionPage}.
   */
  metadataPage(asked: number): { page: number; data: Uint8Array } {
    return this.#connectedPages().metadata.at(asked);
  }

  /**
   * A new term on the network (Node Composition Refresh): pages 0 to 2 and Models Metadata Page 0 are those of the running
   * software, what was kept of models that it has not is forgotten; all of it or (`store-failed`) nothing. `commit` makes
   * the changes given to it durable, together with others; by default they stand alone.
   */
  refreshComposition(commit: (writes: readonly Write[]) => void = (writes) => this.#ground.store.batch(writes)): void {
    const { composition, metadata } = this.#connectedPages();
    const models = this.#elements.map((element) => element.models);
    commit([...composition.refreshed(), ...metadata.refreshed(), ...forgetVanished(this.#ground.store, models)]);
  }

  /**
   * Hands a message (opcode ‖ parameters) to the model of an own element that takes it, as if it had come alone with the
   * keys of `context`, the message that it came inside of. What the model answers goes to `capture`.
   */
  process(element: Unicast, payload: Uint8Array, context: Context, capture: AnswerCapture): Processed {
    const { src, key, netIndex, credentials, ttl, rssi } = context;
    const message = { src, dst: element, key, netIndex, credentials, ttl, seq: 0, payload };
    return this.#delivering.process(rssi === undefined ? message : { ...message, rssi }, capture);
  }

  /**
   * Runs something and holds back what models send meanwhile, publications above all, until the function given back is
   * called.
   */
  holdSending(run: () => void): () => void {
    const held = new HeldSending();
    const outer = this.#held;
    this.#held = held;
    try {
      run();
    } finally {
      this.#held = outer;
    }
    return () => held.release((message, done) => this.#transmit(message, done));
  }

  /** An AppKey was deleted: no model is bound to it, none publishes with it any more; durably when it returns. */
  removeAppKey(appIndex: AppIndex): void {
    const affected = this.#attachments().filter((attachment) => attachment.isBound(appIndex));
    this.#ground.store.batch(affected.flatMap((attachment) => attachment.withoutKey(appIndex)));
    for (const attachment of affected) attachment.forgetKey(appIndex);
  }

  /** The node leaves the network: forgets bindings, subscriptions, publications and the composition of the term. */
  reset(): void {
    const { store } = this.#ground;
    store.batch([...forgetModels(store), ...forgetPages(store)]);
    for (const attachment of this.#attachments()) attachment.forget();
    for (const list of this.#elements.flatMap((element) => element.lists)) list.replace([]);
    this.#subscriptionsChanged();
  }

  /** Says whether a feature is on: the primary element belongs to its fixed group then. All are off at first. */
  setFeature(feature: FeatureInUse, on: boolean): void {
    const { fixedGroups } = this.#delivering;
    if (on) fixedGroups.add(FIXED_GROUP[feature]);
    else fixedGroups.delete(FIXED_GROUP[feature]);
  }

  /** Group and virtual addresses that models of this node subscribe to: what the Friend of a Low Power node keeps for it. */
  get subscriptions(): readonly Address[] {
    return this.#subscriptions.addresses;
  }

  isSubscribed(dst: Address): boolean {
    return this.#subscriptions.has(dst) || this.#delivering.fixedGroups.has(dst);
  }

  labelsOf(dst: Address): readonly Uint8Array[] {
    return this.#subscriptions.labelsOf(dst);
  }

  deviceKeyOf(node: Unicast): Uint8Array | undefined {
    return this.#deviceKeyOf(node);
  }

  receive(message: AccessReceived): void {
    this.#delivering.receive(message);
  }

  #attachments(): readonly Attachment[] {
    return this.#elements.flatMap((element) => element.attachments);
  }

  #runningPages(): RunningPages {
    const relations = relationsOf(this.#elements.map((element) => element.models));
    const pages: [number, Uint8Array][] = [
      [0, this.compositionPage0()],
      [1, encodeRelations(relations)],
    ];
    if (this.#profiles.length > 0) pages.push([2, encodeProfiles(this.#profiles)]);
    return new Map(pages);
  }

  #runningMetadata(): Uint8Array {
    return encodeModelsMetadata(metadataOf(this.#elements.map((element) => element.models)));
  }

  #connectedPages(): { readonly composition: TermPages; readonly metadata: TermPages } {
    if (this.#pages !== undefined) return this.#pages;
    throw new MeshError('not-attached', 'the access layer has no network layer', { hint: 'Call connect() first.' });
  }

  #subscriptionsChanged(): void {
    this.#subscriptions.rebuild(this.#elements.flatMap((element) => element.lists));
    this.subscriptionChanges.emit();
  }

  #transmit(message: AccessSend, done: (error?: MeshError) => void): Cancel {
    if (this.#held !== undefined) return this.#held.hold(message, done);
    if (this.#transport !== undefined) return this.#transport.send(message, done);
    throw new MeshError('not-attached', 'the access layer has no network layer', { hint: 'Call connect() first.' });
  }
}

/** Of pages 0 and 128 whole elements, of others what fits. */
function shortened(page: number, data: Uint8Array, maxOctets: number): Uint8Array {
  const decoded = page % 128 === 0 ? decodeComposition(data) : undefined;
  return decoded?.ok ? encodeComposition(decoded.value.composition, maxOctets) : data.slice(0, maxOctets);
}

/** Spreads the answers of many nodes to one message [3.7.3.1]. */
function replyDelay(random: Random, dst: Address): number {
  return 20 + random.uniform() * (isUnicast(dst) ? 30 : 480);
}
