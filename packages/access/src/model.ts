import { type Address, type AppIndex, type Cancel, type Clock, MeshError, type Unicast } from '@meshferry/core';
import type { Priority } from '@meshferry/network';
import type { Attachment } from './attachment.ts';
import type { Context, ModelId, ReplyOptions, SendOptions } from './contract.ts';
import type { MessageType } from './message.ts';
import type { MetadataEntry } from './models-metadata.ts';
import type { Opcode } from './opcode.ts';
import type { Publication, PublicationSettings } from './publication.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * Whose key secures the messages that a model takes [Mesh Protocol 1.1, 3.8.8]:
 * `app`: an AppKey bound to the model; `device`: the device key of this node (servers of the configuration family);
 * `peer-device`: the device key of the node that sends (their clients);
 * `any`, `peer-any`: any AppKey, bound or not, as well as the device key of this node or of the one that sends (Opcodes
 * Aggregator).
 */
export type ModelSecurity = 'app' | 'device' | 'peer-device' | 'any' | 'peer-any';

/** What a model is. */
export interface ModelSpec {
  readonly id: ModelId;
  readonly name: string;
  /** Its base models, on any element of the node; with those on its own element it shares its subscriptions. */
  readonly extends?: readonly Model[];
  /** Models that share a state with it without extending it; Composition Data Page 1 shows them as a group. */
  readonly corresponds?: readonly Model[];
  /** Default `app`. */
  readonly security?: ModelSecurity;
  /** Of what it sends of itself, unless said otherwise; its answers are interactive always. Default `interactive`. */
  readonly priority?: Priority;
  /** What the Models Metadata pages tell of it. Default: nothing. */
  readonly metadata?: readonly MetadataEntry[];
}

/** Takes a message of a model. What it throws is a defect of the program and goes up to whoever runs the clock. */
export type Handler<T> = (message: T, context: Context) => void;

/** How a model publishes. */
export interface Publishing {
  readonly onPeriod: (() => void) | undefined;
}

/** One message type that a model receives, and who is told. */
export interface Receiver {
  readonly type: MessageType<unknown>;
  readonly handler: Handler<unknown> | undefined;
  /** Besides the handler and before it: those who wait for an answer. */
  readonly listeners: Set<Handler<unknown>>;
}

/**
 * A model: the messages that it receives, then, once an {@link AccessLayer} has put it on an element, its AppKey
 * bindings, its subscriptions and the way out. Handlers are declared first; an element is added with complete models.
 */
export class Model {
  readonly id: ModelId;
  readonly name: string;
  readonly extends: readonly Model[];
  readonly corresponds: readonly Model[];
  readonly security: ModelSecurity;
  readonly metadata: readonly MetadataEntry[];
  readonly priority: Priority;
  readonly #receivers = new Map<Opcode, Receiver>();
  #publishing: Publishing | undefined;
  #attachment: Attachment | undefined;
  #onConnected: (() => void) | undefined;

  constructor(spec: ModelSpec) {
    this.id = spec.id;
    this.name = spec.name;
    this.extends = spec.extends ?? [];
    this.corresponds = spec.corresponds ?? [];
    this.security = spec.security ?? 'app';
    this.metadata = spec.metadata ?? [];
    this.priority = spec.priority ?? 'interactive';
  }

  /** Whether it sends under any AppKey of the node, bound to it or not. */
  get anyAppKey(): boolean {
    return this.security === 'any' || this.security === 'peer-any';
  }

  /**
   * Declares that the model receives `type`. Without a handler it does so for those alone who {@link listen}.
   * Throws `opcode-conflict` for a second declaration, `already-attached` when the model is on an element.
   */
  handle<T>(type: MessageType<T>, handler?: Handler<T>): void {
    if (this.#attachment !== undefined) throw this.#alreadyAttached();
    if (this.#receivers.has(type.opcode)) {
      throw new MeshError('opcode-conflict', `${this.name} handles ${type.name} already`, {
        hint: 'Declare each message once; several parties that want it listen to it.',
      });
    }
    this.#receivers.set(type.opcode, {
      type: type as MessageType<unknown>,
      handler: handler as Handler<unknown> | undefined,
      listeners: new Set(),
    });
  }

  /**
   * Declares that the model publishes. `onPeriod` is called when a periodic publication is due, to {@link publish} the
   * present state; without it the model publishes on changes alone. Throws `already-attached`.
   */
  publishes(onPeriod?: () => void): void {
    if (this.#attachment !== undefined) throw this.#alreadyAttached();
    this.#publishing = { onPeriod };
  }

  /**
   * Declares what is to be done once the node is complete, with all elements and its network layer: where a server begins
   * to follow the states of the node. Throws `already-attached`.
   */
  whenConnected(run: () => void): void {
    if (this.#attachment !== undefined) throw this.#alreadyAttached();
    this.#onConnected = run;
  }

  /** For the access layer: the node is complete. */
  connected(): void {
    this.#onConnected?.();
  }

  /** For the access layer: how the model publishes, undefined when it does not. */
  get publishing(): Publishing | undefined {
    return this.#publishing;
  }

  /** Tells `listener` of each received `type`, before its handler. Throws `not-handled` for a type the model does not receive. */
  listen<T>(type: MessageType<T>, listener: Handler<T>): Cancel {
    const receiver = this.#receivers.get(type.opcode);
    if (receiver === undefined) {
      throw new MeshError('not-handled', `${this.name} does not receive ${type.name}`, {
        hint: 'Declare it with handle() before the model is added to an element.',
      });
    }
    const { listeners } = receiver;
    listeners.add(listener as Handler<unknown>);
    return () => {
      listeners.delete(listener as Handler<unknown>);
    };
  }

  /**
   * Sends a message from the model's element. `done` is called once, never before `send` returned, with the outcomes of
   * the network layer or with `key-not-bound` when the model has no such AppKey. Throws `bad-field` for a value that
   * the message cannot hold, `not-attached` before the model is on an element of a connected access layer.
   */
  send<T>(type: MessageType<T>, value: T, options: SendOptions, done?: (error?: MeshError) => void): Cancel {
    const { priority } = this;
    const isAsWanted = options.priority !== undefined || priority === 'interactive';
    return this.#attached().send(type.encode(value), isAsWanted ? options : { ...options, priority }, done);
  }

  /**
   * Answers a message: to its source, under its keys, from the element that received it, after the delay and with the
   * TTL that the specification wants [3.7.3.1] unless `options` say otherwise. `done` and errors as in {@link send};
   * the value is encoded at once.
   */
  reply<T>(
    context: Context,
    type: MessageType<T>,
    value: T,
    options?: ReplyOptions,
    done?: (error?: MeshError) => void,
  ): Cancel {
    return this.#attached().reply(context, type.encode(value), options, done);
  }

  /**
   * Sends a message where the model publishes to, as often as its publication says; the message before is not repeated
   * any more. `done` is called once, with how the first transmission ended, or with `not-publishing` when there is no
   * publication. Throws as {@link send} does, and `no-publication` when the model does not publish at all.
   */
  publish<T>(type: MessageType<T>, value: T, done?: (error?: MeshError) => void): Cancel {
    return this.#attached().publish(type.encode(value), done);
  }

  /** Where and how the model publishes; undefined while it does not. */
  get publication(): Publication | undefined {
    return this.#attached().publication;
  }

  /**
   * Sets or (undefined) ends the publication, durably when it returns; what was under way is cancelled, the first period
   * begins now. Throws `no-publication`, `bad-address`, `bad-label-uuid`, `bad-field`, `key-not-bound`,
   * `feature-not-supported` (friendship credentials without Low Power), `no-period`.
   */
  setPublication(settings: PublicationSettings | undefined): void {
    this.#attached().setPublication(settings);
  }

  /** Divides the Publish Period by 2^`divisor` (0 to 15) while something is urgent; 0 ends it. Not kept. */
  setFastPeriod(divisor: number): void {
    this.#attached().publisher?.setDivisor(divisor);
  }

  /** Binds an AppKey, durably when it returns; harmless when it is bound already. */
  bind(appIndex: AppIndex): void {
    this.#attached().bind(appIndex);
  }

  /** The reverse of {@link bind}; ends a publication that uses the key. Harmless when it is not bound. */
  unbind(appIndex: AppIndex): void {
    this.#attached().unbind(appIndex);
  }

  /** The AppKeys bound to the model, in ascending order. */
  get appKeys(): readonly AppIndex[] {
    return this.#attached().appKeys;
  }

  /**
   * Subscribes the model, and all that it is connected with by extension on its element, to a group address or a Label
   * UUID (16 octets); durably when it returns. Throws `bad-address` for anything else, all-nodes included, and
   * `subscription-list-full`.
   */
  subscribe(to: Address | Uint8Array): void {
    this.#attached().subscribe(to);
  }

  /** The reverse of {@link subscribe}, for all that share the list. */
  unsubscribe(from: Address | Uint8Array): void {
    this.#attached().unsubscribe(from);
  }

  /** Makes these the only entries of the Subscription List, in one step; errors as {@link subscribe}. */
  overwriteSubscriptions(to: readonly (Address | Uint8Array)[]): void {
    this.#attached().overwriteSubscriptions(to);
  }

  /** The Subscription List. */
  get subscriptions(): readonly Subscription[] {
    return this.#attached().subscriptions.entries;
  }

  /** Address of the element that the model is on. Throws `not-attached` before. */
  get element(): Unicast {
    return this.#attached().element;
  }

  /** The clock of the access layer, for procedures built on models. Throws `not-attached` before. */
  get clock(): Clock {
    return this.#attached().clock;
  }

  /** For the access layer: takes what the model stands on and gives what it receives. Throws `already-attached`. */
  attach(attachment: Attachment): ReadonlyMap<Opcode, Receiver> {
    if (this.#attachment !== undefined) throw this.#alreadyAttached();
    this.#attachment = attachment;
    return this.#receivers;
  }

  #attached(): Attachment {
    if (this.#attachment !== undefined) return this.#attachment;
    throw new MeshError('not-attached', `${this.name} is on no element yet`, {
      hint: 'Add it to an element with AccessLayer.addElement first.',
    });
  }

  #alreadyAttached(): MeshError {
    return new MeshError('already-attached', `${this.name} is on an element already`, {
      hint: 'Declare all handlers first; a model stands on one element, make another one for another element.',
    });
  }
}
