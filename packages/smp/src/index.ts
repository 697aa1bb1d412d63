/**
 * SMP, the Simple Management Protocol of MCUmgr: client, server, and the update of MCUboot devices.
 *
 * @packageDocumentation
 */
export * from './transport.ts';
