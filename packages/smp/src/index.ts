/**
 * SMP, the Simple Management Protocol of MCUmgr: client, server, and the update of MCUboot devices.
 *
 * ```ts
 * import { hostClock } from '@meshferry/core';
 * import { SMP_SERVICE, SmpBleTransport, SmpClient } from '@meshferry/smp';
 *
 * const clock = hostClock(globalThis);
 * central.connect(peer, SMP_SERVICE, async (link) => {
 *   if (link instanceof Error) throw link;
 *   const client = new SmpClient(new SmpBleTransport(link, clock, { side: 'client' }), clock);
 *   const { images } = await client.image.list();
 *   await client.image.upload(bytes, { onProgress: ({ offset, total }) => console.log(offset / total) });
 *   await client.image.test(hash); // of the image, see `readFirmwarePackage` of @meshferry/firmware
 *   await client.os.reset();
 * });
 * ```
 *
 * @packageDocumentation
 */

export { type BleRouteOptions, bleRoute } from './ble/ble-route.ts';
export { type SmpBleOptions, SmpBleTransport } from './ble/ble-transport.ts';
export { SMP_SERVICE } from './ble/service.ts';
export { BOOT_MODES, type BootMode } from './bootloader/boot-mode.ts';
export {
  Bootloader,
  type BootloaderOptions,
  type BootResult,
  type FlashMap,
  type RunningImage,
} from './bootloader/bootloader.ts';
export { Flash, FlashArea, type FlashFaults, type FlashShape, PowerLoss } from './bootloader/flash.ts';
export type { Trust } from './bootloader/slot-image.ts';
export { swapTypeOf } from './bootloader/swap-type.ts';
export { type CborMap, type CborValue, decodeMap, encodeIndefiniteMap, encodeMap } from './cbor.ts';
export type { SmpCapacity, SmpLimitOptions, SmpLimits } from './client/capacity.ts';
export { SmpClient } from './client/client.ts';
export type * from './client/client-types.ts';
export { isRefusal, SmpRefusedError, wantsReconnect } from './client/errors.ts';
export type { FileClient } from './client/groups/file-client.ts';
export type { ImageClient } from './client/groups/image-client.ts';
export type { OsClient } from './client/groups/os-client.ts';
export type * from './client/groups/small-clients.ts';
export { type AnySmpCommand, SMP_COMMANDS, smpCommandOf } from './commands.ts';
export { commandName, describePacket, describePackets } from './describe.ts';
export {
  type DeviceSnapshot,
  type DeviceSpeaker,
  McubootDevice,
  type McubootDeviceListener,
  type McubootDeviceOptions,
} from './device/mcuboot-device.ts';
export { explainPacket, type PacketExplanation, type PacketFault, type PacketFaultKind } from './explain.ts';
export type { Layout, MemberLayout, TextKind } from './field.ts';
export { groupName, SmpGroup } from './groups.ts';
export {
  answerHeader,
  type Empty,
  type RequestOf,
  type ResponseOf,
  type SmpAnswerError,
  type SmpAnswerHeader,
  type SmpCommand,
  type SmpMalformed,
  type SmpRefusedAnswer,
  type SmpRequestHeader,
} from './message.ts';
export * from './messages/basic.ts';
export * from './messages/enumeration.ts';
export * from './messages/file-system.ts';
export * from './messages/image.ts';
export * from './messages/log.ts';
export * from './messages/os.ts';
export * from './messages/settings.ts';
export * from './messages/shell.ts';
export * from './messages/statistics.ts';
export * from './packet.ts';
export { describeRefusal, type SmpRefusal } from './refusal.ts';
export { type CodeWords, groupCodes, SMP_CODES, SmpCode } from './refusal-tables.ts';
export { sanitise } from './sanitise.ts';
export { ServerFiles, type ServerFilesOptions } from './server/files.ts';
export type { ImageHost, ImageSlot, NextBoot } from './server/image-host.ts';
export type { PersonalityName } from './server/personality.ts';
export {
  answer,
  answerMap,
  type GroupError,
  groupError,
  type Handler,
  handle,
  layerError,
  type Reply,
  type Work,
} from './server/reply.ts';
export { every, type Nth, only, type SmpServerFaults } from './server/server-faults.ts';
export type {
  BootloaderFacts,
  DayClock,
  ImageGroupOptions,
  OsFacts,
  ServerTiming,
  SmpServerOptions,
} from './server/server-options.ts';
export { ServerSettings, type ServerSettingsOptions } from './server/settings-store.ts';
export { type ServerSnapshot, SmpServer } from './server/smp-server.ts';
export { simpleRoute } from './simple-route.ts';
export * from './transport.ts';
export * from './update/plan-types.ts';
export * from './update/update-error-codes.ts';
export { smpUpdateImages } from './update/update-images.ts';
export { createSmpUpdate } from './update/update-job.ts';
export { discardSmpUpdate, unfinishedSmpUpdate } from './update/update-record.ts';
export * from './update/update-types.ts';
export { downloadFile, type FileDownloadOptions } from './upload/file-download.ts';
export { type FileUploadOptions, startFileUpload } from './upload/file-upload.ts';
export { type ImageUploadOptions, startImageUpload, uploadImage } from './upload/image-upload.ts';
export type { ProgressOptions, TransferProgress } from './upload/progress.ts';
export type { SmpUpload, SmpUploadOptions, SmpUploadReport } from './upload/upload.ts';
