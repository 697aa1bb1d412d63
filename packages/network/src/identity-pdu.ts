import { equal, fail, ok, type Result, type Unicast } from '@meshferry/core';
import { type Aes, nodeIdentityHash, privateNetworkIdentityHash, privateNodeIdentityHash } from '@meshferry/crypto';
import type { PduError } from './decode-error.ts';

// Service data of the Mesh Proxy Service: Identification Type ‖ parameters [Mesh Protocol 1.1, 7.2.2.2].

/** How a Proxy Server shows who it is; `hash` and `random` have 8 octets. */
export type ProxyIdentity =
  | { readonly type: 'network-id' /** 8 octets. */; readonly networkId: Uint8Array }
  | { readonly type: HashedIdentityType; readonly hash: Uint8Array; readonly random: Uint8Array };

export type HashedIdentityType = 'node-identity' | 'private-network-identity' | 'private-node-identity';
export type ProxyIdentityType = ProxyIdentity['type'];

/** What of a NetKey an identity is made of. */
export interface IdentityKeys {
  readonly networkId: Uint8Array;
  /** Bound to the IdentityKey. */
  readonly identity: Aes;
}

/** Octets of Random. */
export const IDENTITY_RANDOM_OCTETS = 8;

/** By Identification Type. */
const TYPES: readonly ProxyIdentityType[] = [
  'network-id',
  'node-identity',
  'private-network-identity',
  'private-node-identity',
];

/** Service data behind the UUID 0x1828. */
export function encodeProxyIdentity(identity: ProxyIdentity): Uint8Array {
  const type = TYPES.indexOf(identity.type);
  if (identity.type === 'network-id') return Uint8Array.of(type, ...identity.networkId);
  return Uint8Array.of(type, ...identity.hash, ...identity.random);
}

/** The reverse of {@link encodeProxyIdentity}; reserved types and wrong lengths are errors. */
export function decodeProxyIdentity(serviceData: Uint8Array): Result<ProxyIdentity, PduError> {
  const type = TYPES[serviceData[0] ?? -1];
  if (type === undefined) return fail({ field: 'Identification Type', offset: 0, reason: 'reserved or missing' });
  if (serviceData.length !== (type === 'network-id' ? 9 : 17)) {
    return fail({ field: 'parameters', offset: 1, reason: 'wrong length' });
  }
  if (type === 'network-id') return ok({ type, networkId: serviceData.slice(1) });
  return ok({ type, hash: serviceData.slice(1, 9), random: serviceData.slice(9) });
}

/** The identity of the node `address` (its primary element) on the subnet of `keys`. `random`: 8 octets. */
export function proxyIdentity(
  type: ProxyIdentityType,
  keys: IdentityKeys,
  address: Unicast,
  random: Uint8Array,
): ProxyIdentity {
  if (type === 'network-id') return { type, networkId: keys.networkId };
  return { type, hash: hashOf(type, keys, address, random), random };
}

/** Whether the identity is that of the subnet, and of the node `address` if it names a node. */
export function isIdentityOf(identity: ProxyIdentity, keys: IdentityKeys, address: Unicast): boolean {
  if (identity.type === 'network-id') return equal(identity.networkId, keys.networkId);
  return equal(identity.hash, hashOf(identity.type, keys, address, identity.random));
}

/** Whether the identity names one node; otherwise it is that of any node of a subnet. */
export function namesNode(identity: ProxyIdentity): boolean {
  return identity.type === 'node-identity' || identity.type === 'private-node-identity';
}

function hashOf(type: HashedIdentityType, keys: IdentityKeys, address: Unicast, random: Uint8Array): Uint8Array {
  if (type === 'node-identity') return nodeIdentityHash(keys.identity, random, address);
  if (type === 'private-node-identity') return privateNodeIdentityHash(keys.identity, random, address);
  return privateNetworkIdentityHash(keys.identity, keys.networkId, random);
}
