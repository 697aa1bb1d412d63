import { fail, type Result } from '@meshferry/core';
import type { PduError } from '@meshferry/network';
import {
  decodeGenericProvisioningPdu,
  encodeGenericProvisioningPdu,
  type GenericProvisioningPdu,
} from './generic-provisioning-pdu.ts';

// Content of an AD structure of type 0x29 [Mesh Protocol 1.1, 5.2.1]: Link ID(4) ‖ Transaction Number(1) ‖ PDU(1 to 24).

/** One PB-ADV packet. */
export interface PbAdvPdu {
  /** 32 bits. */
  readonly linkId: number;
  /** 0x00 to 0x7F of the Provisioner, 0x80 to 0xFF of the device; 0x00 with control of the link. */
  readonly transaction: number;
  readonly generic: GenericProvisioningPdu;
}

const HEAD = 5;

/** Never throws. */
export function decodePbAdvPdu(octets: Uint8Array): Result<PbAdvPdu, PduError> {
  if (octets.length <= HEAD) return fail({ field: 'PDU', offset: 0, reason: 'shorter than 6 octets' });
  const generic = decodeGenericProvisioningPdu(octets.subarray(HEAD));
  if (!generic.ok) {
    const { field, offset, reason } = generic.error;
    return fail({ field, offset: offset + HEAD, reason });
  }
  return { ok: true, value: { linkId: linkIdOf(octets), transaction: octets[4]!, generic: generic.value } };
}

/** Fields are cut to their width. */
export function encodePbAdvPdu({ linkId, transaction, generic }: PbAdvPdu): Uint8Array {
  const pdu = encodeGenericProvisioningPdu(generic);
  const octets = new Uint8Array(HEAD + pdu.length);
  new DataView(octets.buffer).setUint32(0, linkId);
  octets[4] = transaction;
  octets.set(pdu, HEAD);
  return octets;
}

function linkIdOf(octets: Uint8Array): number {
  return new DataView(octets.buffer, octets.byteOffset).getUint32(0);
}
