import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { FirmwareImage, ReadOptions } from './firmware-package.ts';
import { recogniseForeign } from './foreign-firmware.ts';
import { type ImageError, type ImageErrorCode, parseImage } from './image.ts';
import { digest, verifyImageHash } from './image-hash.ts';
import type { ImageTarget } from './manifest.ts';
import { printable } from './printable.ts';
import { SAMPLE_KEYS } from './sample-keys.ts';
import { type SignatureState, verifySignature } from './signature.ts';

/** An image that has not been looked into. */
export interface ImageFile {
  /** Name of the ZIP entry, null when the image came alone. */
  readonly file: string | null;
  readonly bytes: Uint8Array;
  readonly target: ImageTarget;
}

/** Parses an image and checks hash and signature as the options ask. */
export async function checkImage(file: ImageFile, options: ReadOptions): Promise<Result<FirmwareImage, MeshError>> {
  const image = parseImage(file.bytes);
  if (!image.ok) return fail(imageMeshError(image.error, file.file, file.bytes));
  const hash = verifyImageHash(image.value);
  if (!hash.ok) return fail(imageMeshError(hash.error, file.file));
  const keys = options.publicKeys ?? [];
  const signature = verifySignature(image.value, [...keys, ...SAMPLE_KEYS]);
  const refusal = signatureRefusal(signature, options);
  if (refusal !== null) return fail(imageMeshError(refusal, file.file));
  return ok({
    ...file,
    size: file.bytes.length,
    sha256: digest('SHA256', file.bytes),
    image: image.value,
    hashVerified: hash.value,
    signature,
    mesh: null,
  });
}

/** The error of an image as one of its file. In a package a wrong magic or hash has a name of its own. */
export function imageMeshError(
  error: ImageError,
  file: string | null,
  bytes: Uint8Array = new Uint8Array(0),
): MeshError {
  const foreign = error.code === 'bad-magic' ? recogniseForeign(bytes) : undefined;
  if (foreign !== undefined) {
    const message = `${printable(file ?? 'the image')} is ${foreign.name}, which is recognised but not supported`;
    return new MeshError('not-supported', message, { hint: foreign.hint });
  }
  const code = file === null ? error.code : (CODES_IN_PACKAGE[error.code] ?? error.code);
  const where = OF_THE_WHOLE.includes(error.code) ? '' : ` (offset ${error.offset})`;
  return new MeshError(code, `${printable(file ?? 'the image')}: ${error.message}${where}`, {
    hint: HINTS[error.code] ?? 'The file is damaged: build or fetch it again.',
  });
}

/** What is wrong with all of an image has no place in it. */
const OF_THE_WHOLE: readonly ImageErrorCode[] = ['hash-mismatch', 'signature-invalid', 'key-unknown'];

const CODES_IN_PACKAGE: Partial<Record<ImageErrorCode, string>> = {
  'bad-magic': 'not-an-image',
  'hash-mismatch': 'corrupt-image',
};

const HINTS: Partial<Record<ImageErrorCode, string>> = {
  'bad-magic': 'Give the signed image of the build (*.signed.bin).',
  'old-magic': 'Sign it again with a current image tool.',
  'signature-invalid': 'Somebody changed the image or its signature: do not use it.',
  'key-unknown': 'Give the public key (PEM) that belongs to the key which signed it.',
};

/** An invalid signature is never accepted; an unknown one only while no key is asked for. */
function signatureRefusal(signature: SignatureState, options: ReadOptions): ImageError | null {
  const { state, key, keyHash } = signature;
  if (state === 'invalid') {
    return { code: 'signature-invalid', offset: 0, message: `the signature by ${key?.name} is invalid` };
  }
  const keys = options.publicKeys ?? [];
  if (!(options.requireSignature ?? keys.length > 0)) return null;
  if (state === 'valid' && keys.some((known) => known === key)) return null;
  const signer =
    key?.name ?? (keyHash === null ? 'a key that is not named' : `a key with the hash ${shortHash(keyHash)}`);
  const message = state === 'unsigned' ? 'it is not signed' : `signed by ${signer}, not by a given key`;
  return {
    code: 'key-unknown',
    offset: 0,
    message: state === 'unchecked' ? 'its signature cannot be checked' : message,
  };
}

function shortHash(hash: Uint8Array): string {
  return `${Array.from(hash.subarray(0, 8), (octet) => octet.toString(16).padStart(2, '0')).join('')}…`;
}
