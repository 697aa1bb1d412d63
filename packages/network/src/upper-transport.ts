import type { Address, Unicast } from '@meshferry/core';
import { type Aes, applicationNonce, deviceNonce } from '@meshferry/crypto';

/** Most octets of an access message: 32 segments of 12 octets less a TransMIC of 32 bits. */
export const ACCESS_MAX = 380;
/** Most octets of an access message with a TransMIC of 64 bits. */
export const ACCESS_MAX_SZMIC = 376;
/** Most octets of an access message that goes unsegmented. */
export const UNSEGMENTED_ACCESS_MAX = 11;
/** Most octets of the parameters of a control message: 32 segments of 8 octets. */
export const CONTROL_MAX = 256;

/** What goes into the nonce and the additional data of an Upper Transport Access PDU [Mesh Protocol 1.1, 3.6.2]. */
export interface AccessSecurityFields {
  /** Secured with an AppKey; otherwise with a device key. */
  readonly akf: boolean;
  /** TransMIC of 64 bits; only segmented messages. */
  readonly szmic: boolean;
  /** SEQ of the first segment, or of the Network PDU when unsegmented. */
  readonly seq: number;
  readonly src: Unicast;
  readonly dst: Address;
  readonly ivIndex: number;
  /** The Label UUID when `dst` is virtual. */
  readonly label?: Uint8Array | undefined;
}

/** EncAccessMessage ‖ TransMIC. `aes` is bound to the AppKey or device key. */
export function sealAccess(aes: Aes, fields: AccessSecurityFields, payload: Uint8Array): Uint8Array {
  return aes.seal(nonceOf(fields), payload, fields.szmic ? 8 : 4, fields.label);
}

/** The access message, or null when it does not authenticate or is empty. */
export function openAccess(aes: Aes, fields: AccessSecurityFields, upperTransportPdu: Uint8Array): Uint8Array | null {
  const micLength = fields.szmic ? 8 : 4;
  if (upperTransportPdu.length <= micLength) return null;
  return aes.open(nonceOf(fields), upperTransportPdu, micLength, fields.label);
}

const nonce = new Uint8Array(13);

function nonceOf({ akf, szmic, seq, src, dst, ivIndex }: AccessSecurityFields): Uint8Array {
  return akf
    ? applicationNonce(szmic, seq, src, dst, ivIndex, nonce)
    : deviceNonce(szmic, seq, src, dst, ivIndex, nonce);
}
