/**
 * Foundation models of Bluetooth Mesh, what every node is configured and watched with: all their messages, declared once,
 * with the servers that a node has and the clients that configure it.
 *
 * ```ts
 * import { ConfigDefaultTtlSet, ConfigurationClient, ConfigurationServer, HealthServer } from '@meshferry/foundation';
 *
 * ConfigDefaultTtlSet.encode({ ttl: 5 }); // 80 0d 05
 *
 * // A node that can be configured: `node` has its access and network layer, and can be reset.
 * const configuration = new ConfigurationServer({ host: () => node });
 * const health = new HealthServer({ companies: [0x0059], attention: (seconds) => blink(seconds) });
 * access.addElement(0, [configuration.model, health.model]);
 *
 * // A node that configures others.
 * const client = new ConfigurationClient();
 * otherAccess.addElement(0, [client.model]);
 * await client.keys.appKeyAdd({ address: 0x0100 }, 0, 0, appKey);
 * await client.models.appBind({ address: 0x0100 }, 0x0100, 0x0002, 0);
 * ```
 *
 * @packageDocumentation
 */

export * from './bridge-configuration-client.ts';
export * from './bridge-configuration-server.ts';
export * from './bridge-messages.ts';
export {
  answerTimeMs,
  ClientRequests,
  type Exchange,
  LONGEST_ANSWER,
  type RequestOptions,
  type RequestTarget,
} from './client-request.ts';
export { ConfigurationStatusError, succeeded } from './client-status.ts';
export * from './config-client.ts';
export { HeartbeatProcedures, type HeartbeatSubscription } from './config-client-heartbeats.ts';
export { KeyProcedures } from './config-client-keys.ts';
export { ModelProcedures, type ToldPublication } from './config-client-models.ts';
export { type FeatureState, NodeProcedures, type RelayState } from './config-client-node.ts';
export * from './config-heartbeat-messages.ts';
export * from './config-key-messages.ts';
export * from './config-model-messages.ts';
export * from './config-node-messages.ts';
export * from './config-server.ts';
export type { ConfigurationLimits } from './config-server-ground.ts';
export * from './directed-forwarding-configuration-client.ts';
export type {
  DirectedNode,
  DirectedTransmission,
  PublishPolicy,
} from './directed-forwarding-configuration-client-node.ts';
export type {
  DirectedControlChange,
  DirectedControlState,
  DirectedPaths,
} from './directed-forwarding-configuration-client-paths.ts';
export type {
  Dependents,
  DirectedTable,
  NewPath,
  PathCounts,
  PathEnds,
} from './directed-forwarding-configuration-client-table.ts';
export {
  type DirectedFeatures,
  DirectedForwardingConfigurationServer,
  type DirectedForwardingConfigurationServerOptions,
} from './directed-forwarding-configuration-server.ts';
export type { TableLimits } from './directed-forwarding-configuration-server-table.ts';
export * from './directed-path-messages.ts';
export * from './directed-transmit-messages.ts';
export * from './families.ts';
export * from './forwarding-entry.ts';
export * from './forwarding-table-messages.ts';
export * from './health-client.ts';
export * from './health-messages.ts';
export * from './health-server.ts';
export * from './host.ts';
export * from './large-composition-data-client.ts';
export * from './large-composition-data-messages.ts';
export * from './large-composition-data-server.ts';
export * from './model-ids.ts';
export * from './nppi-client.ts';
export { commitRefresh, type RefreshPlace } from './nppi-refresh.ts';
export type { NodeRefresh, NppiOffer } from './nppi-server.ts';
export * from './on-demand-private-proxy-client.ts';
export * from './on-demand-private-proxy-messages.ts';
export * from './on-demand-private-proxy-server.ts';
export * from './opcodes-aggregator-client.ts';
export * from './opcodes-aggregator-messages.ts';
export * from './opcodes-aggregator-server.ts';
export { pbRemote } from './pb-remote.ts';
export type { LinkReports, RemoteLinks } from './pb-remote-links.ts';
export type { RemoteLinkOptions } from './pb-remote-opening.ts';
export * from './private-beacon-client.ts';
export * from './private-beacon-messages.ts';
export * from './private-beacon-server.ts';
export * from './remote-provisioning-client.ts';
export type { SelfDescription } from './remote-provisioning-extended-scan.ts';
export * from './remote-provisioning-messages.ts';
export * from './remote-provisioning-server.ts';
export * from './remote-provisioning-states.ts';
export { RemoteProvisioningStatusError } from './remote-provisioning-words.ts';
export * from './sar-configuration-client.ts';
export * from './sar-configuration-messages.ts';
export * from './sar-configuration-server.ts';
export * from './solicitation-pdu-rpl-client.ts';
export * from './solicitation-pdu-rpl-messages.ts';
export * from './solicitation-pdu-rpl-server.ts';
export * from './status-codes.ts';
