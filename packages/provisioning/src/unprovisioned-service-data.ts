import { fail, ok, type Result } from '@meshferry/core';
import type { PduError } from '@meshferry/network';

// Service data of the Mesh Provisioning Service: Device UUID(16) ‖ OOB Information(2, little-endian) [Mesh Protocol 1.1,
// 7.1.2.2.1].

/** How an unprovisioned device shows itself to GATT clients. */
export interface UnprovisionedServiceData {
  /** 16 octets. */
  readonly uuid: Uint8Array;
  /** 16 bits. */
  readonly oobInformation: number;
}

const OCTETS = 18;
const UUID_OCTETS = 16;
/** Bits of OOB Information that are reserved: seen, the octets are the other way round, as Zephyr sends them. */
const OOB_RESERVED = 0x0600;

export function encodeUnprovisionedServiceData({ uuid, oobInformation }: UnprovisionedServiceData): Uint8Array {
  const octets = new Uint8Array(OCTETS);
  octets.set(uuid.subarray(0, UUID_OCTETS));
  octets[16] = oobInformation;
  octets[17] = oobInformation >> 8;
  return octets;
}

/** Never throws. OOB Information is a hint here: some stacks send it big-endian, which cannot always be told. */
export function decodeUnprovisionedServiceData(octets: Uint8Array): Result<UnprovisionedServiceData, PduError> {
  if (octets.length !== OCTETS) return fail({ field: 'service data', offset: 0, reason: 'not 18 octets' });
  const [low, high] = [octets[16]!, octets[17]!];
  const asSpecified = (high << 8) | low;
  const reversed = (low << 8) | high;
  const isReversed = (asSpecified & OOB_RESERVED) !== 0 && (reversed & OOB_RESERVED) === 0;
  return ok({ uuid: octets.slice(0, UUID_OCTETS), oobInformation: isReversed ? reversed : asSpecified });
}
