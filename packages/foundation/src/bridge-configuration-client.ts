import type { Model } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import type { BridgingEntry } from '@meshferry/network';
import {
  BRIDGE_MESSAGES,
  BridgedSubnetsGet,
  BridgedSubnetsList,
  BridgingTableAdd,
  BridgingTableGet,
  BridgingTableList,
  BridgingTableRemove,
  BridgingTableSizeGet,
  BridgingTableSizeStatus,
  BridgingTableStatus,
  SubnetBridgeGet,
  SubnetBridgeSet,
  SubnetBridgeStatus,
} from './bridge-messages.ts';
import { clientModel } from './client-model.ts';
import { type ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { succeeded } from './client-status.ts';
import { FoundationModelId } from './model-ids.ts';

/** Two subnets that a node bridges. */
export interface BridgedSubnets {
  readonly netKeyIndex1: NetIndex;
  readonly netKeyIndex2: NetIndex;
}

/** Lists are asked for from such an index at most. */
const LAST_PAIR = 0xff;
const LAST_ENTRY = 0xffff;

/** Bridge Configuration Client [Mesh Protocol 1.1, 4.4.10]. Rejections as of `ConfigurationClient`. */
export class BridgeConfigurationClient {
  readonly model: Model;
  readonly #requests: ClientRequests;

  constructor() {
    const id = FoundationModelId.bridgeConfigurationClient;
    const { model, requests } = clientModel(id, 'Bridge Configuration Client', BRIDGE_MESSAGES);
    this.model = model;
    this.#requests = requests;
  }

  /** Whether the node bridges subnets. */
  async subnetBridgeGet(to: RequestTarget, options?: RequestOptions): Promise<boolean> {
    const exchange = { type: SubnetBridgeGet, value: {}, response: SubnetBridgeStatus };
    return (await this.#requests.ask(exchange, to, options)).subnetBridge === 1;
  }

  async subnetBridgeSet(to: RequestTarget, on: boolean, options?: RequestOptions): Promise<boolean> {
    const exchange = { type: SubnetBridgeSet, value: { subnetBridge: Number(on) }, response: SubnetBridgeStatus };
    return (await this.#requests.ask(exchange, to, options)).subnetBridge === 1;
  }

  /** Adds an entry, or gives new directions to the one of these subnets and addresses. */
  async bridgingTableAdd(to: RequestTarget, entry: BridgingEntry, options?: RequestOptions): Promise<void> {
    const response = BridgingTableStatus;
    const exchange = { type: BridgingTableAdd, value: entry, response, matches: isSame(entry) };
    succeeded(await this.#requests.ask(exchange, to, options), `Bridging Table Add ${describe(entry)}`, to);
  }

  /** Removes the entries of two subnets with these addresses; 0 stands for any. */
  async bridgingTableRemove(
    to: RequestTarget,
    entry: Omit<BridgingEntry, 'directions'>,
    options?: RequestOptions,
  ): Promise<void> {
    const response = BridgingTableStatus;
    const exchange = { type: BridgingTableRemove, value: entry, response, matches: isSame(entry) };
    succeeded(await this.#requests.ask(exchange, to, options), `Bridging Table Remove ${describe(entry)}`, to);
  }

  /** All pairs of subnets that the node bridges, of those with `netKeyIndex` when it is given. */
  async bridgedSubnets(to: RequestTarget, netKeyIndex?: NetIndex, options?: RequestOptions): Promise<BridgedSubnets[]> {
    const filter = { filter: netKeyIndex === undefined ? 0 : 3, netKeyIndex: netKeyIndex ?? 0 };
    const all: BridgedSubnets[] = [];
    while (all.length <= LAST_PAIR) {
      const startIndex = all.length;
      const { pairs } = await this.#requests.ask(
        {
          type: BridgedSubnetsGet,
          value: { ...filter, startIndex },
          response: BridgedSubnetsList,
          matches: (list) =>
            list.filter === filter.filter && list.netKeyIndex === filter.netKeyIndex && list.startIndex === startIndex,
          answerOctets: LONGEST_ANSWER,
        },
        to,
        options,
      );
      if (pairs.length === 0) break;
      all.push(...pairs);
    }
    return all;
  }

  /** All entries of two subnets, in this order. */
  async bridgingTable(to: RequestTarget, subnets: BridgedSubnets, options?: RequestOptions): Promise<BridgingEntry[]> {
    const { netKeyIndex1, netKeyIndex2 } = subnets;
    const all: BridgingEntry[] = [];
    while (all.length <= LAST_ENTRY) {
      const startIndex = all.length;
      const list = await this.#requests.ask(
        {
          type: BridgingTableGet,
          value: { netKeyIndex1, netKeyIndex2, startIndex },
          response: BridgingTableList,
          matches: (answer) =>
            answer.netKeyIndex1 === netKeyIndex1 &&
            answer.netKeyIndex2 === netKeyIndex2 &&
            answer.startIndex === startIndex,
          answerOctets: LONGEST_ANSWER,
        },
        to,
        options,
      );
      const { entries } = succeeded(list, `Bridging Table of NetKeys ${netKeyIndex1} and ${netKeyIndex2}`, to);
      if (entries.length === 0) break;
      for (const entry of entries) all.push({ ...entry, netKeyIndex1, netKeyIndex2 });
    }
    return all;
  }

  /** How many entries the table has room for, 16 or more. */
  async bridgingTableSizeGet(to: RequestTarget, options?: RequestOptions): Promise<number> {
    const exchange = { type: BridgingTableSizeGet, value: {}, response: BridgingTableSizeStatus };
    return (await this.#requests.ask(exchange, to, options)).size;
  }
}

type Key = Omit<BridgingEntry, 'directions'>;

function isSame(a: Key): (b: Key) => boolean {
  return (b) =>
    a.netKeyIndex1 === b.netKeyIndex1 &&
    a.netKeyIndex2 === b.netKeyIndex2 &&
    a.address1 === b.address1 &&
    a.address2 === b.address2;
}

function describe({ netKeyIndex1, netKeyIndex2, address1, address2 }: Key): string {
  const at = (address: number, netIndex: NetIndex): string =>
    `0x${address.toString(16).padStart(4, '0')} in ${netIndex}`;
  return `${at(address1, netKeyIndex1)}, ${at(address2, netKeyIndex2)}`;
}
