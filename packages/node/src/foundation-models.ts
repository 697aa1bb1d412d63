import type { Model } from '@meshferry/access';
import { type Store, storeView } from '@meshferry/core';
import {
  ConfigurationServer,
  type FoundationHost,
  HealthServer,
  type HealthServerOptions,
} from '@meshferry/foundation';

/** The servers that every node has on its primary element, in the order in which they stand there. */
export interface FoundationModels {
  readonly configuration: ConfigurationServer;
  readonly health: HealthServer;
  readonly models: readonly Model[];
}

/** What an application makes of the Health Server of the primary element. */
export type HealthOptions = Partial<Pick<HealthServerOptions, 'companies' | 'attention' | 'test'>>;

/** Makes them for a node of company `cid`; their own states are kept in a view of `store`. */
export function foundationModels(
  host: () => FoundationHost,
  cid: number,
  store: Store,
  health: HealthOptions = {},
): FoundationModels {
  const configuration = new ConfigurationServer({ host });
  const healthServer = new HealthServer({ companies: [cid], store: storeView(store, 'health/'), ...health });
  return { configuration, health: healthServer, models: [configuration.model, healthServer.model] };
}
