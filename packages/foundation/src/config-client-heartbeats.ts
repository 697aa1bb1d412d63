import type { Address, Unicast } from '@meshferry/core';
import {
  decodePublicationCountLog,
  encodePublicationCountLog,
  type HeartbeatPublicationState,
  type HeartbeatSubscriptionState,
} from '@meshferry/network';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import {
  ConfigHeartbeatPublicationGet,
  ConfigHeartbeatPublicationSet,
  ConfigHeartbeatPublicationStatus,
  ConfigHeartbeatSubscriptionGet,
  ConfigHeartbeatSubscriptionSet,
  ConfigHeartbeatSubscriptionStatus,
} from './config-heartbeat-messages.ts';

/** Heartbeats to count: from whom, to where, for 2^(periodLog − 1) s (1 to 0x11; 0 ends it). */
export interface HeartbeatSubscription {
  /** 0 ends it. */
  readonly source: Unicast;
  /** The primary address of the node itself, or a group; 0 ends it. */
  readonly destination: Address;
  readonly periodLog: number;
}

/** The most Heartbeats that are counted. */
const MOST = 0xffff;

/** Procedures for the heartbeats of a node; see `ConfigurationClient`. */
export class HeartbeatProcedures {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  /** The count is what is left of it, rounded up to a power of two. */
  async publicationGet(to: RequestTarget, options?: RequestOptions): Promise<HeartbeatPublicationState> {
    const exchange = {
      type: ConfigHeartbeatPublicationGet,
      value: {},
      response: ConfigHeartbeatPublicationStatus,
    };
    return publicationOf(succeeded(await this.#requests.ask(exchange, to, options), 'Heartbeat Publication', to));
  }

  /** The count is rounded up to a power of two; destination 0 ends the publication. */
  async publicationSet(
    to: RequestTarget,
    state: HeartbeatPublicationState,
    options?: RequestOptions,
  ): Promise<HeartbeatPublicationState> {
    const { count, netIndex, ...rest } = state;
    const value = { ...rest, countLog: encodePublicationCountLog(count), netKeyIndex: netIndex };
    const exchange = {
      type: ConfigHeartbeatPublicationSet,
      value,
      response: ConfigHeartbeatPublicationStatus,
      isDone: (status: { status: number; destination: Address }) =>
        status.status !== 0 || status.destination === state.destination,
    };
    return publicationOf(succeeded(await this.#requests.ask(exchange, to, options), 'Heartbeat Publication', to));
  }

  /** What was counted so far: time left (s) and count are rounded down to powers of two. */
  async subscriptionGet(to: RequestTarget, options?: RequestOptions): Promise<HeartbeatSubscriptionState> {
    const exchange = { type: ConfigHeartbeatSubscriptionGet, value: {}, response: ConfigHeartbeatSubscriptionStatus };
    return subscriptionOf(succeeded(await this.#requests.ask(exchange, to, options), 'Heartbeat Subscription', to));
  }

  /** The answer to one that ends counting has the results. */
  async subscriptionSet(
    to: RequestTarget,
    value: HeartbeatSubscription,
    options?: RequestOptions,
  ): Promise<HeartbeatSubscriptionState> {
    const exchange = {
      type: ConfigHeartbeatSubscriptionSet,
      value,
      response: ConfigHeartbeatSubscriptionStatus,
    };
    return subscriptionOf(succeeded(await this.#requests.ask(exchange, to, options), 'Heartbeat Subscription', to));
  }
}

interface PublicationStatus extends Omit<HeartbeatPublicationState, 'count' | 'netIndex'> {
  readonly countLog: number;
  readonly netKeyIndex: number;
}

interface SubscriptionStatus extends Omit<HeartbeatSubscriptionState, 'period' | 'count'> {
  readonly periodLog: number;
  readonly countLog: number;
}

function publicationOf(status: PublicationStatus): HeartbeatPublicationState {
  const { destination, countLog, periodLog, ttl, features, netKeyIndex: netIndex } = status;
  return { destination, count: decodePublicationCountLog(countLog) ?? MOST, periodLog, ttl, features, netIndex };
}

function subscriptionOf({ source, destination, periodLog, countLog, minHops, maxHops }: SubscriptionStatus) {
  const count = Math.min(MOST, ofLog(countLog));
  return { source, destination, period: ofLog(periodLog), count, minHops, maxHops };
}

function ofLog(log: number): number {
  return log === 0 ? 0 : 2 ** (log - 1);
}
