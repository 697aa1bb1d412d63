import { MeshError, type Unicast } from '@meshferry/core';
import type { Aes } from './provider.ts';

// Hashes in the service data of a proxy [Mesh Protocol 1.1, 7.2.2.2]: 8 octets each. `aes` is bound to the IdentityKey;
// a client computes the hash for every key (and address) it knows and compares. `random` has 8 octets, else `bad-length`.

/** Node Identity: the node `address` (its primary element) on the subnet of the key. */
export function nodeIdentityHash(aes: Aes, random: Uint8Array, address: Unicast): Uint8Array {
  return hashOfNode(aes, 0x00, random, address);
}

/** Private Node Identity: as {@link nodeIdentityHash}, of a node that hides. */
export function privateNodeIdentityHash(aes: Aes, random: Uint8Array, address: Unicast): Uint8Array {
  return hashOfNode(aes, 0x03, random, address);
}

/** Private Network Identity: some node of the subnet; `networkId` has 8 octets, else `bad-length`. */
export function privateNetworkIdentityHash(aes: Aes, networkId: Uint8Array, random: Uint8Array): Uint8Array {
  checkEight('Network ID', networkId);
  checkEight('Random', random);
  const block = new Uint8Array(16);
  block.set(networkId, 0);
  block.set(random, 8);
  return lastHalf(aes, block);
}

/** zero5 ‖ type ‖ Random ‖ Address. */
function hashOfNode(aes: Aes, type: number, random: Uint8Array, address: Unicast): Uint8Array {
  checkEight('Random', random);
  const block = new Uint8Array(16);
  block[5] = type;
  block.set(random, 6);
  block[14] = address >>> 8;
  block[15] = address;
  return lastHalf(aes, block);
}

function lastHalf(aes: Aes, block: Uint8Array): Uint8Array {
  aes.encryptBlock(block, block);
  return block.slice(8);
}

function checkEight(field: string, value: Uint8Array): void {
  if (value.length !== 8) {
    throw new MeshError('bad-length', `${field} has 8 octets, not ${value.length}`, { hint: 'Give exactly 8 octets.' });
  }
}
