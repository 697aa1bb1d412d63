/** Types of the TLV entries behind an MCUboot image [spec: mcuboot-image section 1]. */
export const TlvType = {
  KEYHASH: 0x01,
  PUBKEY: 0x02,
  SHA256: 0x10,
  SHA384: 0x11,
  SHA512: 0x12,
  RSA2048_PSS: 0x20,
  ECDSA224: 0x21,
  ECDSA_SIG: 0x22,
  RSA3072_PSS: 0x23,
  ED25519: 0x24,
  SIG_PURE: 0x25,
  ENC_RSA2048: 0x30,
  ENC_KW: 0x31,
  ENC_EC256: 0x32,
  ENC_X25519: 0x33,
  ENC_X25519_SHA512: 0x34,
  DEPENDENCY: 0x40,
  SEC_CNT: 0x50,
  BOOT_RECORD: 0x60,
  DECOMP_SIZE: 0x70,
  DECOMP_SHA: 0x71,
  DECOMP_SIGNATURE: 0x72,
  COMP_DEC_SIZE: 0x73,
  UUID_VID: 0x74,
  UUID_CID: 0x75,
} as const;

/** First two octets of the unprotected and of the protected TLV area, read little-endian. */
export const TLV_MAGIC = 0x6907;
export const PROTECTED_TLV_MAGIC = 0x6908;

/** One TLV entry. */
export interface Tlv {
  readonly type: number;
  /** Where the entry starts (its type field), in octets from the start of the image. */
  readonly offset: number;
  readonly value: Uint8Array;
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TlvType).map(([name, type]) => [type, name]));

/** Name of a TLV type; `VENDOR` for those free for vendors (low octet 0xA0 and above), else `UNKNOWN`. */
export function tlvName(type: number): string {
  return NAMES.get(type) ?? ((type & 0xff) >= 0xa0 ? 'VENDOR' : 'UNKNOWN');
}
