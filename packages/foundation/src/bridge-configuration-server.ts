import { type Context, Model } from '@meshferry/access';
import type { NetIndex } from '@meshferry/core';
import type { BridgingEntry } from '@meshferry/network';
import {
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
import type { ConfigurationServer } from './config-server.ts';
import { statusOf } from './config-server-ground.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import { ConfigurationStatus } from './status-codes.ts';

export interface BridgeConfigurationServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  /** On the same element: it extends this one. */
  readonly configuration: ConfigurationServer;
}

/** As many pairs (3 octets each) and entries (5 each) as the rest of an access message has room for. */
const MOST_PAIRS = 125;
const MOST_ENTRIES = 74;

/**
 * Bridge Configuration Server [Mesh Protocol 1.1, 4.4.9]: the Subnet Bridge and its Bridging Table, which are states of
 * the network layer and durable there before the answer.
 */
export class BridgeConfigurationServer {
  readonly model: Model;
  readonly #host: () => FoundationHost;

  constructor({ host, configuration }: BridgeConfigurationServerOptions) {
    this.#host = host;
    const model = new Model({
      id: FoundationModelId.bridgeConfigurationServer,
      name: 'Bridge Configuration Server',
      security: 'device',
      extends: [configuration.model],
    });
    this.model = model;

    const tell = (context: Context) =>
      model.reply(context, SubnetBridgeStatus, { subnetBridge: host().network.bridge.enabled ? 1 : 0 });
    model.handle(SubnetBridgeGet, (_, context) => tell(context));
    model.handle(SubnetBridgeSet, ({ subnetBridge }, context) => {
      statusOf(() => {
        host().network.bridge.enabled = subnetBridge === 1;
      });
      tell(context);
    });

    model.handle(BridgingTableAdd, ({ directions, ...entry }, context) => {
      const change = () => host().network.bridge.add({ directions, ...entry });
      const status = statusOf(change, { 'bridging-table-full': ConfigurationStatus.insufficientResources });
      model.reply(context, BridgingTableStatus, { status, currentDirections: directions, ...entry });
    });
    model.handle(BridgingTableRemove, (entry, context) => {
      const status = this.#isKnown(entry)
        ? statusOf(() => host().network.bridge.remove(entry))
        : ConfigurationStatus.invalidNetKeyIndex;
      model.reply(context, BridgingTableStatus, { status, currentDirections: 0, ...entry });
    });

    model.handle(BridgedSubnetsGet, ({ filter, netKeyIndex, startIndex }, context) => {
      const all = pairsOf(host().network.bridge.entries.filter(passes(filter, netKeyIndex)));
      const pairs = all.slice(startIndex, startIndex + MOST_PAIRS);
      model.reply(context, BridgedSubnetsList, { filter, netKeyIndex, startIndex, pairs });
    });
    model.handle(BridgingTableGet, ({ startIndex, ...subnets }, context) => {
      const isKnown = this.#isKnown(subnets);
      const entries = host().network.bridge.entries.filter((entry) => isOf(entry, subnets));
      model.reply(context, BridgingTableList, {
        status: isKnown ? ConfigurationStatus.success : ConfigurationStatus.invalidNetKeyIndex,
        ...subnets,
        startIndex,
        entries: entries
          .slice(startIndex, startIndex + MOST_ENTRIES)
          .map(({ address1, address2, directions }) => ({ address1, address2, directions })),
      });
    });

    model.handle(BridgingTableSizeGet, (_, context) =>
      model.reply(context, BridgingTableSizeStatus, { size: host().network.bridge.tableSize }),
    );
  }

  #isKnown({ netKeyIndex1, netKeyIndex2 }: Pair): boolean {
    const { keys } = this.#host().network;
    return keys.phase(netKeyIndex1) !== undefined && keys.phase(netKeyIndex2) !== undefined;
  }
}

interface Pair {
  readonly netKeyIndex1: NetIndex;
  readonly netKeyIndex2: NetIndex;
}

function isOf(entry: BridgingEntry, { netKeyIndex1, netKeyIndex2 }: Pair): boolean {
  return entry.netKeyIndex1 === netKeyIndex1 && entry.netKeyIndex2 === netKeyIndex2;
}

/** Filter 0: all; 1, 2: by the first or second NetKey; 3: by either. */
function passes(filter: number, netIndex: NetIndex): (entry: BridgingEntry) => boolean {
  return ({ netKeyIndex1, netKeyIndex2 }) =>
    filter === 0 ||
    ((filter & 1) !== 0 && netKeyIndex1 === netIndex) ||
    ((filter & 2) !== 0 && netKeyIndex2 === netIndex);
}

/** Each pair of subnets once, in the order of the table. */
function pairsOf(entries: readonly BridgingEntry[]): Pair[] {
  const pairs = new Map<number, Pair>();
  for (const { netKeyIndex1, netKeyIndex2 } of entries) {
    pairs.set(netKeyIndex1 * 0x1000 + netKeyIndex2, { netKeyIndex1, netKeyIndex2 });
  }
  return [...pairs.values()];
}
