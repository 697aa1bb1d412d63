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
export * from './bridge-messages.ts';
export * from './config-heartbeat-messages.ts';
export * from './config-key-messages.ts';
export * from './config-model-messages.ts';
export * from './config-node-messages.ts';
export * from './config-server.ts';
export type { ConfigurationLimits } from './config-server-ground.ts';
export * from './directed-path-messages.ts';
export * from './directed-transmit-messages.ts';
export * from './families.ts';
export * from './forwarding-entry.ts';
export * from './forwarding-table-messages.ts';
export * from './health-messages.ts';
export * from './host.ts';
export * from './large-composition-data-messages.ts';
export * from './model-ids.ts';
export * from './on-demand-private-proxy-messages.ts';
export * from './opcodes-aggregator-messages.ts';
export * from './private-beacon-messages.ts';
export * from './remote-provisioning-messages.ts';
export * from './sar-configuration-messages.ts';
export * from './solicitation-pdu-rpl-messages.ts';
export * from './status-codes.ts';
