/**
 * The conformance suite that every bearer runs, our own and that of a plugin's author: discovery, delivery, order,
 * completion, cancelling, floods, disconnects, closing and opening again, what is left behind, and what the bearer claims.
 * It runs in any test runner, in virtual or in real time.
 *
 * ```ts
 * import { describe, it } from 'node:test';
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 * import { countingClock, describeBearer, waiting } from '@meshferry/bearer-testkit';
 * import { bearer } from './index.ts';
 *
 * const clock = hostClock(globalThis);
 * describeBearer({ describe, it }, 'my bearer', {
 *   advertising: { isLossy: true, jitterMs: 20 },
 *   make: () => {
 *     const counting = countingClock(clock);
 *     const ground = { clock: counting, random: hostRandom(globalThis.crypto), log: silent };
 *     return { clock, counting, pass: waiting(clock), open: () => bearer.open('mine:', ground) };
 *   },
 *   leftovers: ({ counting }) => counting.waiting,
 * });
 * ```
 *
 * @packageDocumentation
 */
export * from './counting-clock.ts';
export * from './subject.ts';
export * from './suite.ts';
