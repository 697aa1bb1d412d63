import { type Address, fail, isUnicast, ok, type Result, type Unicast } from '@meshferry/core';
import {
  type Aes,
  type CryptoProvider,
  type NetworkCredentials,
  networkNonce,
  proxyNonce,
  proxySolicitationNonce,
} from '@meshferry/crypto';
import { isDestination } from './addresses.ts';
import type { PduError } from './decode-error.ts';

// Network PDU [Mesh Protocol 1.1, 3.4.4]: IVI NID | obfuscated: CTL TTL, SEQ, SRC | encrypted: DST, TransportPDU | NetMIC.

/** Fewest octets of a Network PDU. */
export const NETWORK_PDU_MIN = 14;
/** Most octets of a Network PDU. */
export const NETWORK_PDU_MAX = 29;

/** The material that secures Network PDUs, ready for use: made of a NetKey by {@link networkSecurity}. */
export interface NetworkSecurity {
  /** 7 bits. */
  readonly nid: number;
  /** Bound to the EncryptionKey. */
  readonly encryption: Aes;
  /** Bound to the PrivacyKey. */
  readonly privacy: Aes;
}

/** The clear header of a Network PDU. */
export interface NetworkHeader {
  /** Control message: NetMIC of 64 bits; access message otherwise, NetMIC of 32 bits. */
  ctl: boolean;
  /** 0 to 127. */
  ttl: number;
  /** 24 bits. */
  seq: number;
  src: Unicast;
}

/** A Network PDU in clear. */
export interface NetworkPdu extends Readonly<NetworkHeader> {
  readonly dst: Address;
  /** 1 to 16 octets, 1 to 12 when `ctl`. */
  readonly transportPdu: Uint8Array;
}

/** Which nonce secures a PDU of this format: that of network messages, proxy configuration or a Solicitation PDU. */
export type NonceKind = 'network' | 'proxy' | 'solicitation';

/** Binds credentials (of `networkCredentials` and its like) to a crypto provider. */
export function networkSecurity(provider: CryptoProvider, credentials: NetworkCredentials): NetworkSecurity {
  return {
    nid: credentials.nid,
    encryption: provider.aes(credentials.encryptionKey),
    privacy: provider.aes(credentials.privacyKey),
  };
}

/** Encrypts and obfuscates [3.8.7.2, 3.8.7.3]. Fields are cut to their width, not checked. `ivIndex`: of this PDU. */
export function encodeNetworkPdu(
  pdu: NetworkPdu,
  security: NetworkSecurity,
  ivIndex: number,
  nonceKind: NonceKind = 'network',
): Uint8Array {
  const { ctl, ttl, seq, src, dst, transportPdu } = pdu;
  const plain = new Uint8Array(2 + transportPdu.length);
  plain[0] = dst >>> 8;
  plain[1] = dst;
  plain.set(transportPdu, 2);
  const sealed = security.encryption.seal(nonceOf(pdu, ivIndex, nonceKind), plain, ctl ? 8 : 4);

  const octets = new Uint8Array(7 + sealed.length);
  octets[0] = ((ivIndex & 1) << 7) | security.nid;
  octets[1] = (ctl ? 0x80 : 0) | (ttl & 0x7f);
  octets[2] = seq >>> 16;
  octets[3] = seq >>> 8;
  octets[4] = seq;
  octets[5] = src >>> 8;
  octets[6] = src;
  octets.set(sealed, 7);
  computeMask(octets, security, nonceKind === 'solicitation' ? 0 : ivIndex);
  for (let i = 0; i < 6; i++) octets[1 + i]! ^= mask[i]!;
  return octets;
}

/** The clear PDU, or why these octets are none that this material secures. Addresses are checked [3.4.3]. */
export function decodeNetworkPdu(
  octets: Uint8Array,
  security: NetworkSecurity,
  ivIndex: number,
  nonceKind: NonceKind = 'network',
): Result<NetworkPdu, PduError> {
  if (!hasNetworkPduLength(octets)) return fail({ field: 'PDU', offset: 0, reason: 'not 14 to 29 octets' });
  if ((octets[0]! & 0x7f) !== security.nid) return fail({ field: 'NID', offset: 0, reason: 'other key' });
  if (octets[0]! >> 7 !== (ivIndex & 1)) return fail({ field: 'IVI', offset: 0, reason: 'other IV Index' });
  const header = { ctl: false, ttl: 0, seq: 0, src: 0 };
  deobfuscate(octets, security, nonceKind === 'solicitation' ? 0 : ivIndex, header);
  if (!isUnicast(header.src)) return fail({ field: 'SRC', offset: 5, reason: 'not a unicast address' });
  const plain = decrypt(octets, security, ivIndex, header, nonceKind);
  if (plain === null) return fail({ field: 'NetMIC', offset: 7, reason: 'does not authenticate' });
  const dst = (plain[0]! << 8) | plain[1]!;
  if (nonceKind === 'network') {
    if (!isDestination(dst, header.ctl)) return fail({ field: 'DST', offset: 7, reason: 'not valid here' });
    if (plain.length < 3) return fail({ field: 'TransportPDU', offset: 9, reason: 'empty' });
  }
  const { ctl, ttl, seq, src } = header;
  return ok({ ctl, ttl, seq, src, dst, transportPdu: plain.slice(2) });
}

export function hasNetworkPduLength(octets: Uint8Array): boolean {
  return octets.length >= NETWORK_PDU_MIN && octets.length <= NETWORK_PDU_MAX;
}

/**
 * The clear header of `octets` (of legal length) under an assumed material and IV Index, into `header`. Nothing is
 * authenticated yet: under the wrong material these are random numbers.
 */
export function deobfuscate(
  octets: Uint8Array,
  security: NetworkSecurity,
  ivIndex: number,
  header: NetworkHeader,
): void {
  computeMask(octets, security, ivIndex);
  const first = octets[1]! ^ mask[0]!;
  header.ctl = first >= 0x80;
  header.ttl = first & 0x7f;
  header.seq = ((octets[2]! ^ mask[1]!) << 16) | ((octets[3]! ^ mask[2]!) << 8) | (octets[4]! ^ mask[3]!);
  header.src = ((octets[5]! ^ mask[4]!) << 8) | (octets[6]! ^ mask[5]!);
}

/**
 * DST ‖ TransportPDU after {@link deobfuscate} gave the header, or null when it does not authenticate. To be read at once:
 * the next call writes into the same array.
 */
export function decrypt(
  octets: Uint8Array,
  security: NetworkSecurity,
  ivIndex: number,
  header: Readonly<NetworkHeader>,
  nonceKind: NonceKind = 'network',
): Uint8Array | null {
  const micLength = header.ctl ? 8 : 4;
  if (octets.length < 9 + micLength) return null; // no room for DST
  const sealed = sealedScratch[octets.length - 7]!;
  for (let i = 0; i < sealed.length; i++) sealed[i] = octets[7 + i]!;
  const plain = plainScratch[sealed.length - micLength]!;
  return security.encryption.open(nonceOf(header, ivIndex, nonceKind), sealed, micLength, undefined, plain);
}

// Scratch: nothing here calls back, so uses never overlap. Copying 20 octets is faster than making a view of them.
const sealedScratch = Array.from({ length: NETWORK_PDU_MAX - 6 }, (_, length) => new Uint8Array(length));
const plainScratch = Array.from({ length: NETWORK_PDU_MAX - 6 }, (_, length) => new Uint8Array(length));
const nonce = new Uint8Array(13);
const privacyPlaintext = new Uint8Array(16);
const mask = new Uint8Array(16);

function nonceOf(header: Readonly<NetworkHeader>, ivIndex: number, kind: NonceKind): Uint8Array {
  if (kind === 'proxy') return proxyNonce(header.seq, header.src, ivIndex, nonce);
  if (kind === 'solicitation') return proxySolicitationNonce(header.seq, header.src, nonce);
  return networkNonce(header.ctl, header.ttl, header.seq, header.src, ivIndex, nonce);
}

/** PECB into `mask`: e(PrivacyKey, zeros ‖ IV Index ‖ octets 7 to 13) [3.8.7.3]. */
function computeMask(octets: Uint8Array, security: NetworkSecurity, ivIndex: number): void {
  privacyPlaintext[5] = ivIndex >>> 24;
  privacyPlaintext[6] = ivIndex >>> 16;
  privacyPlaintext[7] = ivIndex >>> 8;
  privacyPlaintext[8] = ivIndex;
  for (let i = 0; i < 7; i++) privacyPlaintext[9 + i] = octets[7 + i]!;
  security.privacy.encryptBlock(privacyPlaintext, mask);
}
