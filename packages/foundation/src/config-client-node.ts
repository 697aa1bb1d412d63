import { ConfigCompositionDataGet, ConfigCompositionDataStatus, type MessageType } from '@meshferry/access';
import type { Transmit } from '@meshferry/bearer';
import { MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import {
  ConfigBeaconGet,
  ConfigBeaconSet,
  ConfigBeaconStatus,
  ConfigDefaultTtlGet,
  ConfigDefaultTtlSet,
  ConfigDefaultTtlStatus,
  ConfigFriendGet,
  ConfigFriendSet,
  ConfigFriendStatus,
  ConfigGattProxyGet,
  ConfigGattProxySet,
  ConfigGattProxyStatus,
  ConfigLowPowerNodePollTimeoutGet,
  ConfigLowPowerNodePollTimeoutStatus,
  ConfigNetworkTransmitGet,
  ConfigNetworkTransmitSet,
  ConfigNetworkTransmitStatus,
  ConfigNodeIdentityGet,
  ConfigNodeIdentitySet,
  ConfigNodeIdentityStatus,
  ConfigNodeReset,
  ConfigNodeResetStatus,
  ConfigRelayGet,
  ConfigRelaySet,
  ConfigRelayStatus,
} from './config-node-messages.ts';

/** A feature of a node: on, off, or not supported. */
export type FeatureState = 'off' | 'on' | 'not-supported';

/** Relay and Relay Retransmit. */
export interface RelayState {
  readonly relay: FeatureState;
  readonly retransmit: Transmit;
}

/** A transmit state as messages have it. */
interface Steps {
  readonly count: number;
  readonly intervalSteps: number;
}

const FEATURE_STATES: readonly FeatureState[] = ['off', 'on', 'not-supported'];
const NOT_SUPPORTED = 2;

/** PollTimeout is counted in such steps, ms. */
const POLL_STEP_MS = 100;

/** Procedures for a node as a whole; see `ConfigurationClient`. */
export class NodeProcedures {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  /** A page, or the largest present one below it; without the page number. 0xFF gives the highest, see {@link compositionPages}. */
  compositionDataGet(
    to: RequestTarget,
    page: number,
    options?: RequestOptions,
  ): Promise<{ readonly page: number; readonly data: Uint8Array }> {
    return this.#requests.ask(
      {
        type: ConfigCompositionDataGet,
        value: { page },
        response: ConfigCompositionDataStatus,
        matches: (status) => status.page <= page,
        answerOctets: LONGEST_ANSWER,
      },
      to,
      options,
    );
  }

  /** All pages of the node, by number: from 0xFF down to 0 [Mesh Protocol 1.1, 4.4.1.2.2]. */
  async compositionPages(to: RequestTarget, options?: RequestOptions): Promise<ReadonlyMap<number, Uint8Array>> {
    const pages = new Map<number, Uint8Array>();
    for (let next = 0xff; next >= 0; ) {
      const { page, data } = await this.compositionDataGet(to, next, options);
      pages.set(page, data);
      next = page - 1;
    }
    return pages;
  }

  /** Whether the node sends Secure Network beacons. */
  async beaconGet(to: RequestTarget, options?: RequestOptions): Promise<boolean> {
    return (await this.#ask(ConfigBeaconGet, {}, ConfigBeaconStatus, to, options)).beacon === 1;
  }

  async beaconSet(to: RequestTarget, on: boolean, options?: RequestOptions): Promise<boolean> {
    const beacon = Number(on);
    const isDone = (status: { beacon: number }) => status.beacon === beacon;
    return (await this.#ask(ConfigBeaconSet, { beacon }, ConfigBeaconStatus, to, options, isDone)).beacon === 1;
  }

  async defaultTtlGet(to: RequestTarget, options?: RequestOptions): Promise<number> {
    return (await this.#ask(ConfigDefaultTtlGet, {}, ConfigDefaultTtlStatus, to, options)).ttl;
  }

  /** 0 or 2 to 127. */
  async defaultTtlSet(to: RequestTarget, ttl: number, options?: RequestOptions): Promise<number> {
    const isDone = (status: { ttl: number }) => status.ttl === ttl;
    return (await this.#ask(ConfigDefaultTtlSet, { ttl }, ConfigDefaultTtlStatus, to, options, isDone)).ttl;
  }

  async friendGet(to: RequestTarget, options?: RequestOptions): Promise<FeatureState> {
    return featureOf((await this.#ask(ConfigFriendGet, {}, ConfigFriendStatus, to, options)).friend);
  }

  async friendSet(to: RequestTarget, on: boolean, options?: RequestOptions): Promise<FeatureState> {
    const value = { friend: Number(on) };
    const isDone = (status: { friend: number }) => isFeatureSet(status.friend, on);
    return featureOf((await this.#ask(ConfigFriendSet, value, ConfigFriendStatus, to, options, isDone)).friend);
  }

  async gattProxyGet(to: RequestTarget, options?: RequestOptions): Promise<FeatureState> {
    return featureOf((await this.#ask(ConfigGattProxyGet, {}, ConfigGattProxyStatus, to, options)).gattProxy);
  }

  async gattProxySet(to: RequestTarget, on: boolean, options?: RequestOptions): Promise<FeatureState> {
    const value = { gattProxy: Number(on) };
    const isDone = (status: { gattProxy: number }) => isFeatureSet(status.gattProxy, on);
    return featureOf(
      (await this.#ask(ConfigGattProxySet, value, ConfigGattProxyStatus, to, options, isDone)).gattProxy,
    );
  }

  async relayGet(to: RequestTarget, options?: RequestOptions): Promise<RelayState> {
    return relayOf(await this.#ask(ConfigRelayGet, {}, ConfigRelayStatus, to, options));
  }

  /** 1 to 8 transmissions, 10 to 320 ms apart in steps of 10; kept also while Relay is off. */
  async relaySet(to: RequestTarget, on: boolean, retransmit: Transmit, options?: RequestOptions): Promise<RelayState> {
    const value = { relay: Number(on), ...toSteps(retransmit) };
    const isDone = (status: typeof value) =>
      status.relay === NOT_SUPPORTED || (status.relay === value.relay && areEqual(status, value));
    return relayOf(await this.#ask(ConfigRelaySet, value, ConfigRelayStatus, to, options, isDone));
  }

  async networkTransmitGet(to: RequestTarget, options?: RequestOptions): Promise<Transmit> {
    return ofSteps(await this.#ask(ConfigNetworkTransmitGet, {}, ConfigNetworkTransmitStatus, to, options));
  }

  /** 1 to 8 transmissions, 10 to 320 ms apart in steps of 10. */
  async networkTransmitSet(to: RequestTarget, transmit: Transmit, options?: RequestOptions): Promise<Transmit> {
    const value = toSteps(transmit);
    const isDone = (status: Steps) => areEqual(status, value);
    return ofSteps(await this.#ask(ConfigNetworkTransmitSet, value, ConfigNetworkTransmitStatus, to, options, isDone));
  }

  /** PollTimeout of a Low Power node whose Friend the node is, ms; undefined: it is not its Friend. */
  async lowPowerNodePollTimeoutGet(
    to: RequestTarget,
    lpnAddress: Unicast,
    options?: RequestOptions,
  ): Promise<number | undefined> {
    const exchange = {
      type: ConfigLowPowerNodePollTimeoutGet,
      value: { lpnAddress },
      response: ConfigLowPowerNodePollTimeoutStatus,
      matches: (status: { lpnAddress: Unicast }) => status.lpnAddress === lpnAddress,
    };
    const { pollTimeout } = await this.#requests.ask(exchange, to, options);
    return pollTimeout === 0 ? undefined : POLL_STEP_MS * pollTimeout;
  }

  async nodeIdentityGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<FeatureState> {
    const status = await this.#identity(ConfigNodeIdentityGet, { netKeyIndex }, to, options);
    return featureOf(succeeded(status, `Node Identity of NetKey ${netKeyIndex}`, to).identity);
  }

  /** Starts (for 60 s) or stops advertising with Node Identity in a subnet. */
  async nodeIdentitySet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    on: boolean,
    options?: RequestOptions,
  ): Promise<FeatureState> {
    const value = { netKeyIndex, identity: Number(on) };
    const isDone = ({ status, identity }: { status: number; identity: number }) =>
      status !== 0 || isFeatureSet(identity, on);
    const status = await this.#identity(ConfigNodeIdentitySet, value, to, options, isDone);
    return featureOf(succeeded(status, `Node Identity of NetKey ${netKeyIndex}`, to).identity);
  }

  /**
   * Makes the node forget the network. Some nodes leave without a word: `no-response` does not mean that it is still there.
   */
  async nodeReset(to: RequestTarget, options?: RequestOptions): Promise<void> {
    await this.#ask(ConfigNodeReset, {}, ConfigNodeResetStatus, to, options);
  }

  #ask<T, R>(
    type: MessageType<T>,
    value: T,
    response: MessageType<R>,
    to: RequestTarget,
    options: RequestOptions | undefined,
    isDone: (status: R) => boolean = () => true,
  ): Promise<R> {
    return this.#requests.ask({ type, value, response, isDone }, to, options);
  }

  #identity<T extends { readonly netKeyIndex: NetIndex }>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
    isDone: (status: { status: number; identity: number }) => boolean = () => true,
  ) {
    const matches = (status: { netKeyIndex: NetIndex }) => status.netKeyIndex === value.netKeyIndex;
    return this.#requests.ask({ type, value, response: ConfigNodeIdentityStatus, matches, isDone }, to, options);
  }
}

/** 0 off, 1 on, all else not supported. */
export function featureOf(octet: number): FeatureState {
  return FEATURE_STATES[octet] ?? 'not-supported';
}

function isFeatureSet(octet: number, on: boolean): boolean {
  return octet === NOT_SUPPORTED || (octet === 1) === on;
}

function areEqual(a: Steps, b: Steps): boolean {
  return a.count === b.count && a.intervalSteps === b.intervalSteps;
}

function relayOf(status: Steps & { readonly relay: number }): RelayState {
  return { relay: featureOf(status.relay), retransmit: ofSteps(status) };
}

function ofSteps({ count, intervalSteps }: Steps): Transmit {
  return { count: count + 1, intervalMs: 10 * (intervalSteps + 1) };
}

function toSteps({ count, intervalMs }: Transmit): Steps {
  const intervalSteps = intervalMs / 10 - 1;
  const isSteps = Number.isInteger(intervalSteps) && intervalSteps >= 0 && intervalSteps <= 31;
  if (isSteps && Number.isInteger(count) && count >= 1 && count <= 8) return { count: count - 1, intervalSteps };
  throw new MeshError('bad-field', `${count} transmissions every ${intervalMs} ms`, {
    hint: 'Give 1 to 8 transmissions, 10 to 320 ms apart in steps of 10.',
  });
}
