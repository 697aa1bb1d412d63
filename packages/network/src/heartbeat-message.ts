import type { Result } from '@meshferry/core';
import { type ControlMessageType, controlMessage, unsigned } from './control-message.ts';
import type { PduError } from './decode-error.ts';

/** Opcode of the Heartbeat control message [Mesh Protocol 1.1, 3.6.5.10]. */
export const OPCODE_HEARTBEAT = 0x0a;

/** A Heartbeat: tells that a node lives, and how far away. */
export interface Heartbeat {
  /** TTL with which it was sent, 0 to 127. */
  readonly initTtl: number;
  /** `Feature` bits of the features in use; others reserved. */
  readonly features: number;
}

/** The Heartbeat control message. */
export const HeartbeatMessage: ControlMessageType<Heartbeat> = controlMessage({
  name: 'Heartbeat',
  opcode: OPCODE_HEARTBEAT,
  source: '3.6.5.10',
  layout: { reserved: { kind: 'rfu', bits: 1 }, initTtl: unsigned(7), features: unsigned(16) },
});

/** The parameters of the control message: 3 octets. Throws `bad-field`. */
export function encodeHeartbeat(heartbeat: Heartbeat): Uint8Array {
  return HeartbeatMessage.encode(heartbeat);
}

/** The reverse of {@link encodeHeartbeat}; the bit above InitTTL is ignored. */
export function decodeHeartbeat(parameters: Uint8Array): Result<Heartbeat, PduError> {
  return HeartbeatMessage.decode(parameters);
}

/** Hops that a Heartbeat has made, 1 to 127, or undefined when it came with more TTL than it was sent with. */
export function hopsOf(initTtl: number, receivedTtl: number): number | undefined {
  const hops = initTtl - receivedTtl + 1;
  return hops >= 1 ? Math.min(hops, 0x7f) : undefined;
}
