import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifyRsaPss } from './rsa-pss.ts';

const message = new Uint8Array(1000).fill(7);

describe('RSA-PSS', () => {
  test.each([2048, 3072, 1025])(
    'takes what OpenSSL signs with %i bits, and nothing that was changed',
    (modulusLength) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
      const raw = new Uint8Array(publicKey.export({ type: 'pkcs1', format: 'der' }));
      const signature = signed(privateKey, 32);
      expect(verifyRsaPss(signature, message, raw)).toBe(true);
      expect(verifyRsaPss(signature, message.subarray(1), raw)).toBe(false);
      expect(verifyRsaPss(signature.subarray(1), message, raw)).toBe(false);
      expect(verifyRsaPss(Uint8Array.of(0, ...signature), message, raw)).toBe(false);
      for (let at = 0; at < signature.length; at += 17) {
        const changed = signature.slice();
        changed[at]! ^= 1;
        expect(verifyRsaPss(changed, message, raw), `octet ${at}`).toBe(false);
      }
    },
  );

  test('takes no other salt, no other padding, no key that is none', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const raw = new Uint8Array(publicKey.export({ type: 'pkcs1', format: 'der' }));
    expect(verifyRsaPss(signed(privateKey, 20), message, raw)).toBe(false);
    expect(verifyRsaPss(new Uint8Array(sign('sha256', message, privateKey)), message, raw)).toBe(false);
    for (const key of [new Uint8Array(), raw.subarray(1), new Uint8Array(300).fill(0xff)]) {
      expect(verifyRsaPss(signed(privateKey, 32), message, key)).toBe(false);
    }
  });
});

function signed(key: KeyObject, saltLength: number): Uint8Array {
  return new Uint8Array(sign('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }));
}
