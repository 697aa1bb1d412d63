import { type ByteStream, openSerial, openSocket } from '@meshferry/byte-streams';
import type { DongleUri } from './uri.ts';

/**
 * Opens what a URI names: a port without flow control, as frames and credits do without. Rejects with `bearer-unavailable`,
 * `bearer-permission`, `bearer-busy` or `bearer-failed`.
 */
export async function openStream(uri: DongleUri): Promise<ByteStream> {
  if (uri.kind !== 'serial') return openSocket(uri);
  return openSerial(uri.path, { baudRate: uri.baudRate, hangUp: true });
}
