/**
 * The security toolbox on node:crypto: constant-time AES for real keys.
 *
 * @packageDocumentation
 */
export {};
