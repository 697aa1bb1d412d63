import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { openPrivateBeacon, sealPrivateBeacon, secureNetworkBeaconAuthentication, uriHash } from './beacons.ts';
import { nodeIdentityHash, privateNetworkIdentityHash, privateNodeIdentityHash } from './identities.ts';
import {
  aid,
  beaconKey,
  friendshipCredentials,
  identityKey,
  networkId,
  privateBeaconKey,
  virtualAddress,
} from './keys.ts';
import { portableCrypto as provider } from './portable.ts';
import { readVectors } from './testing/read-vectors.ts';

type Row = Record<string, string>;
const beacons = readVectors<Record<'secureNetwork' | 'meshPrivate' | 'unprovisionedDevice', readonly Row[]>>('beacons');
const proxy = readVectors<{ proxyAdvertising: readonly Row[] }>('proxy');
const number = (hex: string) => Number.parseInt(hex, 16);

describe('beacons', () => {
  it.each(beacons.secureNetwork)('authenticates the Secure Network beacon $id', (row) => {
    const netKey = fromHex(row.netKey!);
    const aes = provider.aes(beaconKey(provider, netKey));
    const id = networkId(provider, netKey);
    const value = secureNetworkBeaconAuthentication(aes, number(row.flags!), id, number(row.ivIndex!));
    expect(toHex(value)).toBe(row.authenticationValue);
  });

  it.each(beacons.meshPrivate)('seals and opens the Mesh Private beacon $id', (row) => {
    const aes = provider.aes(privateBeaconKey(provider, fromHex(row.netKey!)));
    const [random, flags, ivIndex] = [fromHex(row.random!), number(row.flags!), number(row.ivIndex!)];
    const sealed = sealPrivateBeacon(aes, random, flags, ivIndex);
    expect(toHex(sealed)).toBe(`${row.obfuscatedPrivateBeaconData}${row.authenticationTag}`);
    expect(openPrivateBeacon(aes, random, sealed)).toEqual({ flags, ivIndex });
    sealed[0]! ^= 1;
    expect(openPrivateBeacon(aes, random, sealed)).toBeNull();
    expect(openPrivateBeacon(aes, random, aes.seal(random, Uint8Array.of(0, 0), 8))).toBeNull(); // authentic, but too short
  });

  it.each(beacons.unprovisionedDevice.filter((row) => row.uriData !== undefined))('hashes the URI of $id', (row) => {
    expect(toHex(uriHash(provider, fromHex(row.uriData!)))).toBe(row.uriHash);
  });
});

describe('identities in proxy advertising', () => {
  const hashes: Record<string, (row: Row) => Uint8Array> = {
    '01': (row) => nodeIdentityHash(key(row), fromHex(row.random!), number(row.address!)),
    '02': (row) => privateNetworkIdentityHash(key(row), fromHex(row.networkId!), fromHex(row.random!)),
    '03': (row) => privateNodeIdentityHash(key(row), fromHex(row.random!), number(row.address!)),
  };
  const key = (row: Row) => provider.aes(identityKey(provider, fromHex(row.netKey!)));

  it.each(proxy.proxyAdvertising.filter((row) => row.hash !== undefined))('hashes $id', (row) => {
    expect(toHex(hashes[row.identificationType!]!(row))).toBe(row.hash);
  });

  it('refuses a Random or a Network ID that has not 8 octets', () => {
    const aes = provider.aes(new Uint8Array(16));
    const [seven, eight] = [new Uint8Array(7), new Uint8Array(8)];
    const refused = expect.objectContaining({ code: 'bad-length' });
    expect(() => nodeIdentityHash(aes, seven, 1)).toThrow(refused);
    expect(() => privateNetworkIdentityHash(aes, seven, eight)).toThrow(refused);
    expect(() => privateNetworkIdentityHash(aes, eight, seven)).toThrow(refused);
  });
});

describe('keys', () => {
  it('gives the friendship credentials of the sample k2', () => {
    const netKey = fromHex('f7a2a44f8e8a8029064f173ddc1e2b00');
    const friendship = { lpnAddress: 0x0203, friendAddress: 0x0405, lpnCounter: 0x0607, friendCounter: 0x0809 };
    const credentials = friendshipCredentials(provider, netKey, friendship);
    expect(credentials.nid).toBe(0x73); // case k2-friendship-1
    expect(toHex(credentials.encryptionKey)).toBe('11efec0642774992510fb5929646df49');
    expect(toHex(credentials.privacyKey)).toBe('d4d7cc0dfa772d836a8df9df5510d7a7');
  });

  it.each([0, 15, 17, 32])('refuses a NetKey, AppKey or Label UUID of %i octets', (length) => {
    const bytes = new Uint8Array(length);
    const refused = expect.objectContaining({ code: 'bad-key-length' });
    for (const derive of [networkId, identityKey, beaconKey, privateBeaconKey, aid]) {
      expect(() => derive(provider, bytes)).toThrow(refused);
    }
    expect(() => virtualAddress(provider, bytes)).toThrow(expect.objectContaining({ code: 'bad-label-uuid' }));
  });
});
