import { type MessageType, message, rest } from '@meshferry/access';

/**
 * Octets that mean nothing to anybody, a vendor message of a company that there is not (0xFFFF): nodes acknowledge its segments,
 * by which the loss on the way is measured before an update, and ignore it otherwise. Not to be answered.
 */
export const RadioProbe: MessageType<{ readonly octets: Uint8Array }> = message({
  name: 'Radio Probe',
  opcode: 0xffffff,
  source: 'Meshferry',
  fields: { octets: rest({ max: 377 }) },
});
