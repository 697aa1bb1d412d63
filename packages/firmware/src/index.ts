/**
 * Firmware images and packages: MCUboot images, Intel HEX, update packages (`dfu_application.zip`), mesh metadata.
 *
 * Octets go in, values or typed errors come out; nothing here touches a disk or a clock, and no input makes it throw.
 *
 * ```ts
 * import { portableCrypto } from '@meshferry/crypto';
 * import { describePackage, readFirmwarePackage } from '@meshferry/firmware';
 *
 * const read = await readFirmwarePackage(bytes, { crypto: portableCrypto });
 * if (!read.ok) throw read.error; // code 'bad-crc', 'corrupt-image', 'signature-invalid', …
 * const { images, mesh, inconsistencies, warnings } = read.value;
 * images[0].bytes; // what goes on the air as the BLOB
 * mesh?.encoded; // and the metadata beside it
 * console.log(describePackage(read.value)); // what `fw inspect --json` prints
 * ```
 *
 * Whether the maker has something newer is asked over https, with limits on size, time, redirects and hosts:
 *
 * ```ts
 * import { checkFirmware, fetchFirmware } from '@meshferry/firmware';
 *
 * const access = { fetch, clock, allowedHosts: ['fw.example.com'] };
 * const offer = await checkFirmware('https://fw.example.com/lamp', current, access);
 * if (!offer.ok) throw offer.error; // code 'server-unreachable', 'certificate-refused', 'bad-answer', …
 * if (offer.value !== null) await fetchFirmware('https://fw.example.com/lamp', current, offer.value, access, portableCrypto);
 * ```
 *
 * @packageDocumentation
 */
export {
  ARCHIVE_LIMITS,
  type ArchiveAccess,
  type ArchiveLimits,
  type FetchBody,
  type FetchFunction,
  type FetchProgress,
  type FetchResponse,
  isLoopback,
  isPrivateHost,
} from './archive-access.ts';
export * from './composition.ts';
export { crc32 } from './crc32.ts';
export { describePackage } from './describe.ts';
export type { EcdsaKind } from './ecdsa-curve.ts';
export {
  type FirmwareArchive,
  type ReadArchive,
  readFirmwareArchive,
  writeFirmwareArchive,
} from './firmware-archive.ts';
export {
  checkFirmware,
  checkFirmwareChain,
  type FetchedFirmware,
  type FetchTrust,
  type FirmwareOffer,
  fetchFirmware,
} from './firmware-check.ts';
export * from './firmware-id.ts';
export * from './firmware-package.ts';
export { findHexApplication, findHexImage, type HexImage } from './hex-image.ts';
export * from './image.ts';
export * from './image-hash.ts';
export {
  autoSecurityCounter,
  buildImage,
  dependencyTlv,
  type ImageParts,
  type NewTlv,
  securityCounterTlv,
} from './image-writer.ts';
export * from './intel-hex.ts';
export type { Json, JsonObject } from './json.ts';
export * from './make.ts';
export type { ImageTarget } from './manifest.ts';
export { type CompositionHashes, hashComposition, type MeshMetadata } from './mesh-metadata.ts';
export * from './metadata.ts';
export { keyHash, type PublicKey, type PublicKeyKind, parsePublicKey } from './public-key.ts';
export { readFirmwarePackage } from './read-package.ts';
export { SAMPLE_KEYS } from './sample-keys.ts';
export * from './signature.ts';
export * from './signing-key.ts';
export * from './tlv.ts';
export { type TrailerMark, trailerMark } from './trailer.ts';
export {
  type FlagState,
  type MagicState,
  readTrailer,
  type SwapType,
  swapInfoOctet,
  TRAILER_FLAG_SET,
  type TrailerLayout,
  type TrailerShape,
  type TrailerState,
  trailerLayout,
  trailerMagic,
} from './trailer-layout.ts';
export * from './version.ts';
export * from './zip-directory.ts';
export * from './zip-reader.ts';
export * from './zip-writer.ts';
