/**
 * BLOB Transfer over Bluetooth Mesh: server and client.
 *
 * @packageDocumentation
 */
export * from './arithmetic.ts';
export * from './capabilities.ts';
export { BlobClient } from './client.ts';
export * from './client-contract.ts';
export * from './constants.ts';
export * from './messages.ts';
export * from './missing-chunks.ts';
export { BlobServer } from './server.ts';
export * from './server-contract.ts';
export * from './sink.ts';
