/**
 * BLOB Transfer over Bluetooth Mesh: server and client.
 *
 * @packageDocumentation
 */
export {};
