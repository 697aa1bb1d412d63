/**
 * A USB dongle with the open Meshferry firmware as a bearer: PB-ADV and mesh advertising with exact times at the antenna, a
 * queue of PDUs on the dongle, a report of every transmission, and time and channel of everything heard.
 *
 * The firmware is part of the package, in the folder `firmware`: its protocol as a document (`PROTOCOL.md`), the portable core in
 * C, which all tests here run against, a dongle without hardware (`host/build.sh`: a process on a pseudo-terminal), and
 * a Zephyr application for the nRF52840 dongle, which has not been built or run on hardware yet.
 *
 * ```ts
 * import { AD_MESH_MESSAGE } from '@meshferry/bearer';
 * import { bearer } from '@meshferry/bearer-dongle';
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 *
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const dongle = await bearer.open('dongle:/dev/ttyACM1', ground);
 * dongle.advertising?.receive([AD_MESH_MESSAGE], ({ data, rssi }) => console.log(data, rssi));
 * ```
 *
 * @packageDocumentation
 */

export type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
export { type Dongle, type DongleOptions, openDongle } from './dongle.ts';
export type { DongleHeard } from './ears.ts';
export type { DongleInfo } from './messages.ts';
export { bearer } from './plugin.ts';
