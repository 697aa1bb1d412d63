import type { Transmit } from '@meshferry/bearer';
import { encodeRecord, readRecord, type Store } from '@meshferry/core';
import type { SarReceiver, SarTransmitter } from './contract.ts';
import { type HeartbeatPublicationState, NO_HEARTBEAT_PUBLICATION } from './heartbeat-states.ts';
import { checkOnDemand, checkTtl, DEFAULT_TRANSMIT, type NetworkLayerOptions } from './options.ts';
import {
  changeSarReceiver,
  changeSarTransmitter,
  DEFAULT_SAR_RECEIVER,
  DEFAULT_SAR_TRANSMITTER,
} from './sar-states.ts';

/** States of a node that a Configuration Client changes and that survive a restart [Mesh Protocol 1.1, 4.2]. */
export interface NodeStateValues {
  readonly defaultTtl: number;
  readonly networkTransmit: Transmit;
  /** Relay Retransmit, or false: the feature is off. */
  readonly relay: Transmit | false;
  /** Relay Retransmit, whether the feature is on or not. */
  readonly relayRetransmit: Transmit;
  readonly sarTransmitter: SarTransmitter;
  readonly sarReceiver: SarReceiver;
  readonly secureNetworkBeacon: boolean;
  readonly privateBeacon: boolean;
  /** Units of 10 s, 0 to 255; 0: a new Random for every beacon. */
  readonly randomUpdateIntervalSteps: number;
  readonly heartbeatPublication: HeartbeatPublicationState;
  readonly friend: boolean;
  readonly gattProxy: boolean;
  readonly privateGattProxy: boolean;
  /** Seconds, 0 to 255; 0: not on demand. */
  readonly onDemandPrivateGattProxy: number;
}

const KEY = 'states';
const RANDOM_UPDATE_INTERVAL_STEPS = 60;

/** The values that a node begins with: of its options, else of the specification. Throws `bad-field`. */
export function initialStates(options: NetworkLayerOptions): NodeStateValues {
  const { privateBeacon = false } = options;
  const steps = typeof privateBeacon === 'boolean' ? undefined : privateBeacon.randomUpdateIntervalSteps;
  return {
    defaultTtl: checkTtl(options.defaultTtl ?? 5),
    networkTransmit: options.transmit ?? DEFAULT_TRANSMIT,
    relay: options.relay ?? false,
    relayRetransmit: options.relay || DEFAULT_TRANSMIT,
    sarTransmitter: changeSarTransmitter(DEFAULT_SAR_TRANSMITTER, options.sarTransmitter ?? {}),
    sarReceiver: changeSarReceiver(DEFAULT_SAR_RECEIVER, options.sarReceiver ?? {}),
    secureNetworkBeacon: options.beacon ?? false,
    privateBeacon: privateBeacon !== false,
    randomUpdateIntervalSteps: steps ?? RANDOM_UPDATE_INTERVAL_STEPS,
    heartbeatPublication: NO_HEARTBEAT_PUBLICATION,
    friend: options.friend !== undefined && options.friend !== false,
    gattProxy: options.gattProxy ?? false,
    privateGattProxy: options.privateGattProxy === true && options.gattProxy !== true,
    onDemandPrivateGattProxy: checkOnDemand(options.onDemandPrivateGattProxy ?? 0),
  };
}

/** The states of one node. What was changed at run time is in the store and counts more than the initial value. */
export class NodeStates {
  readonly #store: Store;
  #changes: Partial<NodeStateValues>;
  #values: NodeStateValues;

  constructor(store: Store, initial: NodeStateValues) {
    this.#store = store;
    this.#changes = readRecord<Partial<NodeStateValues>>(store, KEY) ?? {};
    this.#values = { ...initial, ...this.#changes };
  }

  get values(): NodeStateValues {
    return this.#values;
  }

  /** Takes checked values, durably. Throws `store-failed`; then nothing has changed. */
  change(changes: Partial<NodeStateValues>): void {
    const all = { ...this.#changes, ...changes };
    this.#store.batch([[KEY, encodeRecord(all)]]);
    this.#changes = all;
    this.#values = { ...this.#values, ...changes };
  }
}
