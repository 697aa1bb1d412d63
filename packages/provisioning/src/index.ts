/**
 * Provisioning for Bluetooth Mesh 1.1: provisioner and device, over PB-ADV, PB-GATT and PB-Remote.
 *
 * @packageDocumentation
 */
export * from './auth-value.ts';
export * from './generic-provisioning-pdu.ts';
export * from './link.ts';
export type { AnnounceGround, LinkGround } from './link-rules.ts';
export * from './pb-adv.ts';
export * from './pb-adv-acceptor.ts';
export * from './pb-adv-pdu.ts';
export * from './pb-gatt.ts';
export * from './pb-gatt-acceptor.ts';
export * from './scanner.ts';
export * from './unprovisioned-service-data.ts';
