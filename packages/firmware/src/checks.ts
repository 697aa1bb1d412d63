import { equal, toHex } from '@meshferry/core';
import type { FirmwareImage, Inconsistency, InconsistencyCode } from './firmware-package.ts';
import { ImageFlag, imageDependencies, isCompressed, isEncrypted } from './image.ts';
import type { ManifestFile } from './manifest.ts';
import type { CompositionHashes, MeshMetadata } from './mesh-metadata.ts';
import { CoreType } from './metadata.ts';
import { printable } from './printable.ts';
import { SAMPLE_KEYS } from './sample-keys.ts';
import { type TrailerMark, trailerMark } from './trailer.ts';
import { compareVersions, formatVersion, parseVersion } from './version.ts';

/** What the manifest says about each image against what its header says [spec: firmware-packages section 4]. */
export function checkImages(images: readonly FirmwareImage[], files: readonly ManifestFile[]): Inconsistency[] {
  const found: Inconsistency[] = [];
  for (const [index, { file, version }] of files.entries()) {
    const stated = version === undefined ? undefined : parseVersion(version);
    const header = images[index]!.image.version;
    if (stated === undefined || (stated.ok && compareVersions(stated.value, header) === 0)) continue;
    const prefix = files.length === 1 ? '' : `${printable(file)}: `;
    found.push({
      code: 'manifest-version',
      message: `${prefix}manifest version ${stated.ok ? formatVersion(stated.value) : printable(version ?? '')}, image header ${formatVersion(header)}`,
    });
  }
  for (const { image } of images) {
    for (const { image: number, minVersion } of imageDependencies(image)) {
      const other = images.find(({ target }) => target.image === number)?.image.version;
      if (other === undefined || compareVersions(other, minVersion, { withBuild: false }) >= 0) continue;
      const needed = `image ${number} in version ${formatVersion(minVersion)}`;
      found.push({ code: 'dependency', message: `needs ${needed}, the package holds ${formatVersion(other)}` });
    }
  }
  return found;
}

/** The encoded metadata against the image and against the JSON beside it [spec: firmware-metadata section 5]. */
export function checkMeshMetadata(mesh: MeshMetadata, image: FirmwareImage): Inconsistency[] {
  const { metadata, composition } = mesh;
  const found: Inconsistency[] = [];
  const compare = (code: InconsistencyCode, what: string, inMetadata: unknown, elsewhere: string, there: unknown) => {
    if (inMetadata === there) return;
    found.push({ code, message: `metadata ${what} ${inMetadata}, ${elsewhere} ${there}` });
  };
  const version = formatVersion(metadata.version);
  compare('metadata-version', 'version', version, 'image header', formatVersion(image.image.version));
  if (mesh.signVersion !== null) {
    compare('metadata-version', 'version', version, 'JSON sign_version', formatVersion(mesh.signVersion));
  }
  compare('metadata-size', 'size', metadata.size, 'image file', image.size);
  if (mesh.binarySize !== null) compare('metadata-size', 'size', metadata.size, 'JSON binary_size', mesh.binarySize);
  if (mesh.coreType !== null) {
    compare('metadata-core-type', 'core type', metadata.coreType, 'JSON core_type', mesh.coreType);
  }
  if (metadata.compositionHash !== undefined && mesh.compositionHash !== null) {
    const [encoded, stated] = [hex32(metadata.compositionHash), hex32(mesh.compositionHash)];
    compare('metadata-composition-hash', 'composition hash', encoded, 'JSON composition_hash', stated);
  }
  if (metadata.elementCount !== undefined && composition !== null) {
    const elements = composition.data.elements.length;
    compare('metadata-elements', 'elements', metadata.elementCount, 'composition_data has', elements);
  }
  const id = mesh.firmwareId;
  if (id !== null && composition !== null) {
    const company = hex16(id[0]! | (id[1]! << 8));
    if (company !== hex16(composition.data.cid)) {
      const message = `firmware id ${toHex(id)} is of company ${company}, composition_data of ${hex16(composition.data.cid)}`;
      found.push({ code: 'firmware-id', message });
    }
  }
  if (id !== null && !(id.length === 10 && equal(id.subarray(2), mesh.encoded.subarray(0, 8)))) {
    found.push({ code: 'firmware-id', message: `firmware id ${toHex(id)}, metadata version ${version}` });
  }
  return found;
}

/** What a user should know about mesh metadata although nothing contradicts anything. */
export function meshMetadataWarnings({ metadata, compositionHash, composition }: MeshMetadata): string[] {
  const warnings: string[] = [];
  if ((metadata.coreType & CoreType.application) === 0) {
    warnings.push(
      `metadata core type ${metadata.coreType} has no application bit: Targets that check it refuse the image`,
    );
  }
  if (composition === null) return warnings;
  const stated = new Set([metadata.compositionHash, compositionHash].filter((hash) => hash != null));
  stated.delete(composition.hash);
  return [...warnings, ...[...stated].map((hash) => wrongHash(hash, composition))];
}

/** In words why a hash is not the one that a node computes. */
function wrongHash(stated: number, { hash, packagerHash }: CompositionHashes): string {
  const node = `a node with this composition computes ${hex32(hash)}`;
  return stated === packagerHash
    ? `composition hash ${hex32(stated)} was made with vendor models written model id first (known error of the packager), ${node}: Targets will see a changed composition`
    : `composition hash ${hex32(stated)} fits composition_data in neither byte order (another key?), ${node}`;
}

/** A build for one slot must lie where the manifest says: slot start (of the header) + header size. */
export function loadAddressWarnings(images: readonly FirmwareImage[], files: readonly ManifestFile[]): string[] {
  return files.flatMap(({ file, loadAddress }, index) => {
    const { flags, loadAddr, hdrSize } = images[index]!.image;
    if (loadAddress === undefined || (flags & ImageFlag.romFixed) === 0 || loadAddress === loadAddr + hdrSize)
      return [];
    const [stated, built] = [loadAddress, loadAddr + hdrSize].map((address) => `0x${address.toString(16)}`);
    return [`${printable(file)}: manifest load_address ${stated}, the image is built for ${built}`];
  });
}

/** What a user should know about one image: signature, encryption, what it depends on. */
export function imageWarnings(
  { file, image, signature, hashVerified }: FirmwareImage,
  present: readonly number[],
): string[] {
  const name = printable(file ?? 'the image');
  const warnings: string[] = [];
  const { state, keyHash } = signature;
  if (!hashVerified) warnings.push(`${name} is encrypted: its hash and signature cannot be checked without the key`);
  else if (isEncrypted(image)) warnings.push(`${name} is made for encryption, but its payload is in the clear`);
  if (isCompressed(image))
    warnings.push(`${name} is compressed: the bootloader of the device must be able to unpack it`);
  if ((image.flags & ImageFlag.nonBootable) !== 0) warnings.push(`${name} is marked as not bootable`);
  const mark = trailerMark(image);
  if (mark !== undefined) {
    warnings.push(`${name} is padded with a trailer (${TRAILERS[mark]}): sending it sets the state of the slot too`);
  }
  if (state === 'unsigned') warnings.push(`${name} is not signed`);
  const signer = keyHash === null ? 'a key that it does not name' : `an unknown key, key hash ${toHex(keyHash)}`;
  if (state === 'unknown-key') warnings.push(`${name} is signed with ${signer}`);
  for (const { key } of signature.signatures) {
    if (key === null || !SAMPLE_KEYS.some(({ spki }) => equal(spki, key.spki))) continue;
    warnings.push(
      `${name} is signed with the sample key ${key.name}, which everybody has: for development devices only`,
    );
  }
  if (signature.signatures.some(({ kind }) => kind === 'ECDSA P-224')) {
    warnings.push(`${name} has a signature by ECDSA P-224, which current bootloaders do not take`);
  }
  for (const { image: number, minVersion } of imageDependencies(image)) {
    if (present.includes(number)) continue;
    warnings.push(`${name} needs image ${number} in version ${formatVersion(minVersion)} on the device`);
  }
  return warnings;
}

const TRAILERS: Readonly<Record<TrailerMark, string>> = { test: 'to be tested', confirmed: 'confirmed' };

function hex16(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
