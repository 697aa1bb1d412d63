import { MessageCatalogue } from '@meshferry/access';
import { BLOB_TRANSFER_MESSAGES } from '@meshferry/blob';
import { FIRMWARE_DISTRIBUTION_MESSAGES, FIRMWARE_UPDATE_MESSAGES } from '@meshferry/dfu';
import { FOUNDATION_MESSAGES } from '@meshferry/foundation';
import { GENERIC_ON_OFF_MESSAGES } from '@meshferry/generic';
import { CONTROL_MESSAGES, type ControlMessageType } from '@meshferry/network';

/** All access messages that can be named. */
export const MESSAGES: MessageCatalogue = new MessageCatalogue(
  FOUNDATION_MESSAGES,
  GENERIC_ON_OFF_MESSAGES,
  BLOB_TRANSFER_MESSAGES,
  FIRMWARE_UPDATE_MESSAGES,
  FIRMWARE_DISTRIBUTION_MESSAGES,
);

const CONTROLS = new Map(CONTROL_MESSAGES.map((type) => [type.opcode, type]));

/** The control message with this opcode, if there is one. */
export function controlByOpcode(opcode: number): ControlMessageType<unknown> | undefined {
  return CONTROLS.get(opcode);
}
