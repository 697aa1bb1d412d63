import { basename } from 'node:path';
import { toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  buildMetadata,
  CoreType,
  decodeFirmwareMetadata,
  encodeFirmwareId,
  type FirmwareImage,
  type FirmwarePackage,
  formatVersion,
} from '@meshferry/firmware';
import { readFirmwareFile } from '../firmware/read-file.ts';
import { badInput } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';

/** Options that say what goes over the air. */
export interface ImageFlags {
  readonly allowInconsistent?: boolean;
  readonly company?: number;
  readonly metadata?: Uint8Array;
  /** Image number, for a package with several. */
  readonly image?: number;
}

/** One image, ready to be sent. */
export interface UpdateImage {
  readonly bytes: Uint8Array;
  readonly metadata: Uint8Array;
  /** What the targets report when they run it. */
  readonly firmwareId: Uint8Array;
  /** What a person should know about the file, contradictions included. */
  readonly warnings: readonly string[];
}

/**
 * The image of a firmware file; given the company of the network it gets its mesh metadata: that of the package, or built
 * from the image header. Ends the command with exit code 2 for anything that must not be sent.
 */
export async function loadUpdateImage(
  io: Io,
  path: string,
  flags: ImageFlags,
): Promise<(company: number) => UpdateImage> {
  const pkg = await readFirmwareFile(io, path);
  const name = basename(path);
  refuseContradictions(name, pkg, flags);
  const image = chooseImage(name, pkg, flags.image);
  return (company) => ({ bytes: image.bytes, warnings: pkg.warnings, ...metadataOf(pkg, image, flags, company) });
}

/** What `dfu run --json` says of the image. */
export function describeUpdateImage(image: UpdateImage): Record<string, unknown> {
  const decoded = decodeFirmwareMetadata(image.metadata);
  return {
    size: image.bytes.length,
    sha256: toHex(portableCrypto.sha256(image.bytes)),
    firmwareId: toHex(image.firmwareId),
    metadata: { version: decoded.ok ? formatVersion(decoded.value.version) : null, encoded: toHex(image.metadata) },
    warnings: image.warnings,
  };
}

function refuseContradictions(name: string, { inconsistencies }: FirmwarePackage, flags: ImageFlags): void {
  if (inconsistencies.length === 0 || flags.allowInconsistent) return;
  const reasons = inconsistencies.map(({ message }) => message).join('; ');
  throw badInput(
    'inconsistent-package',
    `${name} contradicts itself: ${reasons}`,
    'Build the package again, or send it as it is with --allow-inconsistent.',
  );
}

function chooseImage(name: string, { images, directXip }: FirmwarePackage, wanted?: number): FirmwareImage {
  const numbers = [...new Set(images.map(({ target }) => target.image))].sort((a, b) => a - b);
  if (wanted === undefined && numbers.length > 1) {
    throw badInput(
      'several-images',
      `${name} holds images ${numbers.join(' and ')}, an update sends one`,
      `Say which with --image ${numbers[0]}.`,
    );
  }
  const found = images.filter(({ target }) => wanted === undefined || target.image === wanted);
  const [image] = found;
  if (image === undefined) {
    throw badInput(
      'no-such-image',
      `${name} holds no image ${wanted}, only ${numbers.join(', ')}`,
      `Give --image ${numbers[0]}.`,
    );
  }
  if (found.length > 1) {
    const files = found.map(({ file }) => file).join(' and ');
    throw badInput(
      directXip ? 'direct-xip' : 'several-builds',
      directXip
        ? `${name} holds a build for each slot (direct XIP)`
        : `${name} holds a build of image ${image.target.image} for each slot: ${files}`,
      'A mesh update cannot ask which slot is free: make a package of the build that fits.',
    );
  }
  return image;
}

function metadataOf(
  pkg: FirmwarePackage,
  image: FirmwareImage,
  flags: ImageFlags,
  defaultCompany: number,
): Pick<UpdateImage, 'metadata' | 'firmwareId'> {
  const company = flags.company ?? pkg.mesh?.composition?.data.cid ?? defaultCompany;
  const version = image.image.version;
  if (flags.metadata !== undefined) {
    const decoded = decodeFirmwareMetadata(flags.metadata);
    const promised = decoded.ok ? decoded.value.version : version;
    return { metadata: flags.metadata, firmwareId: encodeFirmwareId(company, promised) };
  }
  const { mesh } = image;
  // Where one metadata file describes one image, the others of a package come without.
  if (mesh !== null) {
    const { encoded, metadata, firmwareId } = mesh;
    const own = flags.company === undefined ? firmwareId : null;
    return { metadata: encoded, firmwareId: own ?? encodeFirmwareId(company, metadata.version) };
  }
  const coreType = image.target.image === 0 ? CoreType.application : CoreType.network;
  return buildMetadata({ version, size: image.size, company, coreType }, portableCrypto);
}
