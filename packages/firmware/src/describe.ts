import { toHex } from '@meshferry/core';
import { decodeFirmwareId } from './firmware-id.ts';
import type { FirmwareImage, FirmwarePackage } from './firmware-package.ts';
import { encryptionName, flagNames, hashedRegion, IMAGE_MAGIC, imageDependencies, securityCounter } from './image.ts';
import { digest } from './image-hash.ts';
import type { HexSegment } from './intel-hex.ts';
import type { Json, JsonObject } from './json.ts';
import type { MeshMetadata } from './mesh-metadata.ts';
import { type Tlv, tlvName } from './tlv.ts';
import { trailerMark } from './trailer.ts';
import { formatVersion, readVersion } from './version.ts';

/**
 * A package as one JSON object: what `fw inspect --json` prints. Byte strings are lower-case hex, sizes octets. Beside the
 * members that describe the contents there are `targets` (where each image goes and what its signature says),
 * `inconsistencies` and `warnings` (texts).
 */
export function describePackage(pkg: FirmwarePackage): JsonObject {
  return {
    kind: pkg.kind,
    size: pkg.size,
    sha256: toHex(pkg.sha256),
    ...describeContents(pkg),
    targets: pkg.images.map(describeTarget),
    inconsistencies: pkg.inconsistencies.map(({ message }) => message),
    warnings: [...pkg.warnings],
  };
}

function describeContents(pkg: FirmwarePackage): JsonObject {
  const [first] = pkg.images;
  if (pkg.kind === 'image' && first !== undefined) return { image: describeImage(first) };
  if (pkg.hex !== null) {
    const { recordTypes, start, segments } = pkg.hex;
    return {
      recordTypes: { ...recordTypes },
      start: start && [start[0], toHex(start[1])],
      segments: segments.map((segment) =>
        describeSegment(segment, segment.address === pkg.hexAddress ? first : undefined),
      ),
    };
  }
  if (pkg.kind !== 'zip' && pkg.kind !== 'archive') return {};
  return {
    entries: pkg.entries.map(({ name, size, crc32, method }) => ({
      name,
      size,
      crc32: crc32.toString(16).padStart(8, '0'),
      method,
    })),
    manifest: pkg.manifest,
    ...(pkg.mesh === null ? {} : { meshMetadata: pkg.mesh.json, meshMetadataDecoded: describeMesh(pkg.mesh) }),
    images: pkg.images.map((image) => ({
      file: image.file,
      size: image.size,
      sha256: toHex(image.sha256),
      ...describeImage(image),
    })),
  };
}

function describeMesh(mesh: MeshMetadata): JsonObject {
  const { metadata, composition } = mesh;
  return {
    decodedMetadata: {
      version: formatVersion(metadata.version),
      size: metadata.size,
      coreType: metadata.coreType,
      compositionHash: metadata.compositionHash ?? null,
      elements: metadata.elementCount ?? null,
      userData: toHex(metadata.userData),
    },
    decodedFirmwareId: mesh.firmwareId && describeFirmwareId(mesh.firmwareId),
    compositionBytesAsHashedByThePackager: composition && toHex(composition.packagerPage0),
    hashOfThose: composition?.packagerHash ?? null,
    compositionPage0WireOrder: composition && toHex(composition.page0),
    hashOfWireOrder: composition?.hash ?? null,
    compositionHashInJson: mesh.compositionHash,
  };
}

function describeFirmwareId(bytes: Uint8Array): Json {
  const id = decodeFirmwareId(bytes);
  if (!id.ok) return null;
  const { companyId, version } = id.value;
  return { companyId, version: version.length === 8 ? formatVersion(readVersion(version, 0)) : toHex(version) };
}

function describeSegment({ address, bytes }: HexSegment, image: FirmwareImage | undefined): Json {
  const segment = { address, length: bytes.length, sha256: toHex(digest('SHA256', bytes)) };
  return image === undefined ? segment : { ...segment, image: describeImage(image) };
}

function describeImage({ image, hashVerified, signature }: FirmwareImage): JsonObject {
  const { version } = image;
  return {
    magic: `0x${IMAGE_MAGIC.toString(16)}`,
    loadAddr: image.loadAddr,
    hdrSize: image.hdrSize,
    protectTlvSize: image.protectTlvSize,
    imgSize: image.imgSize,
    flags: image.flags,
    version: formatVersion(version),
    versionParts: [version.major, version.minor, version.revision, version.build],
    tlvAreaOffset: image.tlvAreaOffset,
    imageEnd: image.imageEnd,
    trailing: image.bytes.length - image.imageEnd,
    protectedTlvs: image.protectedTlvs.map(describeTlv),
    tlvs: image.tlvs.map(describeTlv),
    hashAlgorithm: image.hashAlgorithm,
    hash: toHex(image.hash),
    hashVerified,
    hashedLength: hashedRegion(image).length,
    signature: { publicKey: signature.key?.name ?? null, checked: [...signature.checked] },
  };
}

function describeTlv({ type, offset, value }: Tlv): Json {
  const hex = `0x${type.toString(16).padStart(2, '0')}`;
  return { type: hex, name: tlvName(type), offset, len: value.length, value: toHex(value) };
}

function describeTarget({ file, target, signature, image, mesh }: FirmwareImage): Json {
  return {
    file,
    image: target.image,
    slot: target.slot,
    signature: signature.state,
    keyHash: signature.keyHash && toHex(signature.keyHash),
    signatures: signature.signatures.map(({ kind, state, key, keyHash }) => ({
      kind,
      state,
      key: key?.name ?? null,
      keyHash: keyHash && toHex(keyHash),
    })),
    flags: flagNames(image),
    encryption: encryptionName(image),
    securityCounter: securityCounter(image) ?? null,
    dependencies: imageDependencies(image).map(({ image: number, minVersion }) => ({
      image: number,
      minVersion: formatVersion(minVersion),
    })),
    trailer: trailerMark(image) ?? null,
    metadata: mesh && toHex(mesh.encoded),
  };
}
