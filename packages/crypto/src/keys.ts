import { type Address, concat, fromHex, MeshError, type Unicast, utf8 } from '@meshferry/core';
import { checkKeyLength } from './checks.ts';
import { k1, k2, k3, k4, type NetworkCredentials } from './derivation.ts';
import type { CryptoProvider } from './provider.ts';

/** Managed flooding credentials of a NetKey: Network PDUs, proxy configuration, Solicitation PDUs [Mesh Protocol 1.1, 3.9.6]. */
export function networkCredentials(provider: CryptoProvider, netKey: Uint8Array): NetworkCredentials {
  return k2(provider, netKey, Uint8Array.of(0x00));
}

/** Who is in a friendship and which one it is; both sides know it from Friend Request and Friend Offer. */
export interface FriendshipParameters {
  /** SRC of the Friend Request. */
  readonly lpnAddress: Unicast;
  /** SRC of the Friend Offer. */
  readonly friendAddress: Unicast;
  /** LPNCounter of the Friend Request, 16 bits. */
  readonly lpnCounter: number;
  /** FriendCounter of the Friend Offer, 16 bits. */
  readonly friendCounter: number;
}

/** Friendship credentials of a NetKey: Network PDUs between a Low Power node and its Friend [Mesh Protocol 1.1, 3.9.6]. */
export function friendshipCredentials(
  provider: CryptoProvider,
  netKey: Uint8Array,
  friendship: FriendshipParameters,
): NetworkCredentials {
  const p = new Uint8Array(9);
  const view = new DataView(p.buffer);
  p[0] = 0x01;
  view.setUint16(1, friendship.lpnAddress);
  view.setUint16(3, friendship.friendAddress);
  view.setUint16(5, friendship.lpnCounter);
  view.setUint16(7, friendship.friendCounter);
  return k2(provider, netKey, p);
}

/** Directed credentials of a NetKey: Network PDUs on a path of directed forwarding [Mesh Protocol 1.1, 3.9.6]. */
export function directedCredentials(provider: CryptoProvider, netKey: Uint8Array): NetworkCredentials {
  return k2(provider, netKey, Uint8Array.of(0x02));
}

/** Network ID of a NetKey: 8 octets, public [Mesh Protocol 1.1, 3.9.6]. */
export function networkId(provider: CryptoProvider, netKey: Uint8Array): Uint8Array {
  return k3(provider, netKey);
}

/** IdentityKey of a NetKey, 16 octets: hashes in proxy advertising [Mesh Protocol 1.1, 3.9.6]. */
export function identityKey(provider: CryptoProvider, netKey: Uint8Array): Uint8Array {
  return fromNetKey(provider, netKey, SALT_NKIK);
}

/** BeaconKey of a NetKey, 16 octets: Secure Network beacon [Mesh Protocol 1.1, 3.9.6]. */
export function beaconKey(provider: CryptoProvider, netKey: Uint8Array): Uint8Array {
  return fromNetKey(provider, netKey, SALT_NKBK);
}

/** PrivateBeaconKey of a NetKey, 16 octets: Mesh Private beacon [Mesh Protocol 1.1, 3.9.6]. */
export function privateBeaconKey(provider: CryptoProvider, netKey: Uint8Array): Uint8Array {
  return fromNetKey(provider, netKey, SALT_NKPK);
}

/** AID of an AppKey, 6 bits. Different keys may have the same: a match identifies nothing [Mesh Protocol 1.1, 3.9.6]. */
export function aid(provider: CryptoProvider, appKey: Uint8Array): number {
  return k4(provider, appKey);
}

/**
 * Virtual address of a 16-octet Label UUID, 0x8000 to 0xBFFF; throws `bad-label-uuid`.
 * Different labels may have the same [Mesh Protocol 1.1, 3.4.2].
 */
export function virtualAddress(provider: CryptoProvider, labelUuid: Uint8Array): Address {
  if (labelUuid.length !== 16) {
    throw new MeshError('bad-label-uuid', `a Label UUID has 16 octets, not ${labelUuid.length}`, {
      hint: 'Give the 128-bit Label UUID, not the 16-bit virtual address.',
    });
  }
  const hash = provider.aes(SALT_VTAD).cmac(labelUuid);
  return 0x8000 | ((hash[14]! & 0x3f) << 8) | hash[15]!;
}

const ID128_1 = concat(utf8('id128'), Uint8Array.of(0x01));
const SALT_NKIK = fromHex('f8795a1aabf182e4f163d86e245e19f4'); // s1("nkik")
const SALT_NKBK = fromHex('2c24619ab793c1233f6e226738393dec'); // s1("nkbk")
const SALT_NKPK = fromHex('2c8b71fb5d95e86cfb753bfee3ab934f'); // s1("nkpk")
const SALT_VTAD = fromHex('cef7fa9dc47baf5daaeed19406094f37'); // s1("vtad")

function fromNetKey(provider: CryptoProvider, netKey: Uint8Array, salt: Uint8Array): Uint8Array {
  checkKeyLength(netKey);
  return k1(provider, netKey, salt, ID128_1);
}
