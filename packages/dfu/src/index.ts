/**
 * Device Firmware Update over Bluetooth Mesh: Target, Distributor and Initiator.
 *
 * ```ts
 * const blob = new BlobClient({ clock, random });
 * const client = new FirmwareUpdateClient({ clock, random, blob, store });
 * access.addElement(0, [blob.model, client.model]);
 *
 * client.update(
 *   { receivers: [{ address: 0x0100, imageIndex: 0 }], appIndex: 0, ttl: 5, timeoutBase: 3, blobId, metadata, firmwareId, source, policy: 'apply' },
 *   (event) => console.log(event.type),
 * );
 * ```
 *
 * @packageDocumentation
 */
export * from './distribution-client.ts';
export * from './distribution-codes.ts';
export * from './distribution-image-messages.ts';
export * from './distribution-initiator.ts';
export * from './distribution-initiator-oob.ts';
export * from './distribution-initiator-upload.ts';
export * from './distribution-message-list.ts';
export * from './distribution-messages.ts';
export {
  type OobFirmware,
  type OobOffer,
  type OobRefusal,
  type OobRequest,
  type OobRetriever,
  type OobVerdict,
  UriScheme,
  type UriSchemeName,
} from './distribution-oob.ts';
export { listedReceiverError } from './distribution-receiver-error.ts';
export * from './distribution-receivers-messages.ts';
export * from './distribution-server.ts';
export * from './distribution-server-options.ts';
export * from './distribution-watch.ts';
export * from './firmware-update-messages.ts';
export * from './own-image.ts';
export * from './radio-probe.ts';
export * from './slot-store.ts';
export * from './target.ts';
export * from './target-application.ts';
export * from './target-composite.ts';
export * from './update-client.ts';
export * from './update-codes.ts';
export { refusedError } from './update-errors.ts';
export * from './update-types.ts';
