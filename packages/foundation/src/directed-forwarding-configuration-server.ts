import { Model } from '@meshferry/access';
import { MeshError, type NetIndex, type Store, type Write } from '@meshferry/core';
import { statusOf } from './config-server-ground.ts';
import { serveDirectedControl } from './directed-forwarding-configuration-server-control.ts';
import { serveDirectedNode } from './directed-forwarding-configuration-server-node.ts';
import { servePaths } from './directed-forwarding-configuration-server-paths.ts';
import { DirectedStates, forgetSubnet } from './directed-forwarding-configuration-server-states.ts';
import {
  ForwardingTable,
  forgetTable,
  type TableLimits,
  tablesIn,
} from './directed-forwarding-configuration-server-table.ts';
import { serveForwardingTable } from './directed-forwarding-configuration-server-tables.ts';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';

/** What a node can do by directed forwarding. */
export interface DirectedFeatures {
  readonly forwarding: boolean;
  readonly relay: boolean;
  readonly proxy: boolean;
  readonly friend: boolean;
}

export interface DirectedForwardingConfigurationServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
  /** A view of its own: all states are kept in it. */
  readonly store: Store;
  /**
   * What forwards in this node. Default: nothing does, because the network layer of this project discovers no paths and
   * forwards along none; the states can be set all the same.
   */
  readonly supports?: Partial<DirectedFeatures>;
  /** Default: 32 fixed paths a subnet, 32 dependents at each end of a path. */
  readonly limits?: Partial<TableLimits>;
  /** Size of the Discovery Table, 2 to 255. Default 32. */
  readonly discoveryEntries?: number;
  /** Default RSSI threshold, dBm. Default −90. */
  readonly rssiThreshold?: number;
}

/** What the parts of the server share. */
export interface DirectedGround {
  readonly model: Model;
  readonly states: DirectedStates;
  readonly supports: DirectedFeatures;
  readonly limits: TableLimits;
  readonly discoveryEntries: number;
  readonly rssiThreshold: number;
  host(): FoundationHost;
  table(netIndex: NetIndex): ForwardingTable;
}

/**
 * Directed Forwarding Configuration Server [Mesh Protocol 1.1, 4.4.7]: keeps and answers all states of directed forwarding.
 *
 * **The forwarding itself is not there.** The network layer discovers no paths and forwards along none, not even along
 * fixed ones. The specification gives this model to nodes with directed forwarding alone, so that a node of this project
 * has it only when it is put there on purpose. Such a node tells the truth as far as the messages can: Directed Control
 * answers 2 (not supported) for all its states and Feature Not Supported when one is to be switched on, Directed Publish
 * Policy the same for directed forwarding, and Directed Paths says 0. Everything else is stored and told as it was set, so
 * that it is there on the day when `supports` says that something forwards.
 */
export class DirectedForwardingConfigurationServer {
  readonly model: Model;

  /** Throws `bad-field` for limits out of range. */
  constructor(options: DirectedForwardingConfigurationServerOptions) {
    const { host, store, supports = {} } = options;
    const limits = { paths: 32, dependents: 32, ...options.limits };
    const { discoveryEntries = 32, rssiThreshold = -90 } = options;
    check('paths', limits.paths, 1, 0xffff);
    check('dependents', limits.dependents, 1, 0xff);
    check('discoveryEntries', discoveryEntries, 2, 0xff);
    check('rssiThreshold', rssiThreshold, -128, 127);
    this.model = new Model({
      id: FoundationModelId.directedForwardingConfigurationServer,
      name: 'Directed Forwarding Configuration Server',
      security: 'device',
    });
    const states = new DirectedStates(store);
    const ground: DirectedGround = {
      model: this.model,
      states,
      supports: { forwarding: false, relay: false, proxy: false, friend: false, ...supports },
      limits,
      discoveryEntries,
      rssiThreshold,
      host,
      table: (netIndex) => new ForwardingTable(store, netIndex, limits),
    };
    serveDirectedControl(ground);
    servePaths(ground);
    serveForwardingTable(ground);
    serveDirectedNode(ground);
    this.model.whenConnected(() => follow(ground, store));
  }
}

/** States of a subnet go with its NetKey, also when the power failed before they did; some go off with a feature. */
function follow({ host, states }: DirectedGround, store: Store): void {
  const { network } = host();
  const known = new Set([...states.subnets, ...tablesIn(store)]);
  const forget = (netIndex: NetIndex): Write[] => [forgetSubnet(netIndex), forgetTable(netIndex)];
  states.commit([...known].filter((netIndex) => network.keys.phase(netIndex) === undefined).flatMap(forget));
  network.changes.subscribe((change) => {
    if (change.type === 'net-key-removed') states.commit(forget(change.netIndex));
    if (change.type !== 'feature' || change.inUse || (change.feature !== 'proxy' && change.feature !== 'friend'))
      return;
    const { feature } = change;
    // It is off all the same if this cannot be written: what is shown follows the feature.
    statusOf(() => states.commit(states.subnets.map((netIndex) => switchedOff(states, netIndex, feature))));
  });
}

/** Directed Proxy and Directed Friend do not come back with their features [4.2.27]. */
function switchedOff(states: DirectedStates, netIndex: NetIndex, feature: 'proxy' | 'friend'): Write {
  const { control } = states.subnet(netIndex);
  const off = feature === 'proxy' ? { proxy: false, proxyUseDefault: false } : { friend: false };
  return states.subnetWrite(netIndex, { control: { ...control, ...off } });
}

function check(field: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new MeshError('bad-field', `Directed Forwarding: ${field} ${value}`, { hint: `Give ${min} to ${max}.` });
}
