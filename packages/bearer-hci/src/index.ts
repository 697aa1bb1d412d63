/**
 * A Bluetooth controller as a bearer: HCI in H4 packets over a serial port, TCP or a UNIX socket.
 *
 * ```ts
 * import { AD_MESH_MESSAGE } from '@meshferry/bearer';
 * import { bearer } from '@meshferry/bearer-hci';
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 *
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const radio = await bearer.open('hci:serial:/dev/ttyACM0,1000000', ground);
 * radio.advertising?.receive([AD_MESH_MESSAGE], ({ rssi }) => console.log('a mesh message', rssi));
 * ```
 *
 * @packageDocumentation
 */

export type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
export { bearer } from './plugin.ts';
export { type HciUri, parseHciUri } from './uri.ts';
