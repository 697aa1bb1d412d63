import {
  type Address,
  addressKind,
  type Clock,
  Deadline,
  formatAddress,
  isUnicast,
  MeshError,
  type Unicast,
} from '@meshferry/core';
import type { ControlSend } from './control-sender.ts';
import { Feature, type FeatureName } from './features.ts';
import { decodeHeartbeat, encodeHeartbeat, hopsOf, OPCODE_HEARTBEAT } from './heartbeat-message.ts';
import {
  decodePeriodLog,
  type HeartbeatPublicationState,
  type HeartbeatSubscriptionState,
  NO_HEARTBEAT_PUBLICATION,
} from './heartbeat-states.ts';
import type { NodeStates } from './node-states.ts';
import type { ControlReceived } from './transport-receiver.ts';

export interface HeartbeatsOptions {
  readonly clock: Clock;
  readonly states: NodeStates;
  /** The primary element. */
  readonly address: Unicast;
  /** `Feature` bits in use. */
  features(): number;
  send(message: Omit<ControlSend, 'transmit'>): void;
}

/** Heartbeat publication and subscription of a node [Mesh Protocol 1.1, 3.6.7, 4.2.18, 4.2.19]. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #next: Deadline;
  /** Of the publication: what is left of its count. */
  #left = 0;
  #subscription: Omit<HeartbeatSubscriptionState, 'period'> = { ...NO_SUBSCRIPTION };
  #subscribedUntil = 0;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#next = new Deadline(options.clock, () => this.#publish());
    this.#restart();
  }

  /** Heartbeat Publication; `count` counts down. */
  get publication(): HeartbeatPublicationState {
    return { ...this.#options.states.values.heartbeatPublication, count: this.#left };
  }

  /** Begins at once, see {@link setPublication}. */
  set publication(state: HeartbeatPublicationState) {
    this.setPublication(state);
  }

  /**
   * Sets the publication; the first Heartbeat comes `firstAfterMs` later, which leaves time for the Status of the request.
   * The count that survives a restart is the one set here. Throws `bad-field`, `store-failed`.
   */
  setPublication(state: HeartbeatPublicationState, firstAfterMs = 0): void {
    const checked = state.destination === 0 ? NO_HEARTBEAT_PUBLICATION : checkPublication(state);
    this.#options.states.change({ heartbeatPublication: checked });
    this.#restart(firstAfterMs);
  }

  /** Heartbeat Subscription and its results. */
  get subscription(): HeartbeatSubscriptionState {
    return { ...this.#subscription, period: Math.max(this.#subscribedUntil - this.#options.clock.now, 0) / 1000 };
  }

  /**
   * Counts the Heartbeats from `source` to `destination` (the own primary address or a group) for `periodLog`; 0 for any
   * of the three ends it, the results so far stay until the next call. Throws `bad-field`.
   */
  subscribe(source: Address, destination: Address, periodLog: number): void {
    const { clock, address } = this.#options;
    const period = decodePeriodLog(periodLog);
    if (period === undefined) throw badField('PeriodLog', String(periodLog), 'Give 0 to 0x11.');
    if (source !== 0 && !isUnicast(source)) throw badField('source', formatAddress(source), 'Give a unicast address.');
    if (destination !== 0 && destination !== address && addressKind(destination) !== 'group') {
      throw badField('destination', formatAddress(destination), 'Give the primary address of this node or a group.');
    }
    const on = source !== 0 && destination !== 0 && period !== 0;
    this.#subscription = on
      ? { source, destination, count: 0, minHops: 0x7f, maxHops: 0 }
      : { ...this.#subscription, source: 0, destination: 0 };
    this.#subscribedUntil = on ? clock.now + 1000 * period : clock.now;
  }

  /** Whether a group is subscribed to for the sake of Heartbeats. */
  listensTo(dst: Address): boolean {
    return dst === this.#subscription.destination && this.#subscribedUntil > this.#options.clock.now;
  }

  /** Takes a control message with the opcode of Heartbeats. */
  receive({ parameters, src, dst, ttl }: Pick<ControlReceived, 'parameters' | 'src' | 'dst' | 'ttl'>): void {
    const subscription = this.#subscription;
    const heartbeat = decodeHeartbeat(parameters);
    if (!heartbeat.ok || src !== subscription.source || !this.listensTo(dst)) return;
    const hops = hopsOf(heartbeat.value.initTtl, ttl);
    if (hops === undefined) return;
    this.#subscription = {
      ...subscription,
      count: Math.min(subscription.count + 1, 0xffff),
      minHops: Math.min(subscription.minHops, hops),
      maxHops: Math.max(subscription.maxHops, hops),
    };
  }

  /** A feature is in use now, or no more: one Heartbeat if the publication asks for it, whatever its count. */
  featureChanged(name: FeatureName): void {
    const { heartbeatPublication } = this.#options.states.values;
    if ((heartbeatPublication.features & Feature[name]) !== 0) this.#send();
  }

  /** Ends a publication under a NetKey that is removed. Throws `store-failed`. */
  netKeyRemoved(netIndex: number): void {
    const { heartbeatPublication } = this.#options.states.values;
    if (heartbeatPublication.destination !== 0 && heartbeatPublication.netIndex === netIndex) {
      this.publication = NO_HEARTBEAT_PUBLICATION;
    }
  }

  close(): void {
    this.#next.clear();
  }

  #restart(firstAfterMs = 0): void {
    const { destination, count, periodLog } = this.#options.states.values.heartbeatPublication;
    this.#left = count;
    if (destination !== 0 && count > 0 && periodLog > 0) this.#next.set(firstAfterMs);
    else this.#next.clear();
  }

  #publish(): void {
    const { periodLog } = this.#options.states.values.heartbeatPublication;
    if (this.#left !== 0xffff) this.#left--;
    if (this.#left > 0) this.#next.set(1000 * (decodePeriodLog(periodLog) ?? 0));
    this.#send();
  }

  /** A TTL of 1 is legal here but never goes out [3.4.5.2]. */
  #send(): void {
    const { address, features, send, states } = this.#options;
    const { destination, ttl, netIndex } = states.values.heartbeatPublication;
    if (destination === 0 || ttl === 1) return;
    const parameters = encodeHeartbeat({ initTtl: ttl, features: features() });
    send({ src: address, dst: destination, opcode: OPCODE_HEARTBEAT, parameters, ttl, netIndex });
  }
}

const NO_SUBSCRIPTION = { source: 0, destination: 0, count: 0, minHops: 0, maxHops: 0 };

function checkPublication(state: HeartbeatPublicationState): HeartbeatPublicationState {
  const { destination, count, periodLog, ttl, features } = state;
  const kind = addressKind(destination);
  if (kind !== 'unicast' && kind !== 'group') {
    throw badField('destination', formatAddress(destination), 'Give a unicast or group address.');
  }
  if (!isUpTo(count, 0xffff)) throw badField('count', String(count), 'Give 0 to 0xFFFF.');
  if (!isUpTo(periodLog, 0x11)) throw badField('PeriodLog', String(periodLog), 'Give 0 to 0x11.');
  if (!isUpTo(ttl, 0x7f)) throw badField('TTL', String(ttl), 'Give 0 to 127.');
  if (!isUpTo(features, 0xffff)) throw badField('features', String(features), 'Give 16 bits.');
  return { ...state };
}

function isUpTo(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function badField(field: string, value: string, hint: string): MeshError {
  return new MeshError('bad-field', `heartbeat with ${field} ${value}`, { hint });
}
