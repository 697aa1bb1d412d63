import { equal, toHex } from '@meshferry/core';
import {
  CoreType,
  compareVersions,
  digest,
  type FirmwareMetadata,
  formatVersion,
  ImageFlag,
  imageDependencies,
  isEncrypted,
  type McubootImage,
  type PublicKey,
  parseImage,
  type Version,
  verifyImageHash,
  verifySignature,
} from '@meshferry/firmware';
import type { McubootTargetOptions, TargetCore } from './mcuboot-target-options.ts';

/** Why a node would not take an image with such metadata; undefined when it would. */
export function metadataFault(
  metadata: FirmwareMetadata,
  running: Version,
  { slotSize, downgrade = true, core = 'application' }: McubootTargetOptions,
): string | undefined {
  if ((metadata.coreType & CoreType[core]) === 0) return `core type ${metadata.coreType} is not ${NAMES[core]}`;
  if (metadata.size > slotSize) return `${metadata.size} octets do not fit the slot of ${slotSize}`;
  if (!downgrade && compareVersions(metadata.version, running, { withBuild: true }) <= 0) {
    return 'the image is not newer than the running one';
  }
  return undefined;
}

/**
 * What makes an image unfit to run, or another one than its metadata say; undefined when nothing does. A file (`blob`) has no
 * form of its own: its digest is checked when the user data of the metadata are the 32 octets of a SHA-256.
 */
export function imageFault(
  octets: Uint8Array,
  metadata: FirmwareMetadata,
  options: McubootTargetOptions,
): string | undefined {
  if (options.core === 'blob') return fileFault(octets, metadata);
  const image = parseImage(octets);
  if (!image.ok) return image.error.message;
  // In packages that are in use they differ, and the firmware id follows the metadata. But then nobody knows what is newer.
  if (options.downgrade === false && compareVersions(image.value.version, metadata.version) !== 0) {
    return `the image is version ${formatVersion(image.value.version)}, the metadata say ${formatVersion(metadata.version)}`;
  }
  return bootFault(image.value, options) ?? signatureFault(image.value, options.trust ?? []);
}

/** What the bootloader would not run. */
function bootFault(image: McubootImage, { versionOf }: McubootTargetOptions): string | undefined {
  if (isEncrypted(image)) return 'the image is encrypted, and the device has no key for it';
  if ((image.flags & ImageFlag.nonBootable) !== 0) return 'the image is marked as not bootable';
  const hash = verifyImageHash(image);
  if (!hash.ok) return hash.error.message;
  const unmet = imageDependencies(image).find((dependency) => {
    const version = versionOf?.(dependency.image);
    return version === undefined || compareVersions(version, dependency.minVersion) < 0;
  });
  if (unmet === undefined) return undefined;
  return `the image needs version ${formatVersion(unmet.minVersion)} of image ${unmet.image}`;
}

function signatureFault(image: McubootImage, trust: readonly PublicKey[]): string | undefined {
  if (trust.length === 0) return undefined;
  const { state, keyHash } = verifySignature(image, trust);
  if (state === 'valid') return undefined;
  return `signature ${state}${keyHash === null ? '' : `, key hash ${toHex(keyHash.subarray(0, 8))}`}`;
}

function fileFault(octets: Uint8Array, { userData }: FirmwareMetadata): string | undefined {
  if (userData.length !== 32 || equal(digest('SHA256', octets), userData)) return undefined;
  return 'the SHA-256 of the file differs from that in the metadata';
}

const NAMES: Readonly<Record<TargetCore, string>> = {
  application: 'the application core',
  network: 'the network core',
  blob: 'an application-specific BLOB',
};
