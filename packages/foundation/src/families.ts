import type { MessageType } from '@meshferry/access';
import { BRIDGE_MESSAGES } from './bridge-messages.ts';
import { CONFIG_HEARTBEAT_MESSAGES } from './config-heartbeat-messages.ts';
import { CONFIG_KEY_MESSAGES } from './config-key-messages.ts';
import { CONFIG_MODEL_MESSAGES } from './config-model-messages.ts';
import { CONFIG_NODE_MESSAGES } from './config-node-messages.ts';
import { DIRECTED_PATH_MESSAGES } from './directed-path-messages.ts';
import { DIRECTED_TRANSMIT_MESSAGES } from './directed-transmit-messages.ts';
import { FORWARDING_TABLE_MESSAGES } from './forwarding-table-messages.ts';
import { HEALTH_MESSAGES } from './health-messages.ts';
import { LARGE_COMPOSITION_DATA_MESSAGES } from './large-composition-data-messages.ts';
import { ON_DEMAND_PRIVATE_PROXY_MESSAGES } from './on-demand-private-proxy-messages.ts';
import { OPCODES_AGGREGATOR_MESSAGES } from './opcodes-aggregator-messages.ts';
import { PRIVATE_BEACON_MESSAGES } from './private-beacon-messages.ts';
import { REMOTE_PROVISIONING_MESSAGES } from './remote-provisioning-messages.ts';
import { SAR_CONFIGURATION_MESSAGES } from './sar-configuration-messages.ts';
import { SOLICITATION_PDU_RPL_MESSAGES } from './solicitation-pdu-rpl-messages.ts';

/** All messages of the Configuration models. */
export const CONFIGURATION_MESSAGES: readonly MessageType<unknown>[] = [
  ...CONFIG_NODE_MESSAGES,
  ...CONFIG_KEY_MESSAGES,
  ...CONFIG_MODEL_MESSAGES,
  ...CONFIG_HEARTBEAT_MESSAGES,
];

/** All messages of the Directed Forwarding Configuration models. */
export const DIRECTED_FORWARDING_MESSAGES: readonly MessageType<unknown>[] = [
  ...DIRECTED_PATH_MESSAGES,
  ...FORWARDING_TABLE_MESSAGES,
  ...DIRECTED_TRANSMIT_MESSAGES,
];

/** All messages of all foundation models, for a catalogue. */
export const FOUNDATION_MESSAGES: readonly MessageType<unknown>[] = [
  ...CONFIGURATION_MESSAGES,
  ...HEALTH_MESSAGES,
  ...REMOTE_PROVISIONING_MESSAGES,
  ...PRIVATE_BEACON_MESSAGES,
  ...ON_DEMAND_PRIVATE_PROXY_MESSAGES,
  ...SAR_CONFIGURATION_MESSAGES,
  ...OPCODES_AGGREGATOR_MESSAGES,
  ...LARGE_COMPOSITION_DATA_MESSAGES,
  ...SOLICITATION_PDU_RPL_MESSAGES,
  ...BRIDGE_MESSAGES,
  ...DIRECTED_FORWARDING_MESSAGES,
];
