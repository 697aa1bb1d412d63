import type { MessageOf, MessageType, ModelId } from '@meshferry/access';
import type { Transmit } from '@meshferry/bearer';
import type { Unicast } from '@meshferry/core';
import { decodeTransmit, encodeTransmit } from '@meshferry/network';
import type { ClientRequests, RequestOptions, RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import {
  DirectedControlNetworkTransmitGet,
  DirectedControlNetworkTransmitSet,
  DirectedControlNetworkTransmitStatus,
  DirectedControlRelayRetransmitGet,
  DirectedControlRelayRetransmitSet,
  DirectedControlRelayRetransmitStatus,
  DirectedNetworkTransmitGet,
  DirectedNetworkTransmitSet,
  DirectedNetworkTransmitStatus,
  DirectedPathsGet,
  DirectedPathsStatus,
  DirectedPublishPolicyGet,
  DirectedPublishPolicySet,
  DirectedPublishPolicyStatus,
  DirectedRelayRetransmitGet,
  DirectedRelayRetransmitSet,
  DirectedRelayRetransmitStatus,
  RssiThresholdGet,
  RssiThresholdSet,
  RssiThresholdStatus,
} from './directed-transmit-messages.ts';

interface Steps {
  readonly count: number;
  readonly intervalSteps: number;
}

type Get = MessageType<Record<never, never>>;
type Set = MessageType<{ count: number; intervalSteps: number }>;

/** How PDUs of one kind are sent, with the messages for it. */
const TRANSMISSIONS: Readonly<Record<DirectedTransmission, readonly [Get, Set, Set]>> = {
  'network-transmit': [DirectedNetworkTransmitGet, DirectedNetworkTransmitSet, DirectedNetworkTransmitStatus],
  'relay-retransmit': [DirectedRelayRetransmitGet, DirectedRelayRetransmitSet, DirectedRelayRetransmitStatus],
  'control-network-transmit': [
    DirectedControlNetworkTransmitGet,
    DirectedControlNetworkTransmitSet,
    DirectedControlNetworkTransmitStatus,
  ],
  'control-relay-retransmit': [
    DirectedControlRelayRetransmitGet,
    DirectedControlRelayRetransmitSet,
    DirectedControlRelayRetransmitStatus,
  ],
};

/** What is sent: directed messages of the node or relayed by it, and the same of the control messages of paths. */
export type DirectedTransmission =
  | 'network-transmit'
  | 'relay-retransmit'
  | 'control-network-transmit'
  | 'control-relay-retransmit';

/** How a model publishes. */
export type PublishPolicy = 'flooding' | 'directed';

/** Procedures for a node as a whole; see `DirectedForwardingConfigurationClient`. */
export class DirectedNode {
  readonly #requests: ClientRequests;

  constructor(requests: ClientRequests) {
    this.#requests = requests;
  }

  async transmitGet(to: RequestTarget, what: DirectedTransmission, options?: RequestOptions): Promise<Transmit> {
    const [type, , response] = TRANSMISSIONS[what];
    return ofSteps(await this.#requests.ask({ type, value: {}, response }, to, options));
  }

  /** 1 to 8 transmissions, 10 to 320 ms apart in steps of 10. */
  async transmitSet(
    to: RequestTarget,
    what: DirectedTransmission,
    transmit: Transmit,
    options?: RequestOptions,
  ): Promise<Transmit> {
    const [, type, response] = TRANSMISSIONS[what];
    const octet = encodeTransmit(transmit);
    const value = { count: octet & 0x07, intervalSteps: octet >> 3 };
    return ofSteps(await this.#requests.ask({ type, value, response }, to, options));
  }

  /** The default threshold, dBm, and the margin over it, dB. */
  rssiThresholdGet(to: RequestTarget, options?: RequestOptions): Promise<MessageOf<typeof RssiThresholdStatus>> {
    return this.#requests.ask({ type: RssiThresholdGet, value: {}, response: RssiThresholdStatus }, to, options);
  }

  rssiThresholdSet(
    to: RequestTarget,
    margin: number,
    options?: RequestOptions,
  ): Promise<MessageOf<typeof RssiThresholdStatus>> {
    const exchange = { type: RssiThresholdSet, value: { margin }, response: RssiThresholdStatus };
    return this.#requests.ask(exchange, to, options);
  }

  /** How many paths the node can keep, by what it is for them. */
  pathsGet(to: RequestTarget, options?: RequestOptions): Promise<MessageOf<typeof DirectedPathsStatus>> {
    return this.#requests.ask({ type: DirectedPathsGet, value: {}, response: DirectedPathsStatus }, to, options);
  }

  async publishPolicyGet(
    to: RequestTarget,
    elementAddress: Unicast,
    modelId: ModelId,
    options?: RequestOptions,
  ): Promise<PublishPolicy> {
    return this.#policy(DirectedPublishPolicyGet, { elementAddress, modelId }, to, options);
  }

  async publishPolicySet(
    to: RequestTarget,
    elementAddress: Unicast,
    modelId: ModelId,
    policy: PublishPolicy,
    options?: RequestOptions,
  ): Promise<PublishPolicy> {
    const value = { publishPolicy: policy === 'directed' ? 1 : 0, elementAddress, modelId };
    return this.#policy(DirectedPublishPolicySet, value, to, options);
  }

  async #policy<T extends { elementAddress: Unicast; modelId: ModelId }>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
  ): Promise<PublishPolicy> {
    const response = DirectedPublishPolicyStatus;
    const matches = (status: MessageOf<typeof DirectedPublishPolicyStatus>) =>
      status.elementAddress === value.elementAddress && status.modelId === value.modelId;
    const answer = await this.#requests.ask({ type, value, response, matches }, to, options);
    const what = `Directed Publish Policy of model 0x${value.modelId.toString(16).padStart(4, '0')}`;
    return succeeded(answer, what, to).publishPolicy === 1 ? 'directed' : 'flooding';
  }
}

function ofSteps({ count, intervalSteps }: Steps): Transmit {
  return decodeTransmit((intervalSteps << 3) | count);
}
