import { fail, ok, type Result } from '@meshferry/core';
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

/** The parameters of the control message: 3 octets. */
export function encodeHeartbeat({ initTtl, features }: Heartbeat): Uint8Array {
  return Uint8Array.of(initTtl & 0x7f, features >> 8, features);
}

/** The reverse of {@link encodeHeartbeat}; the bit above InitTTL is ignored. */
export function decodeHeartbeat(parameters: Uint8Array): Result<Heartbeat, PduError> {
  if (parameters.length !== 3) return fail({ field: 'Heartbeat', offset: 0, reason: 'not 3 octets' });
  return ok({ initTtl: parameters[0]! & 0x7f, features: (parameters[1]! << 8) | parameters[2]! });
}

/** Hops that a Heartbeat has made, 1 to 127, or undefined when it came with more TTL than it was sent with. */
export function hopsOf(initTtl: number, receivedTtl: number): number | undefined {
  const hops = initTtl - receivedTtl + 1;
  return hops >= 1 ? Math.min(hops, 0x7f) : undefined;
}
