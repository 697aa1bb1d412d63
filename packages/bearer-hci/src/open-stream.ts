import type { ByteStream } from './stream.ts';
import { openSerial } from './stream-serial.ts';
import { openSocket } from './stream-socket.ts';
import type { HciUri } from './uri.ts';

/** Opens what a URI names. Rejects with `bearer-unavailable`, `bearer-permission`, `bearer-busy` or `bearer-failed`. */
export async function openStream(uri: HciUri): Promise<ByteStream> {
  switch (uri.kind) {
    case 'serial':
      return openSerial(uri.path, uri.baudRate, uri.flowControl);
    case 'tcp':
      return openSocket({ host: uri.host, port: uri.port });
    case 'unix':
      return openSocket({ path: uri.path });
  }
}
