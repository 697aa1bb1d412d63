/**
 * Provisioning for Bluetooth Mesh 1.1: provisioner and device, over PB-ADV, PB-GATT and PB-Remote.
 *
 * The protocol runs over any {@link ProvisioningLink}; {@link pbAdv} and {@link pbGatt} open such links.
 *
 * ```ts
 * import { portableCrypto } from '@meshferry/crypto';
 * import { provisionDevice } from '@meshferry/provisioning';
 *
 * provisionDevice({ clock, random, crypto: portableCrypto }, link, {
 *   oob: { staticValue }, // from the device's label
 *   dataFor: ({ elements }) => ({ ...network, unicastAddress: reserveAddresses(elements) }),
 *   aboutToFinish: (node) => storePending(node), // from here on the device may be provisioned
 *   done: (outcome) => (outcome instanceof MeshError ? report(outcome) : storeNode(outcome)),
 * });
 * ```
 *
 * @packageDocumentation
 */
export type { OobValue } from './auth-value.ts';
export * from './capabilities.ts';
export * from './certificate.ts';
export * from './device.ts';
export * from './device-options.ts';
export * from './error-code.ts';
export * from './generic-provisioning-pdu.ts';
export type { ProvisioningGround } from './ground.ts';
export * from './link.ts';
export type { AnnounceGround, LinkGround } from './link-rules.ts';
export * from './pb-adv.ts';
export * from './pb-adv-acceptor.ts';
export * from './pb-adv-pdu.ts';
export * from './pb-gatt.ts';
export * from './pb-gatt-acceptor.ts';
export * from './pdu.ts';
export type { ProvisioningPduError } from './pdu-error.ts';
export * from './provisioner.ts';
export * from './provisioner-options.ts';
export type { ProvisioningData } from './provisioning-data.ts';
export { PROVISIONING_RECORDS } from './records.ts';
export type { RecordsReader } from './records-reader.ts';
export * from './scanner.ts';
export type { Authentication, ProvisioningStart } from './start.ts';
export * from './unprovisioned-service-data.ts';
