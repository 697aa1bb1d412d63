/**
 * What a bearer is; how a plugin is found; what goes round any of them: faults, capture, trace, opening a lost radio again,
 * joining several; and a small radio in memory for tests and examples.
 *
 * ```ts
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 * import { AD_MESH_MESSAGE, pluginFor, reconnecting, withFaults, withTrace } from '@meshferry/bearer';
 *
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const plugin = await pluginFor('hci:unix:/run/hci', { plugins: [], importPackage: (name) => import(name) });
 * const radio = await reconnecting(() => plugin.open('hci:unix:/run/hci', ground), ground.clock);
 * const lossy = withFaults(radio, ground.clock, ground.random, { loss: 0.1 });
 * const traced = withTrace(lossy, (event) => console.log(event.kind));
 * traced.advertising?.receive([AD_MESH_MESSAGE], (heard) => console.log(heard.rssi));
 * ```
 *
 * A radio of your own: docs/bearer-plugins.md, and the suite of `@meshferry/bearer-testkit`.
 *
 * @packageDocumentation
 */
export * from './air-time.ts';
export * from './bridge.ts';
export * from './capture.ts';
export * from './contract.ts';
export * from './faults.ts';
export * from './find-device.ts';
export * from './gatt.ts';
export * from './gatt-advertisement.ts';
export * from './gatt-closable.ts';
export * from './gatt-errors.ts';
export * from './gatt-memory.ts';
export type { ConnectionEvents, MemoryLinkOptions } from './gatt-memory-link.ts';
export type { GattTraceEvent, TracedLink } from './gatt-trace.ts';
export * from './gatt-uuid.ts';
export * from './heard-devices.ts';
export * from './memory-air.ts';
export * from './pcap.ts';
export * from './plugin.ts';
export * from './reconnecting.ts';
export * from './registry.ts';
export * from './trace.ts';
export type { LinkSide } from './wrap-bearer.ts';
