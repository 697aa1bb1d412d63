/**
 * SMP, the Simple Management Protocol of MCUmgr: client, server, and the update of MCUboot devices.
 *
 * @packageDocumentation
 */
export { type SmpBleOptions, SmpBleTransport } from './ble/ble-transport.ts';
export { SMP_SERVICE } from './ble/service.ts';
export * from './transport.ts';
export { smpUpdateImages } from './update/update-images.ts';
export { discardSmpUpdate, unfinishedSmpUpdate } from './update/update-record.ts';
export * from './update/update-types.ts';
