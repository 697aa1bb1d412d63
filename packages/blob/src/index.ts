/**
 * BLOB Transfer over Bluetooth Mesh: moves up to 4 GiB of any content to many nodes at once, to a group or virtual address
 * with repair of what each one missed, or by unicast; goes on after a suspension, a crash or a power cut where it stopped.
 * `examples/send-picture` is a whole program.
 *
 * ```ts
 * import { BlobClient, BlobServer, sourceOf } from '@meshferry/blob';
 *
 * // On a target: wait for the BLOB; its blocks go to the sink.
 * const server = new BlobServer({ clock, store });
 * access.addElement(0, [server.model]);
 * server.expect(blobId, { ttl: 5, timeoutBase: 3, sink, events: { complete, suspended, failed } });
 *
 * // On the sender: one transfer to all receivers.
 * const client = new BlobClient({ clock, random, store });
 * const receivers = [{ address: 0x0100 }, { address: 0x0101 }];
 * const to = { receivers, group: 0xc000, appIndex: 0, ttl: 5, timeoutBase: 3 };
 * client.start({ blobId, source: sourceOf(image), ...to }, (event) => {
 *   if (event.type === 'progress') console.log(`${event.percent} %`);
 * });
 * ```
 *
 * @packageDocumentation
 */
export * from './arithmetic.ts';
export * from './capabilities.ts';
export { BlobClient } from './client.ts';
export * from './client-contract.ts';
export type { BlobInquiryAnswer, BlobInquiryParameters } from './client-inquiry.ts';
export * from './constants.ts';
export * from './message-list.ts';
export * from './messages.ts';
export * from './missing-chunks.ts';
export type * from './outlook.ts';
export { BlobServer } from './server.ts';
export * from './server-contract.ts';
export * from './sink.ts';
export { planTransfer, type TransferPlan, type TransferQuestion } from './transfer-plan.ts';
