import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatVersion,
  hashedRegion,
  imageDependencies,
  keyHash,
  type PublicKey,
  parseImage,
  parsePublicKey,
  SAMPLE_KEYS,
  securityCounter,
  type Tlv,
  tlvName,
  verifyImageHash,
  verifySignature,
} from './index.ts';
import { mcubootVectors, must, type TlvVector } from './testing/vectors.ts';

const { images, invalidImages, encryptedImages, publicKeys } = mcubootVectors;
const keys: PublicKey[] = Object.entries(publicKeys)
  .filter(([name]) => name !== 'x25519')
  .map(([name, pem]) => must(parsePublicKey(pem, name)));

describe('images', () => {
  test.each(images)('$name: header, TLVs and hash', (vector) => {
    const image = must(parseImage(fromHex(vector.image)));
    const { version, versionParts, magic: _, ...sizes } = vector.header;
    expect(image).toMatchObject(sizes);
    expect(formatVersion(image.version)).toBe(version);
    expect(Object.values(image.version)).toEqual(versionParts);
    expect(image.tlvs.map(tlvVector)).toEqual(vector.tlvs);
    expect(image.protectedTlvs.map(tlvVector)).toEqual(vector.protectedTlvs);
    expect(image.tlvAreaOffset).toBe(vector.tlvAreaOffset);
    expect(image.imageEnd).toBe(vector.imageEnd);
    expect(image.bytes.length - image.imageEnd).toBe(vector.trailingOctets);
    expect([image.hashAlgorithm, toHex(image.hash)]).toEqual([vector.hashAlgorithm, vector.hash]);
    expect(hashedRegion(image).length).toBe(vector.hashedLength);
    expect(verifyImageHash(image)).toEqual({ ok: true, value: true });
    expect(securityCounter(image)).toBe(vector.securityCounter);
    const dependencies = imageDependencies(image).map((d) => ({ ...d, minVersion: formatVersion(d.minVersion) }));
    expect(dependencies).toEqual(vector.dependencies ?? []);
  });

  test.each(images)('$name: signature', async (vector) => {
    const image = must(parseImage(fromHex(vector.image)));
    const state = verifySignature(image, keys);
    expect(state.state).toBe(vector.signature === 'ok' ? 'valid' : 'unsigned');
    expect(state.key?.name).toBe(vector.publicKey);
  });

  test.each(images.filter(({ publicKey }) => publicKey))(
    '$name: a changed octet is no valid signature',
    async (vector) => {
      const bytes = fromHex(vector.image);
      const signature = vector.tlvs.at(-1) as TlvVector;
      bytes[signature.offset + 4 + 40]! ^= 1;
      const state = verifySignature(must(parseImage(bytes)), keys);
      expect(state.state).toBe('invalid');
      expect(state.checked[0]).toMatch(/failed/);
    },
  );

  test.each(encryptedImages)('encrypted, $name: hash and signature are left open', async (vector) => {
    const image = must(parseImage(fromHex(vector.image)));
    expect(toHex(image.hash)).toBe(vector.hash);
    expect(verifyImageHash(image)).toEqual({ ok: true, value: false });
    expect(verifySignature(image, keys).state).toBe('unchecked');
  });

  test('the signing key is named by its hash when it is not known', async () => {
    const vector = images.find(({ publicKey }) => publicKey === 'ecdsa-p256')!;
    const image = must(parseImage(fromHex(vector.image)));
    const state = verifySignature(image, SAMPLE_KEYS);
    const signer = keys.find(({ name }) => name === 'ecdsa-p256')!;
    expect(state).toMatchObject({ state: 'unknown-key', key: null, keyHash: keyHash(signer, 'SHA256') });
  });
});

describe('damaged images', () => {
  const codes: Record<string, string> = {
    'header magic': 'bad-magic',
    'version 1 header is not supported': 'old-magic',
    'hash mismatch': 'hash-mismatch',
    'signature invalid, hash still right': 'signature-invalid',
    'shorter than header and payload': 'size-overflow',
    'TLV area longer than the file': 'tlv-overrun',
    'no TLV area': 'no-tlv',
    'no header': 'too-short',
    'TLV magic': 'tlv-magic',
    'TLV length': 'tlv-overrun',
    'size overflow': 'size-overflow',
    'header size': 'bad-header-size',
    'more than one hash': 'hash-duplicate',
    'hash missing': 'hash-missing',
  };

  test.each(invalidImages)('$name', async ({ image, reason }) => {
    expect(await firstError(fromHex(image))).toBe(codes[reason]);
  });

  test('a protected area that is not as long as the header says is named', () => {
    const bytes = fromHex(images.find(({ protectedTlvs }) => protectedTlvs.length > 0)!.image);
    bytes[10]! -= 4;
    expect(parseImage(bytes)).toMatchObject({ ok: false, error: { code: 'protected-size' } });
  });

  test('random octets behind the magic never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (rest) => {
        const parsed = parseImage(Uint8Array.of(0x3d, 0xb8, 0xf3, 0x96, ...rest));
        if (parsed.ok) verifyImageHash(parsed.value);
        else expect(parsed.error.message).not.toBe('');
      }),
    );
  });

  test('any octets in place of those of an image never throw', () => {
    const bytes = fromHex(images.find(({ name }) => name === 'ECDSA P-256, SHA-256')!.image);
    // The header, and the area of the TLVs.
    const place = fc.oneof(fc.nat(31), fc.integer({ min: 200, max: bytes.length - 1 }));
    const damage = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat(bytes.length), (octets, length) => {
        const changed = bytes.slice(0, length % 4 === 0 ? length : bytes.length);
        for (const [at, octet] of octets) changed[at] = octet;
        const parsed = parseImage(changed);
        if (!parsed.ok) {
          expect(parsed.error.message).not.toBe('');
          return;
        }
        verifyImageHash(parsed.value);
        securityCounter(parsed.value);
        imageDependencies(parsed.value);
      }),
    );
  });

  test('no flipped bit before the TLV area goes unnoticed', async () => {
    const bytes = fromHex(images.find(({ name }) => name === 'ECDSA P-256, SHA-256')!.image);
    for (let at = 0; at < 232; at++) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << (at % 8);
      expect(await firstError(flipped), `octet ${at}`).not.toBe(null);
    }
  });

  test('signature checks never throw, whatever the TLVs hold', async () => {
    const bytes = fromHex(images.find(({ name }) => name === 'ECDSA P-256, SHA-256')!.image);
    await fc.assert(
      fc.asyncProperty(fc.nat(149), fc.nat(255), async (at, value) => {
        const changed = bytes.slice();
        changed[232 + at] = value;
        const parsed = parseImage(changed);
        if (parsed.ok) expect(verifySignature(parsed.value, keys).state).toMatch(/valid|unknown-key|unsigned/);
      }),
      { numRuns: 1000 }, // elliptic curves take their time; the TLVs themselves are read 10 000 times above
    );
  });
});

describe('keys', () => {
  test('of other algorithms are refused', () => {
    expect(parsePublicKey(publicKeys.x25519 as string, 'x')).toMatchObject({ ok: false, error: { code: 'bad-key' } });
    expect(parsePublicKey('nothing', 'x').ok).toBe(false);
  });

  test('the hash of a PKCS#1 key is that of its SubjectPublicKeyInfo', () => {
    const rsa = keys.find(({ name }) => name === 'rsa-2048')!;
    const base64 = btoa(String.fromCharCode(...rsa.raw));
    const pkcs1 = `-----BEGIN RSA PUBLIC KEY-----\n${base64}\n-----END RSA PUBLIC KEY-----`;
    expect(must(parsePublicKey(pkcs1, 'rsa-2048'))).toEqual(rsa);
  });
});

async function firstError(bytes: Uint8Array): Promise<string | null> {
  const parsed = parseImage(bytes);
  if (!parsed.ok) return parsed.error.code;
  const hash = verifyImageHash(parsed.value);
  if (!hash.ok) return hash.error.code;
  return verifySignature(parsed.value, keys).state === 'invalid' ? 'signature-invalid' : null;
}

function tlvVector({ type, offset, value }: Tlv): TlvVector {
  const hex = `0x${type.toString(16).padStart(2, '0')}`;
  return { type: hex, name: tlvName(type), offset, len: value.length, value: toHex(value) };
}
