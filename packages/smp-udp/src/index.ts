/**
 * SMP over UDP: a packet in each datagram, to port 1337 of a device, by IPv4 or IPv6; and a port that serves it.
 *
 * ```ts
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 * import { smpPlugin } from '@meshferry/smp-udp';
 *
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const route = smpPlugin.route('udp:192.0.2.1:1337', ground);
 * route.open((transport) => console.log(transport));
 * ```
 *
 * @packageDocumentation
 */
export { smpPlugin } from './plugin.ts';
export { type SmpUdpServer, type SmpUdpServerOptions, serveSmpUdp } from './server.ts';
export { parseSmpUdpUri, type SmpUdpUri } from './uri.ts';
