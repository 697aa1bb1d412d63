/**
 * Network and transport layers of Bluetooth Mesh 1.1: encryption, relaying, replay protection, segmentation.
 *
 * @packageDocumentation
 */
export * from './contract.ts';
