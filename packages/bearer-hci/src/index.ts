/**
 * A Bluetooth controller as a bearer: HCI in H4 packets over a serial port, TCP or a UNIX socket.
 *
 * ```ts
 * import { parseHciUri } from '@meshferry/bearer-hci';
 *
 * const where = parseHciUri('hci:serial:/dev/ttyACM0,1000000');
 * console.log(where.kind, where.options.get('peer'));
 * ```
 *
 * @packageDocumentation
 */
export type { ByteStream, ByteStreamListener } from './stream.ts';
export { type HciUri, parseHciUri } from './uri.ts';
