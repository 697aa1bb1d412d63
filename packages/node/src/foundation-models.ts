import { Feature, type Model } from '@meshferry/access';
import { type Store, storeView } from '@meshferry/core';
import {
  BridgeConfigurationServer,
  ConfigurationServer,
  DirectedForwardingConfigurationServer,
  type FoundationHost,
  HealthServer,
  type HealthServerOptions,
  LargeCompositionDataServer,
  OnDemandPrivateProxyServer,
  OpcodesAggregatorServer,
  PrivateBeaconServer,
  type RemoteProvisioningServer,
  SarConfigurationServer,
  SolicitationPduRplServer,
} from '@meshferry/foundation';

/**
 * Servers of the primary element that a node may have besides the Configuration and Health Server. `on-demand-private-proxy`
 * brings the Mesh Private Beacon and Solicitation PDU RPL Configuration Server with it, without which it may not be.
 * `remote-provisioning` needs `MeshNodeOptions.remote`. `directed-forwarding` keeps and answers all states, but nothing in this stack forwards along paths, and it says so.
 */
export type FoundationServerName =
  | 'remote-provisioning'
  | 'bridge'
  | 'private-beacon'
  | 'on-demand-private-proxy'
  | 'sar'
  | 'opcodes-aggregator'
  | 'large-composition-data'
  | 'directed-forwarding';

/** The servers that a node has on its primary element, in the order in which they stand there. */
export interface FoundationModels {
  readonly configuration: ConfigurationServer;
  readonly health: HealthServer;
  readonly models: readonly Model[];
}

/** What an application makes of the Health Server of the primary element. */
export type HealthOptions = Partial<Pick<HealthServerOptions, 'companies' | 'attention' | 'test'>>;

/** What the servers of a node depend on. */
export interface FoundationModelsOptions {
  readonly host: () => FoundationHost;
  readonly cid: number;
  /** States that are kept neither by the network nor by the access layer are kept in views of it. */
  readonly store: Store;
  readonly servers: readonly FoundationServerName[];
  readonly health?: HealthOptions;
  readonly remote: RemoteProvisioningServer | undefined;
}

/** Makes the servers: Configuration and Health first, then in the order of their Model Identifiers. */
export function foundationModels(options: FoundationModelsOptions): FoundationModels {
  const { host, cid, store } = options;
  const has = (name: FoundationServerName): boolean => options.servers.includes(name);
  const configuration = new ConfigurationServer({ host });
  const health = new HealthServer({ companies: [cid], store: storeView(store, 'health/'), ...options.health });
  const servers: { readonly model: Model }[] = [configuration, health];
  if (options.remote !== undefined) servers.push(options.remote);
  if (has('directed-forwarding')) {
    servers.push(new DirectedForwardingConfigurationServer({ host, store: storeView(store, 'directed/') }));
  }
  if (has('bridge')) servers.push(new BridgeConfigurationServer({ host, configuration }));
  servers.push(...privateServers(host, has));
  if (has('sar')) servers.push(new SarConfigurationServer({ host }));
  if (has('opcodes-aggregator')) servers.push(new OpcodesAggregatorServer({ host }));
  if (has('large-composition-data')) servers.push(new LargeCompositionDataServer({ host, configuration }));
  const models = servers.map(({ model }) => model);
  return { configuration, health, models: [...models.slice(0, 2), ...models.slice(2).sort((a, b) => a.id - b.id)] };
}

/** What makes sense for any node with these features (bits of Composition Data Page 0); `remote`: if it can be. */
export function usualServers(features: number, remote: boolean): readonly FoundationServerName[] {
  const proxy: FoundationServerName[] = (features & Feature.proxy) === 0 ? [] : ['on-demand-private-proxy'];
  const refresh: FoundationServerName[] = remote ? ['remote-provisioning'] : [];
  return [...refresh, 'bridge', 'private-beacon', 'sar', 'opcodes-aggregator', 'large-composition-data', ...proxy];
}

function privateServers(
  host: () => FoundationHost,
  has: (name: FoundationServerName) => boolean,
): readonly { readonly model: Model }[] {
  const onDemand = has('on-demand-private-proxy');
  if (!onDemand && !has('private-beacon')) return [];
  const privateBeacon = new PrivateBeaconServer({ host });
  if (!onDemand) return [privateBeacon];
  const solicitationPduRpl = new SolicitationPduRplServer({ host });
  return [
    privateBeacon,
    new OnDemandPrivateProxyServer({ host, privateBeacon, solicitationPduRpl }),
    solicitationPduRpl,
  ];
}
