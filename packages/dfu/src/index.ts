/**
 * Device Firmware Update over Bluetooth Mesh: Target, Distributor and Initiator.
 *
 * @packageDocumentation
 */
export {};
