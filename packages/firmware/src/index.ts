/**
 * Firmware images and packages: MCUboot, Intel HEX, update packages, mesh metadata.
 *
 * @packageDocumentation
 */
export * from './composition.ts';
export { describePackage } from './describe.ts';
export * from './firmware-id.ts';
export * from './firmware-package.ts';
export * from './image.ts';
export * from './image-hash.ts';
export * from './intel-hex.ts';
export type { Json } from './json.ts';
export type { ImageTarget } from './manifest.ts';
export { type CompositionHashes, hashComposition, type MeshMetadata } from './mesh-metadata.ts';
export * from './metadata.ts';
export { keyHash, type PublicKey, type PublicKeyKind, parsePublicKey } from './public-key.ts';
export { readFirmwarePackage } from './read-package.ts';
export { SAMPLE_KEYS } from './sample-keys.ts';
export * from './signature.ts';
export * from './tlv.ts';
export * from './version.ts';
export * from './zip-directory.ts';
export * from './zip-reader.ts';
export * from './zip-writer.ts';
