/**
 * Firmware images and packages: MCUboot, Intel HEX, update packages, mesh metadata.
 *
 * @packageDocumentation
 */
export * from './composition.ts';
export * from './firmware-id.ts';
export * from './image.ts';
export * from './image-hash.ts';
export * from './metadata.ts';
export { keyHash, type PublicKey, type PublicKeyKind, parsePublicKey } from './public-key.ts';
export { SAMPLE_KEYS } from './sample-keys.ts';
export * from './signature.ts';
export * from './tlv.ts';
export * from './version.ts';
