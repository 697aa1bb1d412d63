import type { MessageType } from '@meshferry/access';
import type { AppIndex, NetIndex } from '@meshferry/core';
import type { KeyRefreshPhase } from '@meshferry/network';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import {
  ConfigAppKeyAdd,
  ConfigAppKeyDelete,
  ConfigAppKeyGet,
  ConfigAppKeyList,
  ConfigAppKeyStatus,
  ConfigAppKeyUpdate,
  ConfigKeyRefreshPhaseGet,
  ConfigKeyRefreshPhaseSet,
  ConfigKeyRefreshPhaseStatus,
  ConfigNetKeyAdd,
  ConfigNetKeyDelete,
  ConfigNetKeyGet,
  ConfigNetKeyList,
  ConfigNetKeyStatus,
  ConfigNetKeyUpdate,
} from './config-key-messages.ts';

interface NetKeyFields {
  readonly netKeyIndex: NetIndex;
}

interface AppKeyFields extends NetKeyFields {
  readonly appKeyIndex: AppIndex;
}

/** Procedures for the keys of a node; keys have 16 octets. See `ConfigurationClient`. */
export class KeyProcedures {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  netKeyAdd(to: RequestTarget, netKeyIndex: NetIndex, netKey: Uint8Array, options?: RequestOptions): Promise<void> {
    return this.#netKey(ConfigNetKeyAdd, { netKeyIndex, netKey }, to, options);
  }

  /** Gives the new value of a NetKey: Key Refresh Phase 1. */
  netKeyUpdate(to: RequestTarget, netKeyIndex: NetIndex, netKey: Uint8Array, options?: RequestOptions): Promise<void> {
    return this.#netKey(ConfigNetKeyUpdate, { netKeyIndex, netKey }, to, options);
  }

  /** With all AppKeys bound to it. Ask under another NetKey (`to.netIndex`). */
  netKeyDelete(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<void> {
    return this.#netKey(ConfigNetKeyDelete, { netKeyIndex }, to, options);
  }

  /** NetKey Indexes, ascending. */
  async netKeyGet(to: RequestTarget, options?: RequestOptions): Promise<NetIndex[]> {
    const exchange = { type: ConfigNetKeyGet, value: {}, response: ConfigNetKeyList, answerOctets: LONGEST_ANSWER };
    return ascending((await this.#requests.ask(exchange, to, options)).netKeyIndexes);
  }

  appKeyAdd(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    appKeyIndex: AppIndex,
    appKey: Uint8Array,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#appKey(ConfigAppKeyAdd, { netKeyIndex, appKeyIndex, appKey }, to, options);
  }

  /** Gives the new value of an AppKey, in Key Refresh Phase 1 of its subnet. */
  appKeyUpdate(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    appKeyIndex: AppIndex,
    appKey: Uint8Array,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#appKey(ConfigAppKeyUpdate, { netKeyIndex, appKeyIndex, appKey }, to, options);
  }

  /** With its bindings and the publications that use it. */
  appKeyDelete(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    appKeyIndex: AppIndex,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#appKey(ConfigAppKeyDelete, { netKeyIndex, appKeyIndex }, to, options);
  }

  /** AppKey Indexes of a subnet, ascending. */
  async appKeyGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<AppIndex[]> {
    const exchange = {
      type: ConfigAppKeyGet,
      value: { netKeyIndex },
      response: ConfigAppKeyList,
      matches: (list: NetKeyFields) => list.netKeyIndex === netKeyIndex,
      answerOctets: LONGEST_ANSWER,
    };
    const list = await this.#requests.ask(exchange, to, options);
    return ascending(succeeded(list, `AppKeys of NetKey ${netKeyIndex}`, to).appKeyIndexes);
  }

  keyRefreshPhaseGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<KeyRefreshPhase> {
    return this.#phase(ConfigKeyRefreshPhaseGet, { netKeyIndex }, to, options);
  }

  /** To Phase 2 (`transition` 2), or back to 0 (3): the old keys are revoked. Not answered where that is prohibited. */
  keyRefreshPhaseSet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    transition: 2 | 3,
    options?: RequestOptions,
  ): Promise<KeyRefreshPhase> {
    const phase = transition === 2 ? 2 : 0;
    return this.#phase(ConfigKeyRefreshPhaseSet, { netKeyIndex, transition }, to, options, phase);
  }

  async #netKey<T extends NetKeyFields>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<void> {
    const matches = (status: NetKeyFields) => status.netKeyIndex === value.netKeyIndex;
    const status = await this.#requests.ask({ type, value, response: ConfigNetKeyStatus, matches }, to, options);
    succeeded(status, `${type.name} ${value.netKeyIndex}`, to);
  }

  async #appKey<T extends AppKeyFields>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<void> {
    const matches = ({ netKeyIndex, appKeyIndex }: AppKeyFields) =>
      netKeyIndex === value.netKeyIndex && appKeyIndex === value.appKeyIndex;
    const status = await this.#requests.ask({ type, value, response: ConfigAppKeyStatus, matches }, to, options);
    succeeded(status, `${type.name} ${value.appKeyIndex} of NetKey ${value.netKeyIndex}`, to);
  }

  async #phase<T extends NetKeyFields>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
    wanted?: KeyRefreshPhase,
  ): Promise<KeyRefreshPhase> {
    const matches = (status: NetKeyFields) => status.netKeyIndex === value.netKeyIndex;
    const isDone = ({ status, phase }: { status: number; phase: number }) =>
      status !== 0 || wanted === undefined || phase === wanted;
    const exchange = { type, value, response: ConfigKeyRefreshPhaseStatus, matches, isDone };
    const status = await this.#requests.ask(exchange, to, options);
    return succeeded(status, `Key Refresh Phase of NetKey ${value.netKeyIndex}`, to).phase as KeyRefreshPhase;
  }
}

function ascending(indexes: readonly number[]): number[] {
  return [...indexes].sort((a, b) => a - b);
}
