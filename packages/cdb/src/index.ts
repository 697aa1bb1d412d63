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
export { type Adoption, type AdoptionOptions, adoptNetwork } from './adopt.ts';
export type { Changes } from './change.ts';
export { createNetworkDocument, type NewNetwork, type OwnProvisioner, touch } from './create.ts';
export * from './exclusions.ts';
export * from './forms.ts';
export * from './groups.ts';
export type { Json, JsonObject } from './json.ts';
export * from './key-refresh.ts';
export {
  addAppKey,
  addNetKey,
  freeKeyIndex,
  type NewAppKey,
  type NewNetKey,
  removeAppKey,
  removeNetKey,
  renameAppKey,
  renameNetKey,
  requireAppKey,
  requireNetKey,
} from './keys.ts';
export type * from './model.ts';
export * from './model-records.ts';
export { addNodeAppKey, addNodeNetKey, removeNodeAppKey, removeNodeNetKey } from './node-keys.ts';
export {
  addNode,
  type NodeComposition,
  type ProvisionedDevice,
  provisionedNode,
  removeNode,
  replaceNode,
  requireNode,
  updateNode,
  withComposition,
} from './nodes.ts';
export { asItCame } from './origin.ts';
export { type ExportChoice, partialExport } from './partial-export.ts';
export {
  addProvisioner,
  cedeUnicastRange,
  newProvisioner,
  type RangeSizes,
  removeProvisioner,
  updateProvisioner,
} from './provisioners.ts';
export { type ReadDocument, type ReadOptions, readNetworkDocument, validateNetworkDocument } from './read.ts';
export { type DocumentIssue, documentError } from './report.ts';
export * from './scenes.ts';
export * from './write.ts';
