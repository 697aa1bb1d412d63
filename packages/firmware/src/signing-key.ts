import { fail, MeshError, ok, type Random, type Result, utf8 } from '@meshferry/core';
import { p256 } from '@noble/curves/nist.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { DerTag, readDer, readDerList } from './der.ts';
import { readPem } from './pem.ts';
import { type PublicKey, publicKeyFromSpki, spkiOf } from './public-key.ts';

/** An ECDSA P-256 key that signs images. The private half does not show. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** The DER signature over a SHA-256 digest; the same one every time (RFC 6979). */
  sign(digest: Uint8Array): Uint8Array;
}

/** DER of the object identifiers id-ecPublicKey and prime256v1, as PKCS#8 names the algorithm. */
const P256_ALGORITHM = Uint8Array.of(
  ...[0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
  ...[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
);

/** Reads a private key in PEM (`PRIVATE KEY` or `EC PRIVATE KEY`); fails with `bad-key`, never showing the key. */
export function parseSigningKey(pem: string, name: string): Result<SigningKey, MeshError> {
  for (const { label, bytes } of readPem(pem)) {
    const secret =
      label === 'PRIVATE KEY' ? fromPkcs8(bytes) : label === 'EC PRIVATE KEY' ? fromSec1(bytes) : undefined;
    if (secret !== undefined && p256.utils.isValidSecretKey(secret)) return ok(signingKey(secret, name));
  }
  return fail(
    new MeshError('bad-key', `"${name}" holds no private key that could sign`, {
      hint: 'Give an ECDSA P-256 key in PEM without a password: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256.',
    }),
  );
}

/** A new key pair. `random` must be cryptographic for anything that leaves a test bench. */
export function generateSigningKey(random: Random, name: string): SigningKey {
  for (;;) {
    const secret = random.bytes(32);
    if (p256.utils.isValidSecretKey(secret)) return signingKey(secret, name);
  }
}

/**
 * The project's own demo key, the same everywhere so that a demo package is the same octets every time. Everybody has its
 * private half: readers of the package warn.
 */
export function demoSigningKey(): SigningKey {
  return signingKey(
    sha256(utf8('Meshferry demo signing key: known to everybody, never for a product')),
    'meshferry-demo',
  );
}

function signingKey(secret: Uint8Array, name: string): SigningKey {
  const publicKey = publicKeyFromSpki(spkiOf('ec-p256', p256.getPublicKey(secret, false)), name);
  if (publicKey === undefined) throw new MeshError('internal', 'a public key is not on its curve');
  return {
    publicKey,
    sign: (digest) => p256.sign(digest, secret, { prehash: false, lowS: false, format: 'der' }),
  };
}

/** PrivateKeyInfo: version, algorithm, OCTET STRING with an ECPrivateKey. */
function fromPkcs8(der: Uint8Array): Uint8Array | undefined {
  const [, algorithm, key] = listOf(der) ?? [];
  const isP256 = algorithm !== undefined && algorithm.whole.join() === P256_ALGORITHM.join();
  return isP256 && key?.tag === DerTag.octetString ? fromSec1(key.contents) : undefined;
}

/** ECPrivateKey (RFC 5915): version, OCTET STRING with the 32 octets, then optional parts. */
function fromSec1(der: Uint8Array): Uint8Array | undefined {
  const [, secret] = listOf(der) ?? [];
  return secret?.tag === DerTag.octetString && secret.contents.length === 32 ? secret.contents : undefined;
}

function listOf(der: Uint8Array): ReturnType<typeof readDerList> {
  const outer = readDer(der);
  return outer?.tag === DerTag.sequence ? readDerList(outer.contents) : undefined;
}
