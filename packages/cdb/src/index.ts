/**
 * Mesh Configuration Database documents: a Bluetooth Mesh network as JSON, read, checked, changed and written.
 *
 * ```ts
 * import { documentError, readNetworkDocument, touch, updateNode, writeNetworkDocument } from '@meshferry/cdb';
 *
 * const read = readNetworkDocument(text); // an export of nRF Mesh, mesh-cfgclient or Meshferry
 * if (!read.ok) throw documentError(read.error); // each fault with its JSON pointer
 *
 * const renamed = updateNode(read.value.document, 0x0200, { name: 'Hall lamp' });
 * const exported = writeNetworkDocument(touch(renamed, '2026-04-23T12:00:00Z')); // the rest as it came
 * ```
 *
 * @packageDocumentation
 */
export * from './addresses.ts';
export * from './forms.ts';
export type * from './model.ts';
export { type ReadDocument, type ReadOptions, readNetworkDocument, validateNetworkDocument } from './read.ts';
export { type DocumentIssue, documentError } from './report.ts';
export * from './write.ts';
