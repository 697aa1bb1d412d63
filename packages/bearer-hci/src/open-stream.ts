import { type ByteStream, openSerial, openSocket } from '@meshferry/byte-streams';
import type { HciUri } from './uri.ts';

/** Opens what a URI names. Rejects with `bearer-unavailable`, `bearer-permission`, `bearer-busy` or `bearer-failed`. */
export async function openStream(uri: HciUri): Promise<ByteStream> {
  if (uri.kind !== 'serial') return openSocket(uri);
  return openSerial(uri.path, { baudRate: uri.baudRate, rtscts: uri.flowControl });
}
