import {
  type Address,
  ALL_DIRECTED_FORWARDING_NODES,
  ALL_FRIENDS,
  ALL_NODES,
  ALL_PROXIES,
  ALL_RELAYS,
  type Cancel,
  type Clock,
  equal,
  isUnicast,
  type Log,
  MeshError,
  type Random,
  type Store,
  silent,
  type Unicast,
} from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { AccessReceived, AccessSend, AccessTransport, NetworkHost } from '@meshferry/network';
import type { ModelGround } from './attachment.ts';
import { type Composition, encodeComposition } from './composition.ts';
import type { Context } from './contract.ts';
import { composeElement, type Delivery, type Element } from './element.ts';
import type { Model } from './model.ts';
import { NO_OPCODE, opcodeAt } from './opcode.ts';

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

export interface AccessLayerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** A view of its own: bindings and subscriptions are kept in it. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  /** Address of the primary element. */
  readonly address: Unicast;
  readonly identity: Identity;
  readonly log?: Log;
  /** The device key of another node, by the address of any of its elements. Default: none is known. */
  readonly deviceKeyOf?: (node: Unicast) => Uint8Array | undefined;
}

/** What became of received messages, since the start. One to a group may be delivered to several models. */
export interface AccessCounters {
  readonly received: number;
  readonly delivered: number;
  /** No model took it: unknown opcode, key not bound, not subscribed. Such messages are dropped silently. */
  readonly ignored: number;
  /** The opcode was known, the parameters were not those of the message. */
  readonly malformed: number;
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
  readonly #ground: ModelGround;
  readonly #log: Log;
  readonly #deviceKeyOf: (node: Unicast) => Uint8Array | undefined;
  readonly #elements: Element[] = [];
  readonly #fixedGroups = new Set<Address>([ALL_NODES]);
  readonly #groups = new Set<Address>();
  readonly #labels = new Map<Address, Uint8Array[]>();
  readonly #counters = { received: 0, delivered: 0, ignored: 0, malformed: 0 };
  #transport: AccessTransport | undefined;

  constructor(options: AccessLayerOptions) {
    this.address = options.address;
    this.identity = options.identity;
    this.#log = options.log ?? silent;
    this.#deviceKeyOf = options.deviceKeyOf ?? (() => undefined);
    this.#ground = {
      clock: options.clock,
      random: options.random,
      store: options.store,
      log: this.#log,
      crypto: options.crypto,
      transmit: (message, done) => this.#transmit(message, done),
      subscriptionsChanged: () => this.#indexSubscriptions(),
    };
  }

  get counters(): AccessCounters {
    return this.#counters;
  }

  get elementCount(): number {
    return this.#elements.length;
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
    this.#indexSubscriptions();
    return address;
  }

  /** Connects the network layer. Throws `no-element`, or `missing-base-model` when a model extends one that is absent. */
  connect(transport: AccessTransport): void {
    if (this.#elements.length === 0) {
      throw new MeshError('no-element', 'a node needs at least one element', { hint: 'Call addElement() first.' });
    }
    const present = new Set(this.#elements.flatMap((element) => element.models));
    for (const model of present) {
      const missing = model.extends.find((base) => !present.has(base));
      if (missing === undefined) continue;
      throw new MeshError('missing-base-model', `${model.name} extends ${missing.name}, which is on no element`, {
        hint: `Add ${missing.name} to the same element.`,
      });
    }
    this.#transport = transport;
  }

  /** Composition Data Page 0 without the page number. */
  compositionPage0(): Uint8Array {
    return encodeComposition(this.composition);
  }

  /** Says whether a feature is on: the primary element belongs to its fixed group then. All are off at first. */
  setFeature(feature: FeatureInUse, on: boolean): void {
    if (on) this.#fixedGroups.add(FIXED_GROUP[feature]);
    else this.#fixedGroups.delete(FIXED_GROUP[feature]);
  }

  isSubscribed(dst: Address): boolean {
    return this.#groups.has(dst) || this.#labels.has(dst) || this.#fixedGroups.has(dst);
  }

  labelsOf(dst: Address): readonly Uint8Array[] {
    return this.#labels.get(dst) ?? [];
  }

  deviceKeyOf(node: Unicast): Uint8Array | undefined {
    return this.#deviceKeyOf(node);
  }

  receive(message: AccessReceived): void {
    this.#counters.received++;
    const opcode = opcodeAt(message.payload);
    let takers = 0;
    if (opcode === NO_OPCODE) {
      // Empty, cut or the reserved 0x7F: no model has it.
    } else if (isUnicast(message.dst)) {
      const element = this.#elements[message.dst - this.address];
      const delivery = element?.deliveries.get(opcode);
      if (delivery !== undefined && this.#secured(delivery, message)) takers += this.#deliver(delivery, message);
    } else {
      for (const element of this.#elements) {
        const delivery = element.deliveries.get(opcode);
        if (delivery === undefined || !this.#addressed(delivery, message) || !this.#secured(delivery, message))
          continue;
        takers += this.#deliver(delivery, message);
      }
    }
    if (takers === 0) this.#counters.ignored++;
  }

  /** Group or virtual destination: by subscription, or, on the primary element alone, a fixed group. */
  #addressed(delivery: Delivery, message: AccessReceived): boolean {
    if (delivery.attachment.subscriptions.has(message.dst, message.label)) return true;
    return delivery.attachment.element === this.address && this.#fixedGroups.has(message.dst);
  }

  #secured(delivery: Delivery, message: AccessReceived): boolean {
    const { key } = message;
    const { security } = delivery.model;
    if (key.kind === 'app') return security === 'app' && delivery.attachment.isBound(key.index);
    if (security === 'device') return key.node === this.address;
    // Our own device key secures what our own servers answer, no one else's answers.
    return security === 'peer-device' && (key.node !== this.address || this.#isOwn(message.src));
  }

  /** Returns 1: the message found a model, also when it was none of its messages after all. */
  #deliver(delivery: Delivery, message: AccessReceived): 1 {
    const { type, handler, listeners } = delivery.receiver;
    const decoded = type.decode(message.payload);
    if (!decoded.ok) {
      this.#counters.malformed++;
      this.#log('debug', `malformed ${type.name} dropped`, { src: message.src, ...decoded.error });
      return 1;
    }
    this.#counters.delivered++;
    const context = contextOf(message, delivery.attachment.element);
    // Of a copy: who begins to listen while it is told (the next request of a procedure) waits for the next message.
    if (listeners.size > 0) for (const listener of [...listeners]) listener(decoded.value, context);
    handler?.(decoded.value, context);
    return 1;
  }

  #isOwn(address: Unicast): boolean {
    return address >= this.address && address < this.address + this.#elements.length;
  }

  #transmit(message: AccessSend, done: (error?: MeshError) => void): Cancel {
    if (this.#transport !== undefined) return this.#transport.send(message, done);
    throw new MeshError('not-attached', 'the access layer has no network layer', { hint: 'Call connect() first.' });
  }

  /** What the network layer asks at every PDU, gathered from all Subscription Lists when one of them changes. */
  #indexSubscriptions(): void {
    this.#groups.clear();
    this.#labels.clear();
    for (const element of this.#elements) {
      for (const list of element.lists) {
        for (const { address, label } of list.entries) {
          if (label === undefined) this.#groups.add(address);
          else this.#addLabel(address, label);
        }
      }
    }
  }

  #addLabel(address: Address, label: Uint8Array): void {
    const labels = this.#labels.get(address);
    if (labels === undefined) this.#labels.set(address, [label]);
    else if (!labels.some((other) => equal(other, label))) labels.push(label);
  }
}

function contextOf(message: AccessReceived, element: Unicast): Context {
  const context: { -readonly [K in keyof Context]: Context[K] } = {
    src: message.src,
    dst: message.dst,
    key: message.key,
    netIndex: message.netIndex,
    credentials: message.credentials,
    ttl: message.ttl,
    element,
  };
  if (message.label !== undefined) context.label = message.label;
  if (message.rssi !== undefined) context.rssi = message.rssi;
  return context;
}
