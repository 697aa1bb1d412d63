/**
 * Provisioning for Bluetooth Mesh 1.1: provisioner and device, over PB-ADV, PB-GATT and PB-Remote.
 *
 * @packageDocumentation
 */
export * from './link.ts';
