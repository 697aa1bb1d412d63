import type { Model } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import { clientModel } from './client-model.ts';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import { type FeatureState, featureOf } from './config-client-node.ts';
import { FoundationModelId } from './model-ids.ts';
import {
  PRIVATE_BEACON_MESSAGES,
  PrivateBeaconGet,
  PrivateBeaconSet,
  PrivateBeaconStatus,
  PrivateGattProxyGet,
  PrivateGattProxySet,
  PrivateGattProxyStatus,
  PrivateNodeIdentityGet,
  PrivateNodeIdentitySet,
  PrivateNodeIdentityStatus,
} from './private-beacon-messages.ts';

/** Whether a node sends Mesh Private beacons, and how often their Random changes: units of 10 s; 0: with each. */
export interface PrivateBeaconState {
  readonly on: boolean;
  readonly randomUpdateIntervalSteps: number;
}

/** Mesh Private Beacon Client [Mesh Protocol 1.1, 4.4.12]. Rejections as of `ConfigurationClient`. */
export class PrivateBeaconClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.meshPrivateBeaconClient;
    const { model, requests } = clientModel(id, 'Mesh Private Beacon Client', PRIVATE_BEACON_MESSAGES);
    this.model = model;
    this.#requests = requests;
  }

  async beaconGet(to: RequestTarget, options?: RequestOptions): Promise<PrivateBeaconState> {
    const exchange = { type: PrivateBeaconGet, value: {}, response: PrivateBeaconStatus };
    return stateOf(await this.#requests.ask(exchange, to, options));
  }

  /** Without `randomUpdateIntervalSteps` (0 to 255) that stays as it is. */
  async beaconSet(
    to: RequestTarget,
    on: boolean,
    randomUpdateIntervalSteps?: number,
    options?: RequestOptions,
  ): Promise<PrivateBeaconState> {
    const value = { privateBeacon: Number(on), randomUpdateIntervalSteps };
    const exchange = { type: PrivateBeaconSet, value, response: PrivateBeaconStatus };
    return stateOf(await this.#requests.ask(exchange, to, options));
  }

  async gattProxyGet(to: RequestTarget, options?: RequestOptions): Promise<FeatureState> {
    const exchange = { type: PrivateGattProxyGet, value: {}, response: PrivateGattProxyStatus };
    return featureOf((await this.#requests.ask(exchange, to, options)).privateGattProxy);
  }

  /** Stays off as long as the GATT Proxy of the node is on. */
  async gattProxySet(to: RequestTarget, on: boolean, options?: RequestOptions): Promise<FeatureState> {
    const value = { privateGattProxy: Number(on) };
    const exchange = { type: PrivateGattProxySet, value, response: PrivateGattProxyStatus };
    return featureOf((await this.#requests.ask(exchange, to, options)).privateGattProxy);
  }

  async nodeIdentityGet(to: RequestTarget, netKeyIndex: NetIndex, options?: RequestOptions): Promise<FeatureState> {
    const response = PrivateNodeIdentityStatus;
    const exchange = { type: PrivateNodeIdentityGet, value: { netKeyIndex }, response, matches: of(netKeyIndex) };
    return this.#identity(await this.#requests.ask(exchange, to, options), to);
  }

  /** Starts (for 60 s) or stops it in a subnet; refused while Node Identity runs in any subnet of the node. */
  async nodeIdentitySet(
    to: RequestTarget,
    netKeyIndex: NetIndex,
    on: boolean,
    options?: RequestOptions,
  ): Promise<FeatureState> {
    const value = { netKeyIndex, privateIdentity: Number(on) };
    const response = PrivateNodeIdentityStatus;
    const exchange = { type: PrivateNodeIdentitySet, value, response, matches: of(netKeyIndex) };
    return this.#identity(await this.#requests.ask(exchange, to, options), to);
  }

  #identity(answer: { status: number; netKeyIndex: NetIndex; privateIdentity: number }, to: RequestTarget) {
    const what = `Private Node Identity of NetKey ${answer.netKeyIndex}`;
    return featureOf(succeeded(answer, what, to).privateIdentity);
  }
}

function of(netKeyIndex: NetIndex): (status: { netKeyIndex: NetIndex }) => boolean {
  return (status) => status.netKeyIndex === netKeyIndex;
}

function stateOf(status: { privateBeacon: number; randomUpdateIntervalSteps: number }): PrivateBeaconState {
  return { on: status.privateBeacon === 1, randomUpdateIntervalSteps: status.randomUpdateIntervalSteps };
}
