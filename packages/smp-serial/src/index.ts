/**
 * SMP over a serial line: packets as lines of a console (base64, CRC-16) beside shell text and logs, or raw, over a serial port,
 * a pseudo-terminal or TCP; for both ends.
 *
 * ```ts
 * import { hostClock, hostRandom, silent } from '@meshferry/core';
 * import { smpPlugin } from '@meshferry/smp-serial';
 *
 * const ground = { clock: hostClock(globalThis), random: hostRandom(globalThis.crypto), log: silent };
 * const route = smpPlugin.route('serial:/dev/ttyACM0,115200', ground);
 * route.open((transport) => console.log(transport));
 * ```
 *
 * @packageDocumentation
 */
export { CONSOLE_LINE, CONSOLE_PACKET_MAX, type ConsoleLineOptions, encodeConsoleLines } from './console-lines.ts';
export { ConsoleReader, type ConsoleSink } from './console-reader.ts';
export { crc16 } from './crc16.ts';
export type { SerialPace } from './line-sender.ts';
export { smpPlugin } from './plugin.ts';
export { type SmpSerialOptions, SmpSerialTransport } from './transport.ts';
export { parseSmpSerialUri, type SmpSerialUri } from './uri.ts';
