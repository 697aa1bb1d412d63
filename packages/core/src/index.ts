/**
 * Bytes, addresses, clock, random, errors, events, log and the store contract: the ground every Meshferry package
 * stands on. No I/O: time, chance and storage are handed in.
 *
 * ```ts
 * import { VirtualClock, SeededRandom, MemoryStore } from '@meshferry/core';
 *
 * const clock = new VirtualClock();
 * clock.after(1000, () => console.log('one simulated second later'));
 * clock.advance(1000);
 * ```
 *
 * @packageDocumentation
 */
export * from './addresses.ts';
export * from './bytes.ts';
export * from './clock.ts';
export * from './deadline.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './host.ts';
export * from './log.ts';
export * from './random.ts';
export * from './records.ts';
export * from './result.ts';
export * from './store.ts';
