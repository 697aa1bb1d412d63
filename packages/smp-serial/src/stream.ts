import { type ByteStream, openSerial, openSocket } from '@meshferry/byte-streams';
import type { SmpSerialUri } from './uri.ts';

/** The line that a URI names. Rejects as `openSerial` and `openSocket` do. */
export function openStream(uri: SmpSerialUri): Promise<ByteStream> {
  if (uri.kind === 'tcp') return openSocket({ host: uri.host, port: uri.port });
  return openSerial(uri.path, { baudRate: uri.baudRate, rtscts: uri.rtscts });
}
