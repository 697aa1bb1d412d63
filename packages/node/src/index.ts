/**
 * One Bluetooth Mesh node, composed: layers, models, store and bearers, and the jobs that apps share.
 *
 * ```ts
 * const role = updaterRole(ground);
 * const node = new MeshNode({ ...ground, address: 0x0001, keys, identity, elements: [{ location: 0, models: role.models }] });
 * node.attach(bearer.advertising);
 *
 * const job = new UpdateJob({ ...ground, role });
 * const report = await job.run({ image, metadata, firmwareId, targets: [0x0100], appIndex: 0 });
 * ```
 *
 * Or a whole network, as one of its provisioners has it:
 *
 * ```ts
 * const state = NetworkState.open(store) ?? createNetwork(store, { name: 'Home', provisioner: 'me', random, wallTime });
 * const network = new MeshNetwork({ ...ground, state, wallTime, models: role.models });
 * network.node.attach(bearer.advertising);
 *
 * const lamp = await network.provision({ uuid, bearer: pbAdv(ground, bearer.advertising) }).node;
 * await configureNode(network, 0x0002, { models: [{ model: 0x1402, bind: [0] }] });
 * ```
 *
 * @packageDocumentation
 */

export * from './adopt.ts';
export type { FoundationServerName, HealthOptions } from './foundation-models.ts';
export * from './https-retriever.ts';
export * from './image-slot.ts';
export type { ReprovisionWay } from './job-effects.ts';
export { blobCapabilitiesOf } from './job-mode.ts';
export type * from './job-record.ts';
export type { UndoStep } from './job-undo.ts';
export * from './key-refresh-job.ts';
export type { KeyRefreshStage } from './key-refresh-record.ts';
export * from './mcuboot-target.ts';
export * from './mesh-device.ts';
export * from './mesh-network.ts';
export * from './mesh-node.ts';
export { createNetwork, type ImportedNetwork, importNetwork, type NewNetworkOptions } from './network-begin.ts';
export { type HealthOptionsOfNode, type NodeHealth, nodeHealth } from './network-health.ts';
export type { PendingNode, PendingNodes, UncertainNode } from './network-pending.ts';
export type { ProvisionRequest } from './network-provision.ts';
export { NetworkState, type OwnIdentity } from './network-state.ts';
export * from './node-refresh.ts';
export type { RemoteOptions } from './node-remote.ts';
export * from './observed.ts';
export { Observer } from './observer.ts';
export { ANY_NODE, type ObserverKnowledge } from './observer-keys.ts';
export type { ObservedProvisioning, ProvisioningPduType } from './observer-provisioning.ts';
export * from './powered-clock.ts';
export { type ModelProfile, type NodeProfile, type PublishProfile, readProfile } from './profile.ts';
export { type ConfigureOptions, configureNode, requireKeysOfProfile } from './profile-apply.ts';
export { profileFor, profileOfNode } from './profile-of-node.ts';
export * from './roles.ts';
export * from './target-device.ts';
export * from './target-flash.ts';
export type { ForecastQuestion, UpdateForecast } from './update-forecast.ts';
export * from './update-job.ts';
export * from './update-job-types.ts';
