/**
 * One Bluetooth Mesh node, composed: layers, models, store and bearers, and the jobs that apps share.
 *
 * @packageDocumentation
 */
export {};
