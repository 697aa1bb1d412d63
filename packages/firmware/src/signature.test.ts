import { constants, createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { fromHex, SeededRandom, toHex } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import {
  buildImage,
  type HashAlgorithm,
  hashedRegion,
  imageDependencies,
  type McubootImage,
  type PublicKey,
  parseImage,
  parsePublicKey,
  parseSigningKey,
  SAMPLE_KEYS,
  type SigningKey,
  securityCounter,
  TlvType,
  tlvName,
  trailerMark,
  verifyImageHash,
  verifySignature,
} from './index.ts';
import { imgtoolVectors, must } from './testing/vectors.ts';
import { formatVersion } from './version.ts';

const version = { major: 1, minor: 2, revision: 3, build: 4 };
const payload = new SeededRandom('signed').bytes(300);

/** A key pair of node:crypto, and both halves as the package reads them. */
interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly signing: SigningKey;
  readonly known: PublicKey;
}

function pairOf(keys: { privateKey: KeyObject; publicKey: KeyObject }, name = 'mine'): Pair {
  const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ format: 'pem', type }).toString();
  const signing = must(parseSigningKey(pem(keys.privateKey, 'pkcs8'), name));
  const known = must(parsePublicKey(pem(keys.publicKey, 'spki'), name));
  expect(signing.publicKey).toEqual(known);
  return { ...keys, signing, known };
}

const PAIRS = {
  'rsa 2048': pairOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  'rsa 3072': pairOf(generateKeyPairSync('rsa', { modulusLength: 3072 })),
  'ec p256': pairOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'ec p384': pairOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  ed25519: pairOf(generateKeyPairSync('ed25519')),
};

/** The row of the table in spec mcuboot-image section 3 that node:crypto checks with. */
function verifiedByNode({ publicKey: key }: Pair, image: McubootImage, pure: boolean): boolean {
  const region = hashedRegion(image);
  const signature = image.tlvs.at(-1)!.value;
  if (key.asymmetricKeyType === 'rsa') {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return verify('sha256', region, { key, padding, saltLength: 32 }, signature);
  }
  if (key.asymmetricKeyType === 'ed25519') return verify(null, pure ? region : image.hash, key, signature);
  const isP384 = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  return verify(isP384 ? 'sha384' : 'sha256', region, { key, dsaEncoding: 'der' }, signature);
}

/** An image with the TLVs behind its hash that a test wants. */
function withTlvs(entries: readonly { type: number; value: Uint8Array }[]): McubootImage {
  const plain = must(parseImage(buildImage({ payload, version })));
  const hash = { type: TlvType.SHA256, value: plain.hash };
  const body = Buffer.concat([hash, ...entries].flatMap(({ type, value }) => [u16(type), u16(value.length), value]));
  const area = Buffer.concat([u16(0x6907), u16(body.length + 4), body]);
  return must(parseImage(new Uint8Array(Buffer.concat([hashedRegion(plain), area]))));
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function signedBy({ signing, known }: Pair, region: Uint8Array): { type: number; value: Uint8Array }[] {
  const keyHash = createHash('sha256').update(known.hashed).digest();
  return [
    { type: TlvType.KEYHASH, value: new Uint8Array(keyHash) },
    { type: signing.tlvType, value: signing.sign(region, 'SHA256') },
  ];
}

const region = hashedRegion(must(parseImage(buildImage({ payload, version }))));

describe(`images of the image tool`, () => {
  const FLAGS: Record<string, number> = {
    ENCRYPTED_AES128: 4,
    ENCRYPTED_AES256: 8,
    NON_BOOTABLE: 16,
    RAM_LOAD: 32,
    ROM_FIXED: 256,
    LZMA2: 1024,
    ARM_THUMB: 2048,
  };

  test.each(imgtoolVectors.images)('$name: signature, hash and contents', (vector) => {
    const image = must(parseImage(fromHex(vector.image)));
    const found = verifySignature(image, SAMPLE_KEYS);
    expect([found.state, found.key?.name ?? null]).toEqual([vector.state, vector.key]);
    expect(found.signatures.map(({ kind }) => kind)).toEqual(vector.kind === null ? [] : [vector.kind]);
    expect(verifyImageHash(image)).toEqual({ ok: true, value: vector.state !== 'unchecked' });
    expect(formatVersion(image.version)).toBe('1.2.3+4');
    expect(image.hashAlgorithm).toBe(vector.hashAlgorithm ?? 'SHA256');
    expect(image.flags).toBe((vector.flags ?? []).reduce((sum, name) => sum + FLAGS[name]!, 0));
    expect(image.loadAddr).toBe(vector.loadAddr ?? 0);
    expect(securityCounter(image)).toBe(vector.securityCounter);
    const needs = imageDependencies(image).map((need) => `${need.image}: ${formatVersion(need.minVersion)}`);
    expect(needs).toEqual(vector.dependencies ?? []);
    if (vector.protectedTlvs)
      expect(image.protectedTlvs.map(({ type }) => tlvName(type))).toEqual(vector.protectedTlvs);
    if (vector.encryption) expect(image.tlvs.map(({ type }) => tlvName(type))).toContain(vector.encryption);
    expect(trailerMark(image)).toBe(vector.trailer);
  });

  test.each(imgtoolVectors.images.filter(({ key }) => key !== null))('$name: any changed octet is found', (vector) => {
    const bytes = fromHex(vector.image);
    const image = must(parseImage(bytes));
    const at = image.tlvs.find(({ type }) => [0x20, 0x22, 0x23, 0x24].includes(type))!;
    const changed = bytes.slice();
    changed[at.offset + 4 + 12]! ^= 1;
    expect(verifySignature(must(parseImage(changed)), SAMPLE_KEYS).state).toBe('invalid');
    const payloadAt = bytes.slice();
    payloadAt[40]! ^= 1;
    const other = must(parseImage(payloadAt));
    // Of an image that may be encrypted nothing more can be said.
    const encrypted = vector.flags?.includes('ENCRYPTED_AES128');
    expect(verifyImageHash(other)).toMatchObject(encrypted ? { value: false } : { error: { code: 'hash-mismatch' } });
  });
});

describe('signing', () => {
  const KINDS: [keyof typeof PAIRS, HashAlgorithm, boolean, string][] = [
    ['rsa 2048', 'SHA256', false, 'RSA-PSS 2048'],
    ['rsa 3072', 'SHA256', false, 'RSA-PSS 3072'],
    ['ec p256', 'SHA256', false, 'ECDSA'],
    ['ec p384', 'SHA384', false, 'ECDSA'],
    ['ed25519', 'SHA256', false, 'Ed25519'],
    ['ed25519', 'SHA512', false, 'Ed25519'],
    ['ed25519', 'SHA512', true, 'Ed25519 pure'],
    ['ed25519', 'SHA256', true, 'Ed25519 pure'],
  ];

  test.each(KINDS)('%s, %s, pure %s: node:crypto and we agree', (name, hashAlgorithm, pure, kind) => {
    const pair = PAIRS[name];
    const bytes = buildImage({ payload, version, key: pair.signing, hashAlgorithm, pure });
    const image = must(parseImage(bytes));
    expect(image.hashAlgorithm).toBe(hashAlgorithm);
    expect(verifiedByNode(pair, image, pure)).toBe(true);
    const hash = createHash(hashAlgorithm.toLowerCase()).update(pair.known.hashed).digest('hex');
    expect(toHex(image.tlvs.find(({ type }) => type === TlvType.KEYHASH)!.value)).toBe(hash);
    expect(verifySignature(image, [pair.known])).toMatchObject({
      state: 'valid',
      signatures: [{ kind, state: 'valid' }],
    });
    expect(buildImage({ payload, version, key: pair.signing, hashAlgorithm, pure })).toEqual(bytes);
  });

  test('by default with the usual hash of the key', () => {
    const hashes = Object.values(PAIRS).map(({ signing: key }) =>
      must(parseImage(buildImage({ payload, version, key }))),
    );
    expect(hashes.map(({ hashAlgorithm }) => hashAlgorithm)).toEqual([
      'SHA256',
      'SHA256',
      'SHA256',
      'SHA384',
      'SHA256',
    ]);
    const pure = must(parseImage(buildImage({ payload, version, key: PAIRS.ed25519.signing, pure: true })));
    expect(pure.hashAlgorithm).toBe('SHA512');
  });

  test.each<[string, Parameters<typeof buildImage>[0]]>([
    ['SHA-512 with P-256', { payload, version, key: PAIRS['ec p256'].signing, hashAlgorithm: 'SHA512' }],
    ['SHA-256 with P-384', { payload, version, key: PAIRS['ec p384'].signing, hashAlgorithm: 'SHA256' }],
    ['a pure signature by ECDSA', { payload, version, key: PAIRS['ec p256'].signing, pure: true }],
    ['a pure signature without a key', { payload, version, pure: true }],
  ])('%s is refused', (_, parts) => {
    expect(() => buildImage(parts)).toThrow(expect.objectContaining({ code: 'bad-signing', hint: expect.any(String) }));
  });

  test('reads every form of PEM that openssl writes', () => {
    const forms: [keyof typeof PAIRS, 'pkcs1' | 'sec1' | 'pkcs8'][] = [
      ['rsa 2048', 'pkcs1'],
      ['rsa 3072', 'pkcs8'],
      ['ec p256', 'sec1'],
      ['ec p384', 'sec1'],
    ];
    for (const [name, type] of forms) {
      const pem = PAIRS[name].privateKey.export({ format: 'pem', type } as never).toString();
      const withParameters = `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem}`;
      expect(must(parseSigningKey(withParameters, 'mine')).publicKey).toEqual(PAIRS[name].known);
    }
  });

  test('reads an ECDSA key that does not name its curve by its length', () => {
    for (const name of ['ec p256', 'ec p384'] as const) {
      const jwk = PAIRS[name].privateKey.export({ format: 'jwk' }).d as string;
      const secret = Buffer.from(jwk, 'base64url');
      const der = Buffer.concat([Buffer.of(0x30, secret.length + 5, 2, 1, 1, 4, secret.length), secret]);
      const pem = `-----BEGIN EC PRIVATE KEY-----\n${der.toString('base64')}\n-----END EC PRIVATE KEY-----`;
      expect(must(parseSigningKey(pem, 'mine')).publicKey).toEqual(PAIRS[name].known);
    }
  });

  test.each<[string, () => string, RegExp]>([
    ['of another curve', () => pem8(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey), /no private key/],
    [
      'of another curve in SEC1',
      () => sec1(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
      /no pri/,
    ],
    [
      'of the obsolete curve',
      () => pem8(generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey),
      /no private/,
    ],
    ['of another size', () => pem8(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey), /no private key/],
    ['for key agreement', () => pem8(generateKeyPairSync('x25519').privateKey), /no private key/],
    ['with a password', () => locked(PAIRS['ec p256'].privateKey), /a key with a password/],
    [
      'that is public',
      () => PAIRS['ec p256'].publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      /no private/,
    ],
    ['that is cut off', () => pem8(PAIRS['rsa 2048'].privateKey).replace(/\n.{20,}\n(?=-)/, '\n'), /no private key/],
  ])('a key %s is refused without showing it', (_, pem, message) => {
    const refused = parseSigningKey(pem(), 'key.pem');
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad-key', message: expect.stringMatching(message) } });
    expect(JSON.stringify(refused)).not.toContain(pem().split('\n')[1]);
  });

  test('an RSA key whose parts do not fit together makes no signature', () => {
    const der = PAIRS['rsa 2048'].privateKey.export({ format: 'der', type: 'pkcs1' });
    der[der.length - 1]! ^= 1; // the coefficient of the Chinese remainder theorem
    const pem = `-----BEGIN RSA PRIVATE KEY-----\n${der.toString('base64')}\n-----END RSA PRIVATE KEY-----`;
    const key = must(parseSigningKey(pem, 'broken'));
    expect(() => buildImage({ payload, version, key })).toThrow(expect.objectContaining({ code: 'bad-key' }));
  });
});

describe('signatures', () => {
  const [first, second] = [PAIRS['ec p256'], PAIRS.ed25519];
  const both = withTlvs([...signedBy(first, region), ...signedBy(second, region)]);

  test('of two keys are each found with their key', () => {
    const all = verifySignature(both, [first.known, second.known]);
    expect(all.signatures.map(({ kind, state }) => [kind, state])).toEqual([
      ['ECDSA', 'valid'],
      ['Ed25519', 'valid'],
    ]);
    expect(all.checked).toEqual(['ECDSA ok', 'Ed25519 ok over sha256']);
    for (const { known } of [first, second]) {
      expect(verifySignature(both, [known])).toMatchObject({ state: 'valid', key: known });
    }
    // The key that was asked for decides, also when the other signature stands first in the image.
    expect(verifySignature(both, [second.known, first.known]).key).toBe(second.known);
  });

  test('of which a known one is wrong are invalid, wherever it stands', () => {
    const broken = signedBy(second, region);
    broken[1]!.value[3]! ^= 1;
    for (const order of [
      [...signedBy(first, region), ...broken],
      [...broken, ...signedBy(first, region)],
    ]) {
      const found = verifySignature(withTlvs(order), [first.known, second.known]);
      expect(found).toMatchObject({ state: 'invalid', key: second.known });
    }
  });

  test('without a word on their key are tried with every key', () => {
    for (const pair of Object.values(PAIRS).filter(({ signing }) => signing.hashes.includes('SHA256'))) {
      const image = withTlvs([{ type: pair.signing.tlvType, value: pair.signing.sign(region, 'SHA256') }]);
      const keys = Object.values(PAIRS).map(({ known }) => known);
      expect(verifySignature(image, keys)).toMatchObject({ state: 'valid', key: pair.known, keyHash: null });
      const others = keys.filter((key) => key !== pair.known);
      expect(verifySignature(image, others)).toMatchObject({ state: 'unknown-key', key: null });
    }
  });

  test('of the obsolete ECDSA P-224 are checked too', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp224r1' });
    const known = must(parsePublicKey(publicKey.export({ format: 'pem', type: 'spki' }).toString(), 'old'));
    expect(known.kind).toBe('ec-p224');
    const value = new Uint8Array(sign('sha256', region, privateKey));
    const keyHash = new Uint8Array(createHash('sha256').update(known.spki).digest());
    const entries = (octets: Uint8Array) => [
      { type: TlvType.KEYHASH, value: keyHash },
      { type: TlvType.ECDSA224, value: octets },
    ];
    const kind = 'ECDSA P-224';
    expect(verifySignature(withTlvs(entries(value)), [known])).toMatchObject({
      state: 'valid',
      signatures: [{ kind }],
    });
    const changed = value.slice();
    changed[10]! ^= 1;
    expect(verifySignature(withTlvs(entries(changed)), [known]).state).toBe('invalid');
  });

  test('in a TLV of another kind than their key are not taken', () => {
    const { known, signing } = PAIRS['rsa 3072'];
    const [name, signature] = signedBy({ ...PAIRS['rsa 3072'], signing, known }, region);
    const image = withTlvs([name!, { type: TlvType.RSA2048_PSS, value: signature!.value }]);
    expect(verifySignature(image, [known]).state).toBe('unknown-key');
    const edwards = withTlvs([...signedBy(first, region).slice(0, 1), ...signedBy(second, region).slice(1)]);
    expect(verifySignature(edwards, [first.known, second.known]).state).toBe('unknown-key');
  });
});

function pem8(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function sec1(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'sec1' }).toString();
}

function locked(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
}
