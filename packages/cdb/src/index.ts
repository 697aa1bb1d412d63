/**
 * Mesh Configuration Database documents: a Bluetooth Mesh network as JSON, read, checked and written.
 *
 * @packageDocumentation
 */
export {};
