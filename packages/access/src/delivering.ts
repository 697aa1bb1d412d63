import { type Address, ALL_NODES, isUnicast, type Log, type Unicast } from '@meshferry/core';
import type { AccessReceived } from '@meshferry/network';
import type { AnswerCapture, Context, Processed } from './contract.ts';
import type { Delivery, Element } from './element.ts';
import { NO_OPCODE, opcodeAt } from './opcode.ts';

/** What became of received messages, since the start. One to a group may be delivered to several models. */
export interface AccessCounters {
  readonly received: number;
  readonly delivered: number;
  /** No model took it: unknown opcode, key not bound, not subscribed. Such messages are dropped silently. */
  readonly ignored: number;
  /** The opcode was known, the parameters were not those of the message. */
  readonly malformed: number;
}

/** The rules by which a received message finds its models [Mesh Protocol 1.1, 3.7.3 and 3.7.4]. */
export class Delivering {
  /** Fixed groups that the primary element belongs to. */
  readonly fixedGroups: Set<Address> = new Set([ALL_NODES]);
  readonly #address: Unicast;
  readonly #elements: readonly Element[];
  readonly #log: Log;
  readonly #counters = { received: 0, delivered: 0, ignored: 0, malformed: 0 };

  /** `elements` may grow until the first message. */
  constructor(address: Unicast, elements: readonly Element[], log: Log) {
    this.#address = address;
    this.#elements = elements;
    this.#log = log;
  }

  get counters(): AccessCounters {
    return this.#counters;
  }

  receive(message: AccessReceived): void {
    this.#counters.received++;
    const opcode = opcodeAt(message.payload);
    let takers = 0;
    if (opcode === NO_OPCODE) {
      // Empty, cut or the reserved 0x7F: no model has it.
    } else if (isUnicast(message.dst)) {
      const element = this.#elements[message.dst - this.#address];
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

  /** The same for a message inside of another one, to an element of this node; its answer goes to `capture`. */
  process(message: AccessReceived, capture: AnswerCapture): Processed {
    const delivery = this.#elements[message.dst - this.#address]?.deliveries.get(opcodeAt(message.payload));
    if (delivery === undefined) return 'wrong-opcode';
    if (!this.#secured(delivery, message)) return 'wrong-key';
    return this.#decode(delivery, message, capture) ? 'processed' : 'malformed';
  }

  /** Group or virtual destination: by subscription, or, on the primary element alone, a fixed group. */
  #addressed(delivery: Delivery, message: AccessReceived): boolean {
    if (delivery.attachment.subscriptions.has(message.dst, message.label)) return true;
    return delivery.attachment.element === this.#address && this.fixedGroups.has(message.dst);
  }

  #secured(delivery: Delivery, message: AccessReceived): boolean {
    const { key } = message;
    const { security } = delivery.model;
    if (key.kind === 'app') {
      return security === 'app'
        ? delivery.attachment.isBound(key.index)
        : security === 'any' || security === 'peer-any';
    }
    if (security === 'device' || security === 'any') return key.node === this.#address;
    // Our own device key secures what our own servers answer, no one else's answers.
    return security !== 'app' && (key.node !== this.#address || this.#isOwn(message.src));
  }

  /** Returns 1: the message found a model, also when it was none of its messages after all. */
  #deliver(delivery: Delivery, message: AccessReceived): 1 {
    this.#decode(delivery, message);
    return 1;
  }

  /** False when it was none of the messages of the model after all. */
  #decode(delivery: Delivery, message: AccessReceived, capture?: AnswerCapture): boolean {
    const { type, handler, listeners } = delivery.receiver;
    const decoded = type.decode(message.payload);
    if (!decoded.ok) {
      this.#counters.malformed++;
      this.#log('debug', `malformed ${type.name} dropped`, { src: message.src, ...decoded.error });
      return false;
    }
    this.#counters.delivered++;
    const context = contextOf(message, delivery.attachment.element, capture);
    // Of a copy: who begins to listen while it is told (the next request of a procedure) waits for the next message.
    if (listeners.size > 0) for (const listener of [...listeners]) listener(decoded.value, context);
    handler?.(decoded.value, context);
    return true;
  }

  #isOwn(address: Unicast): boolean {
    return address >= this.#address && address < this.#address + this.#elements.length;
  }
}

function contextOf(message: AccessReceived, element: Unicast, capture: AnswerCapture | undefined): Context {
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
  if (capture !== undefined) context.capture = capture;
  return context;
}
