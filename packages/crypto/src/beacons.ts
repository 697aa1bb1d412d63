import { concat } from '@meshferry/core';
import { s1 } from './derivation.ts';
import type { Aes, CryptoProvider } from './provider.ts';

/** What a Mesh Private beacon says once it is opened. */
export interface PrivateBeaconData {
  /** Bit 0 Key Refresh, bit 1 IV Update; the other bits as received. */
  readonly flags: number;
  /** 32 bits. */
  readonly ivIndex: number;
}

/**
 * Authentication Value of a Secure Network beacon, 8 octets [Mesh Protocol 1.1, 3.10.3]: AES-CMAC(BeaconKey,
 * Flags ‖ Network ID ‖ IV Index), its first half. `aes` is bound to the BeaconKey; compare with `equalConstantTime`.
 */
export function secureNetworkBeaconAuthentication(
  aes: Aes,
  flags: number,
  networkId: Uint8Array,
  ivIndex: number,
): Uint8Array {
  return aes.cmac(concat(Uint8Array.of(flags), networkId, fourOctets(ivIndex))).slice(0, 8);
}

/**
 * Obfuscated Private Beacon Data (5 octets) ‖ Authentication Tag (8) of a Mesh Private beacon [Mesh Protocol 1.1,
 * 3.10.4]. `aes` is bound to the PrivateBeaconKey, `random` has 13 octets (`bad-nonce-length`).
 */
export function sealPrivateBeacon(aes: Aes, random: Uint8Array, flags: number, ivIndex: number): Uint8Array {
  return aes.seal(random, concat(Uint8Array.of(flags), fourOctets(ivIndex)), 8);
}

/** The reverse of {@link sealPrivateBeacon}; null when these 13 octets are not from a beacon of this key. Never throws. */
export function openPrivateBeacon(aes: Aes, random: Uint8Array, sealed: Uint8Array): PrivateBeaconData | null {
  if (sealed.length !== 13) return null;
  const data = aes.open(random, sealed, 8);
  if (data === null) return null;
  return { flags: data[0]!, ivIndex: new DataView(data.buffer, data.byteOffset).getUint32(1) };
}

/** URI Hash of an Unprovisioned Device beacon, 4 octets, of the URI AD data (not empty) [Mesh Protocol 1.1, 3.10.2]. */
export function uriHash(provider: CryptoProvider, uri: Uint8Array): Uint8Array {
  return s1(provider, uri).slice(0, 4);
}

function fourOctets(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
