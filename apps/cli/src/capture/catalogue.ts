import { MessageCatalogue } from '@meshferry/access';
import { BLOB_TRANSFER_MESSAGES } from '@meshferry/blob';
import { FIRMWARE_DISTRIBUTION_MESSAGES, FIRMWARE_UPDATE_MESSAGES, RadioProbe } from '@meshferry/dfu';
import { FOUNDATION_MESSAGES } from '@meshferry/foundation';
import { GENERIC_ON_OFF_MESSAGES } from '@meshferry/generic';
import { CONTROL_MESSAGES, type ControlMessageType, type ProxyIdentityType } from '@meshferry/network';

/** All access messages that can be named. */
export const MESSAGES: MessageCatalogue = new MessageCatalogue(
  FOUNDATION_MESSAGES,
  GENERIC_ON_OFF_MESSAGES,
  BLOB_TRANSFER_MESSAGES,
  FIRMWARE_UPDATE_MESSAGES,
  FIRMWARE_DISTRIBUTION_MESSAGES,
  [RadioProbe],
);

/** The proxy configuration messages by opcode [Mesh Protocol 1.1, 6.6]. */
export const PROXY_CONFIGURATION_NAMES: readonly string[] = [
  'Set Filter Type',
  'Add Addresses To Filter',
  'Remove Addresses From Filter',
  'Filter Status',
  'Directed Proxy Capabilities Status',
  'Directed Proxy Control',
];

/** What Proxy Servers advertise [7.2.2.2]. */
export const PROXY_IDENTITY_NAMES: Readonly<Record<ProxyIdentityType, string>> = {
  'network-id': 'Network ID',
  'node-identity': 'Node Identity',
  'private-network-identity': 'Private Network Identity',
  'private-node-identity': 'Private Node Identity',
};

const CONTROLS = new Map(CONTROL_MESSAGES.map((type) => [type.opcode, type]));

/** The control message with this opcode, if there is one. */
export function controlByOpcode(opcode: number): ControlMessageType<unknown> | undefined {
  return CONTROLS.get(opcode);
}
