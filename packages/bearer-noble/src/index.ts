/**
 * The Bluetooth of this computer as a bearer: proxy client, PB-GATT and SMP over `@abandonware/noble` or `@stoprocent/noble`,
 * which is installed beside this package and loaded when a bearer is opened.
 *
 * ```ts
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 * import { bearer } from '@meshferry/bearer-noble';
 *
 * const problem = await bearer.check();
 * if (problem !== null) throw problem;
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const radio = await bearer.open('noble:', ground);
 * radio.central?.discover([0x1828], ({ peer, rssi }) => console.log(peer, rssi));
 * ```
 *
 * @packageDocumentation
 */
export { bearer } from './plugin.ts';
export { type NobleUri, parseNobleUri } from './uri.ts';
