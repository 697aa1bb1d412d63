/**
 * What a bearer is, and the wrappers that go round any of them: faults, capture, trace; and a small radio in memory for
 * tests and examples.
 *
 * ```ts
 * import { SeededRandom, VirtualClock } from '@meshferry/core';
 * import { AD_MESH_MESSAGE, memoryAir, withFaults, withTrace } from '@meshferry/bearer';
 *
 * const clock = new VirtualClock();
 * const random = new SeededRandom(1);
 * const air = memoryAir(clock, random, { loss: 0.05 });
 * const lossy = withFaults(air.join().advertising, clock, random, { duplication: 0.1 });
 * const traced = withTrace(lossy, (event) => console.log(event.kind, event.ad.data));
 * traced.receive([AD_MESH_MESSAGE], (heard) => console.log(heard.rssi));
 * ```
 *
 * @packageDocumentation
 */
export * from './air-time.ts';
export * from './bridge.ts';
export * from './capture.ts';
export * from './contract.ts';
export * from './faults.ts';
export * from './gatt.ts';
export * from './gatt-advertisement.ts';
export * from './gatt-closable.ts';
export * from './gatt-memory.ts';
export type { GattTraceEvent, TracedLink } from './gatt-trace.ts';
export * from './memory-air.ts';
export * from './pcap.ts';
export * from './plugin.ts';
export * from './reconnecting.ts';
export * from './registry.ts';
export * from './trace.ts';
export type { LinkSide } from './wrap-bearer.ts';
