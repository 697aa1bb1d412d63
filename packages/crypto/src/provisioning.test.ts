import { createPrivateKey, sign } from 'node:crypto';
import { concat, fromHex, SeededRandom, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { generateP256KeyPair, p256PublicKey, p256SharedSecret, verifyP256Signature } from './p256.ts';
import { portableCrypto as provider } from './portable.ts';
import * as provisioning from './provisioning.ts';
import { readVectors } from './testing/read-vectors.ts';

type Session = Record<string, string> & { provisioningData: { plaintext: string } };

const { sessions } = readVectors<{ sessions: readonly Session[] }>('provisioning');

const ALGORITHMS: Record<string, provisioning.ProvisioningAlgorithm> = {
  BTM_ECDH_P256_CMAC_AES128_AES_CCM: provisioning.BTM_ECDH_P256_CMAC_AES128_AES_CCM,
  BTM_ECDH_P256_HMAC_SHA256_AES_CCM: provisioning.BTM_ECDH_P256_HMAC_SHA256_AES_CCM,
};

describe('provisioning keys of whole sessions', () => {
  it.each(sessions)('$id: $title', (session) => {
    const octets = (name: string) => fromHex(session[name]!);
    const algorithm = ALGORITHMS[session.algorithm!]!;
    const publicKeyProvisioner = p256PublicKey(octets('provisionerPrivateKey'));
    const publicKeyDevice = p256PublicKey(octets('devicePrivateKey'));
    const secret = p256SharedSecret(octets('provisionerPrivateKey'), publicKeyDevice)!;
    expect(p256SharedSecret(octets('devicePrivateKey'), publicKeyProvisioner)).toEqual(secret);

    const [invite, capabilities, start] = [octets('invite'), octets('capabilities'), octets('start')];
    const inputs = { invite, capabilities, start, publicKeyProvisioner, publicKeyDevice };
    const salt = provisioning.confirmationSalt(provider, algorithm, inputs);
    const authValue = octets('authValue');
    const key = provisioning.confirmationKey(provider, algorithm, secret, salt, authValue);
    const [randomProvisioner, randomDevice] = [octets('randomProvisioner'), octets('randomDevice')];
    const confirm = (random: Uint8Array) => provisioning.confirmation(provider, algorithm, key, random, authValue);
    const provisioningSalt = provisioning.provisioningSalt(provider, salt, randomProvisioner, randomDevice);
    const keys = provisioning.provisioningKeys(provider, secret, provisioningSalt);
    const data = provider.aes(keys.sessionKey).seal(keys.sessionNonce, fromHex(session.provisioningData.plaintext), 8);

    const computed = {
      provisionerPublicKey: publicKeyProvisioner,
      devicePublicKey: publicKeyDevice,
      ecdhSecret: secret,
      confirmationSalt: salt,
      confirmationKey: key,
      confirmationProvisioner: confirm(randomProvisioner),
      confirmationDevice: confirm(randomDevice),
      provisioningSalt,
      ...keys,
    };
    for (const [name, value] of Object.entries(computed))
      expect(`${name} ${toHex(value)}`).toBe(`${name} ${session[name]}`);
    expect(data).toEqual(concat(octets('encryptedProvisioningData'), octets('provisioningDataMic')));
  });
});

describe('P-256 key pairs', () => {
  it('agree on a secret, stay in the lower half and differ', () => {
    const random = new SeededRandom('p256');
    const [a, b] = [generateP256KeyPair(random), generateP256KeyPair(random)];
    expect(p256SharedSecret(a.privateKey, b.publicKey)).toEqual(p256SharedSecret(b.privateKey, a.publicKey));
    expect(a.publicKey).not.toEqual(b.publicKey);
    expect(a.privateKey[0]! & 0x80).toBe(0);
  });

  it('are drawn again when the draw is 0 or above r/2', () => {
    const one = new Uint8Array(32);
    one[31] = 1;
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), one];
    const pair = generateP256KeyPair({ bytes: () => draws.shift()!, uniform: () => 0 });
    expect(draws).toHaveLength(0);
    expect(pair.privateKey).toEqual(one);
  });

  it.each([
    ['0', '00'.repeat(32)],
    ['r', 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'],
    ['31 octets', 'ab'.repeat(31)],
    ['33 octets', 'ab'.repeat(33)],
  ])('are refused for a private key of %s without showing it', (_, hex) => {
    const refused = expect.objectContaining({ code: 'bad-private-key', message: expect.not.stringContaining('ab') });
    expect(() => p256PublicKey(fromHex(hex))).toThrow(refused);
    expect(() => p256SharedSecret(fromHex(hex), new Uint8Array(64))).toThrow(refused);
  });

  it('of another length are no points', () => {
    const key = new Uint8Array(32).fill(1);
    expect(p256SharedSecret(key, p256PublicKey(key).slice(1))).toBeNull();
    expect(p256SharedSecret(key, new Uint8Array(0))).toBeNull();
  });
});

describe('ECDSA signatures', () => {
  const pair = generateP256KeyPair(new SeededRandom('signer'));
  const text = (octets: Uint8Array) => Buffer.from(octets).toString('base64url');
  const [x, y] = [pair.publicKey.subarray(0, 32), pair.publicKey.subarray(32)];
  const jwk = { kty: 'EC', crv: 'P-256', d: text(pair.privateKey), x: text(x), y: text(y) };
  const message = new Uint8Array(100).fill(7);
  const signature = new Uint8Array(sign('sha256', message, createPrivateKey({ key: jwk, format: 'jwk' })));

  it('of node:crypto are taken', () => {
    expect(verifyP256Signature(pair.publicKey, message, signature)).toBe(true);
  });

  it('are refused for another message or key, or when they are none', () => {
    const other = generateP256KeyPair(new SeededRandom('other'));
    expect(verifyP256Signature(pair.publicKey, message.subarray(1), signature)).toBe(false);
    expect(verifyP256Signature(other.publicKey, message, signature)).toBe(false);
    expect(verifyP256Signature(new Uint8Array(64), message, signature)).toBe(false);
    expect(verifyP256Signature(pair.publicKey, message, signature.subarray(1))).toBe(false);
    expect(verifyP256Signature(pair.publicKey, message, new Uint8Array(0))).toBe(false);
  });
});
