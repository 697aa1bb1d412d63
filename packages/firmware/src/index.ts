/**
 * Firmware images and packages: MCUboot, Intel HEX, update packages, mesh metadata.
 *
 * @packageDocumentation
 */
export {};
