/**
 * SMP, the Simple Management Protocol of MCUmgr: client, server, and the update of MCUboot devices.
 *
 * @packageDocumentation
 */
export * from './transport.ts';
export { smpUpdateImages } from './update/update-images.ts';
export { discardSmpUpdate, unfinishedSmpUpdate } from './update/update-record.ts';
export * from './update/update-types.ts';
