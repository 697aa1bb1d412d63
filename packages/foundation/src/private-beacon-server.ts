import { type Context, Model } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import { statusOf } from './config-server-ground.ts';
import { isProxySupported } from './config-server-node.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import {
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
import { ConfigurationStatus } from './status-codes.ts';

export interface PrivateBeaconServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
}

const OFF = 0;
const ON = 1;
const NOT_SUPPORTED = 2;

/**
 * Mesh Private Beacon Server [Mesh Protocol 1.1, 4.4.11]: private beacons, Private GATT Proxy and Private Node Identity.
 * The states are those of the network layer; when the store refuses a change, the Status shows what is.
 */
export class PrivateBeaconServer {
  readonly model: Model = new Model({
    id: FoundationModelId.meshPrivateBeaconServer,
    name: 'Mesh Private Beacon Server',
    security: 'device',
  });
  readonly #host: () => FoundationHost;

  constructor({ host }: PrivateBeaconServerOptions) {
    this.#host = host;
    const { model } = this;
    model.handle(PrivateBeaconGet, (_, context) => this.#tellBeacon(context));
    model.handle(PrivateBeaconSet, ({ privateBeacon, randomUpdateIntervalSteps }, context) => {
      const { beacons } = host().network;
      statusOf(() => {
        if (randomUpdateIntervalSteps !== undefined) beacons.randomUpdateIntervalSteps = randomUpdateIntervalSteps;
        beacons.meshPrivate = privateBeacon === ON;
      });
      this.#tellBeacon(context);
    });

    model.handle(PrivateGattProxyGet, (_, context) => this.#tellProxy(context));
    model.handle(PrivateGattProxySet, ({ privateGattProxy }, context) => {
      const { states } = host().network.proxy;
      if (isProxySupported(host())) {
        statusOf(() => {
          states.privateGattProxy = privateGattProxy === ON;
        });
      }
      this.#tellProxy(context);
    });

    model.handle(PrivateNodeIdentityGet, ({ netKeyIndex }, context) =>
      this.#tellIdentity(context, netKeyIndex, this.#statusOfSubnet(netKeyIndex)),
    );
    model.handle(PrivateNodeIdentitySet, ({ netKeyIndex, privateIdentity }, context) =>
      this.#tellIdentity(context, netKeyIndex, this.#setIdentity(netKeyIndex, privateIdentity === ON)),
    );
  }

  #tellBeacon(context: Context): void {
    const { meshPrivate, randomUpdateIntervalSteps } = this.#host().network.beacons;
    const privateBeacon = meshPrivate ? ON : OFF;
    this.model.reply(context, PrivateBeaconStatus, { privateBeacon, randomUpdateIntervalSteps });
  }

  #tellProxy(context: Context): void {
    const { privateGattProxy } = this.#host().network.proxy.states;
    const shown = isProxySupported(this.#host()) ? (privateGattProxy ? ON : OFF) : NOT_SUPPORTED;
    this.model.reply(context, PrivateGattProxyStatus, { privateGattProxy: shown });
  }

  #statusOfSubnet(netIndex: NetIndex): number {
    const { success, invalidNetKeyIndex } = ConfigurationStatus;
    return this.#host().network.keys.phase(netIndex) === undefined ? invalidNetKeyIndex : success;
  }

  /** It cannot run while Node Identity does in any subnet [4.2.46]. */
  #setIdentity(netIndex: NetIndex, running: boolean): number {
    const status = this.#statusOfSubnet(netIndex);
    if (status !== ConfigurationStatus.success || !isProxySupported(this.#host())) return status;
    const started = this.#host().network.proxy.states.setPrivateNodeIdentity(netIndex, running);
    return started ? status : ConfigurationStatus.temporarilyUnableToChangeState;
  }

  #tellIdentity(context: Context, netKeyIndex: NetIndex, status: number): void {
    const { states } = this.#host().network.proxy;
    const isKnown = status !== ConfigurationStatus.invalidNetKeyIndex;
    const running = isKnown && states.privateNodeIdentity(netKeyIndex) ? ON : OFF;
    const privateIdentity = isKnown && !isProxySupported(this.#host()) ? NOT_SUPPORTED : running;
    this.model.reply(context, PrivateNodeIdentityStatus, { status, netKeyIndex, privateIdentity });
  }
}
