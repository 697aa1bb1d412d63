import { equal, fail, ok, type Result } from '@meshferry/core';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { type HashAlgorithm, hashedRegion, type ImageError, isEncrypted, type McubootImage } from './image.ts';

/** The digest of `bytes` by one of the algorithms that images use: 32, 48 or 64 octets. */
export function digest(algorithm: HashAlgorithm, bytes: Uint8Array): Uint8Array {
  if (algorithm === 'SHA256') return sha256(bytes);
  return algorithm === 'SHA384' ? sha384(bytes) : sha512(bytes);
}

/**
 * Compares the hash TLV with the octets [spec: mcuboot-image section 2]. `ok` holds whether it could be checked: false
 * for an encrypted image, whose hash covers the plaintext (true if its payload is still in the clear). Fails with
 * `hash-mismatch`.
 */
export function verifyImageHash(image: McubootImage): Result<boolean, ImageError> {
  if (equal(digest(image.hashAlgorithm, hashedRegion(image)), image.hash)) return ok(true);
  if (isEncrypted(image)) return ok(false);
  const message = `the ${image.hashAlgorithm} of header and payload differs from the hash TLV: the image is damaged`;
  return fail({ code: 'hash-mismatch', offset: 0, message });
}
