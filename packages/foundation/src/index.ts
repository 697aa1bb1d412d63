/**
 * Foundation models of Bluetooth Mesh, what every node is configured and watched with: all their messages, declared once.
 *
 * ```ts
 * import { MessageCatalogue } from '@meshferry/access';
 * import { ConfigDefaultTtlSet, FOUNDATION_MESSAGES } from '@meshferry/foundation';
 *
 * ConfigDefaultTtlSet.encode({ ttl: 5 }); // 80 0d 05
 *
 * const catalogue = new MessageCatalogue(FOUNDATION_MESSAGES);
 * const decoded = catalogue.decode(Uint8Array.of(0x80, 0x0e, 0x07));
 * if (decoded.ok) console.log(decoded.value.type.name, decoded.value.value); // Config Default TTL Status { ttl: 7 }
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
export { ConfigurationHeartbeats, type HeartbeatSubscription } from './config-client-heartbeats.ts';
export { ConfigurationKeys } from './config-client-keys.ts';
export { ConfigurationModels, type ToldPublication } from './config-client-models.ts';
export { ConfigurationNode, type FeatureState, type RelayState } from './config-client-node.ts';
export * from './config-heartbeat-messages.ts';
export * from './config-key-messages.ts';
export * from './config-model-messages.ts';
export * from './config-node-messages.ts';
export * from './config-server.ts';
export type { ConfigurationLimits } from './config-server-ground.ts';
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
export * from './on-demand-private-proxy-client.ts';
export * from './on-demand-private-proxy-messages.ts';
export * from './on-demand-private-proxy-server.ts';
export * from './opcodes-aggregator-client.ts';
export * from './opcodes-aggregator-messages.ts';
export * from './opcodes-aggregator-server.ts';
export * from './private-beacon-client.ts';
export * from './private-beacon-messages.ts';
export * from './private-beacon-server.ts';
export * from './remote-provisioning-messages.ts';
export * from './sar-configuration-client.ts';
export * from './sar-configuration-messages.ts';
export * from './sar-configuration-server.ts';
export * from './solicitation-pdu-rpl-client.ts';
export * from './solicitation-pdu-rpl-messages.ts';
export * from './solicitation-pdu-rpl-server.ts';
export * from './status-codes.ts';
