/**
 * Serial ports and sockets as one kind of byte stream: what a dongle, a controller and an SMP server are reached over.
 *
 * The package `serialport` is optional and loaded when a port is opened, not before.
 *
 * ```ts
 * import { openSerial } from '@meshferry/byte-streams';
 *
 * const port = await openSerial('/dev/ttyACM0', { baudRate: 115_200 });
 * port.listen({ data: (octets) => console.log(octets), ended: (reason) => console.log(reason.message) });
 * port.write(Uint8Array.of(0x0d));
 * ```
 *
 * @packageDocumentation
 */
export { openingError } from './opening-error.ts';
export { type HostPort, readHostPort, readSerialPlace, type SerialPlace } from './place.ts';
export { listSerialPorts, openSerial, type SerialOptions, type SerialPortInfo, serialProblem } from './serial.ts';
export { openSocket, type SocketPlace, socketStream } from './socket.ts';
export type { ByteStream, ByteStreamListener } from './stream.ts';
