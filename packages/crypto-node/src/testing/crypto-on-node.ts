/**
 * `@meshferry/crypto` with node:crypto in the place of the portable backend: the project `on node:crypto` of
 * vitest.config.ts resolves the package to this file, so that the protocol's own vectors run on both backends.
 */
export * from '@meshferry/crypto';
export { nodeCrypto as portableCrypto } from '../node-crypto.ts';
