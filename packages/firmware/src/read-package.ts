import { fail, MeshError, ok, type Result, toHex } from '@meshferry/core';
import { checkImages, checkMeshMetadata, imageWarnings, loadAddressWarnings, meshMetadataWarnings } from './checks.ts';
import { readFirmwareArchive } from './firmware-archive.ts';
import type { FirmwareImage, FirmwarePackage, Inconsistency, ReadOptions } from './firmware-package.ts';
import { recogniseForeign } from './foreign-firmware.ts';
import { isGzip } from './gzip.ts';
import { findHexImage } from './hex-image.ts';
import { startsWithImageMagic } from './image.ts';
import { checkImage, imageMeshError } from './image-check.ts';
import { digest } from './image-hash.ts';
import { looksLikeIntelHex, parseIntelHex } from './intel-hex.ts';
import type { MeshMetadata } from './mesh-metadata.ts';
import { decodeFirmwareMetadata } from './metadata.ts';
import { assignMetadata } from './metadata-assignment.ts';
import { printable } from './printable.ts';
import { readUpdateZip } from './update-zip.ts';

/** What a package is apart from its size and checksum. */
type PackageContents = Omit<FirmwarePackage, 'size' | 'sha256' | 'inconsistencies' | 'warnings'> & {
  readonly inconsistencies?: readonly Inconsistency[];
  readonly warnings?: readonly string[];
};

/**
 * Reads firmware whatever its form: decides by content, checks every hash and signature, and names every inconsistency
 * [spec: firmware-packages sections 1 to 5]. Nothing in `bytes` makes it throw. Fails with `empty-file`,
 * `unknown-firmware`, `not-supported`, `suit-not-supported`, the errors of the ZIP, archive, HEX, manifest and metadata readers, `file-missing`,
 * `size-mismatch`, `no-such-metadata`, `not-an-image`, `corrupt-image`, and those of `ImageErrorCode`.
 */
export async function readFirmwarePackage(
  bytes: Uint8Array,
  options: ReadOptions,
): Promise<Result<FirmwarePackage, MeshError>> {
  const contents = await readContents(bytes, options);
  if (!contents.ok) return contents;
  const { inconsistencies = [], warnings = [], images } = contents.value;
  const numbers = images.map(({ target }) => target.image);
  return ok({
    ...contents.value,
    size: bytes.length,
    sha256: digest('SHA256', bytes),
    inconsistencies,
    warnings: [
      ...inconsistencies.map(({ message }) => message),
      ...warnings,
      ...images.flatMap((image) => imageWarnings(image, numbers)),
      ...metadataOf(contents.value).flatMap(meshMetadataWarnings),
    ],
  });
}

/** That of each image; of a package whose only metadata could not be told apart there may be none. */
function metadataOf({ images, mesh }: PackageContents): MeshMetadata[] {
  const found = images.flatMap((image) => image.mesh ?? []);
  return found.length > 0 || mesh === null ? found : [mesh];
}

const NOTHING = { entries: [], manifest: null, directXip: false, mesh: null, hex: null, hexAddress: null } as const;

async function readContents(bytes: Uint8Array, options: ReadOptions): Promise<Result<PackageContents, MeshError>> {
  if (bytes.length === 0) return fail(refuse('empty-file', 'the file is empty'));
  if (isZip(bytes)) return readZip(bytes, options);
  if (isGzip(bytes)) return readArchive(bytes, options);
  if (startsWithImageMagic(bytes) || isOldImage(bytes)) {
    const image = await checkImage({ file: null, bytes, target: options.target ?? { image: 0, slot: 1 } }, options);
    return image.ok ? ok({ ...NOTHING, kind: 'image', images: [image.value] }) : image;
  }
  if (looksLikeIntelHex(bytes)) return readHex(bytes, options);
  if (bytes[0] === 0xd8 && bytes[1] === 0x6b) {
    return fail(refuse('suit-not-supported', 'the file is a SUIT envelope, which is recognised but not supported'));
  }
  if (hasHeaderRoom(bytes)) {
    if (options.acceptUnsigned) return ok({ ...NOTHING, kind: 'unsigned', images: [], warnings: [UNSIGNED] });
    return fail(refuse('bad-magic', `no MCUboot image: ${UNSIGNED}`, SIGN_IT));
  }
  const foreign = recogniseForeign(bytes);
  if (foreign === undefined) return fail(refuse('unknown-firmware', 'the file holds no firmware we know'));
  return fail(
    refuse('not-supported', `the file is ${foreign.name}, which is recognised but not supported`, foreign.hint),
  );
}

async function readZip(bytes: Uint8Array, options: ReadOptions): Promise<Result<PackageContents, MeshError>> {
  const zip = readUpdateZip(bytes, options.crypto);
  if (!zip.ok) return zip;
  const { files, manifest, meshFiles, entries, warnings } = zip.value;
  const { metadataFile } = options;
  if (metadataFile !== undefined && !meshFiles.some(({ name }) => name === metadataFile)) {
    const names = meshFiles.map(({ name }) => name).join(', ');
    const message = `the package holds no mesh metadata file "${printable(metadataFile)}"`;
    return fail(refuse('no-such-metadata', message, `It holds: ${printable(names === '' ? 'none' : names)}.`));
  }
  const checked: FirmwareImage[] = [];
  for (const file of files) {
    const image = await checkImage(file, options);
    if (!image.ok) return image;
    checked.push(image.value);
  }
  const { images, mesh, ambiguity } = assignMetadata(checked, meshFiles, metadataFile);
  const inconsistencies = [...checkImages(images, manifest.files), ...ambiguity];
  for (const image of images) if (image.mesh !== null) inconsistencies.push(...checkMeshMetadata(image.mesh, image));
  const { directXip, json } = manifest;
  return ok({
    ...NOTHING,
    kind: 'zip',
    images,
    entries,
    manifest: json,
    directXip,
    mesh,
    inconsistencies,
    warnings: [...warnings, ...loadAddressWarnings(images, manifest.files)],
  });
}

/** A Firmware Archive as a maker's server sends it [spec: firmware-check-https section 4]. */
async function readArchive(bytes: Uint8Array, options: ReadOptions): Promise<Result<PackageContents, MeshError>> {
  const archive = readFirmwareArchive(bytes);
  if (!archive.ok) return archive;
  const { imageFile, image: octets, metadata: encoded, firmwareId, manifest } = archive.value;
  const target = options.target ?? { image: 0, slot: 1 };
  const image = await checkImage({ file: imageFile, bytes: octets, target }, options);
  if (!image.ok) return image;
  const metadata = decodeFirmwareMetadata(encoded);
  const contents = { ...NOTHING, kind: 'archive', images: [image.value], manifest } as const;
  if (!metadata.ok) {
    const warning = `metadata ${toHex(encoded)} is not in Zephyr's form (${metadata.error.message}): it is left out`;
    return ok({ ...contents, warnings: [warning] });
  }
  const mesh = { ...NO_JSON, encoded, metadata: metadata.value, firmwareId };
  const images = [{ ...image.value, mesh }];
  return ok({ ...contents, images, mesh, inconsistencies: checkMeshMetadata(mesh, image.value) });
}

/** An archive holds the encoded metadata alone. */
const NO_JSON = {
  json: null,
  signVersion: null,
  binarySize: null,
  coreType: null,
  compositionHash: null,
  composition: null,
} as const;

async function readHex(bytes: Uint8Array, options: ReadOptions): Promise<Result<PackageContents, MeshError>> {
  const hex = parseIntelHex(bytes);
  if (!hex.ok) return hex;
  const found = findHexImage(hex.value.segments, options.hexAddress);
  if (!found.ok) {
    if (!(found.error instanceof MeshError)) return fail(imageMeshError(found.error, null));
    const unsigned = found.error.code === 'no-image' && options.acceptUnsigned;
    return unsigned
      ? ok({ ...NOTHING, kind: 'hex', images: [], hex: hex.value, warnings: [UNSIGNED] })
      : fail(found.error);
  }
  const target = options.target ?? { image: 0, slot: 1 };
  const image = await checkImage({ file: null, bytes: found.value.bytes, target }, options);
  if (!image.ok) return image;
  return ok({ ...NOTHING, kind: 'hex', images: [image.value], hex: hex.value, hexAddress: found.value.address });
}

function isZip(bytes: Uint8Array): boolean {
  const [p, k, third, fourth] = bytes;
  return p === 0x50 && k === 0x4b && ((third === 3 && fourth === 4) || (third === 5 && fourth === 6));
}

function isOldImage(bytes: Uint8Array): boolean {
  return bytes[0] === 0x3c && startsWithImageMagic(Uint8Array.of(0x3d, ...bytes.subarray(1, 4)));
}

/** Zephyr leaves room for the header: 512 zero octets where a signed image has one. */
function hasHeaderRoom(bytes: Uint8Array): boolean {
  return bytes.length > 512 && bytes.subarray(0, 512).every((octet) => octet === 0);
}

const UNSIGNED = 'this is an unsigned application without MCUboot header, which must not be uploaded';
const SIGN_IT = 'Give the signed file of the build (*.signed.bin), or make a package of it: meshferry fw make.';

function refuse(
  code: string,
  message: string,
  hint = 'Give a dfu_application.zip, a firmware archive, an MCUboot image or an Intel HEX.',
): MeshError {
  return new MeshError(code, message, { hint });
}
