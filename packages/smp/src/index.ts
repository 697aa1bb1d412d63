/**
 * SMP, the Simple Management Protocol of MCUmgr: client, server, and the update of MCUboot devices.
 *
 * @packageDocumentation
 */

export { type BleRouteOptions, bleRoute } from './ble/ble-route.ts';
export { type SmpBleOptions, SmpBleTransport } from './ble/ble-transport.ts';
export { SMP_SERVICE } from './ble/service.ts';
export { type CborMap, type CborValue, decodeMap, encodeIndefiniteMap, encodeMap } from './cbor.ts';
export type { MemberLayout } from './field.ts';
export { groupName, SmpGroup } from './groups.ts';
export type {
  Empty,
  RequestOf,
  ResponseOf,
  SmpAnswerError,
  SmpAnswerHeader,
  SmpCommand,
  SmpMalformed,
  SmpRefusedAnswer,
  SmpRequestHeader,
} from './message.ts';
export * from './messages/image.ts';
export * from './messages/os.ts';
export * from './packet.ts';
export type { SmpRefusal } from './refusal.ts';
export * from './transport.ts';
export { smpUpdateImages } from './update/update-images.ts';
export { discardSmpUpdate, unfinishedSmpUpdate } from './update/update-record.ts';
export * from './update/update-types.ts';
