import { readHostPort, readSerialPlace } from '@meshferry/byte-streams';
import { MeshError, type Result } from '@meshferry/core';

/** Where the dongle is, and with what power it transmits. */
export type DongleUri = {
  /** The place without options: how people know it. */
  readonly name: string;
  /** dBm. */
  readonly power: number | undefined;
} & (
  | { readonly kind: 'serial'; readonly path: string; readonly baudRate: number }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
);

/** How the URIs of this bearer can look. */
export const URIS: readonly string[] = ['dongle:/dev/ttyACM1', 'dongle:/dev/ttyUSB0,1000000', 'dongle:tcp:HOST:PORT'];

/** USB takes no notice of it; a UART is faster than the air with it. */
const DEFAULT_BAUD_RATE = 1_000_000;

/**
 * Reads `dongle:PATH[,RATE]`, `dongle:tcp:HOST:PORT` (an IPv6 address in brackets) or `dongle:unix:PATH`, each with `?power=DBM`.
 * A rate left out is 1 000 000 baud. Throws `bad-bearer-uri`.
 */
export function parseDongleUri(uri: string): DongleUri {
  const [, name = '', query] = /^dongle:([^?]+)(?:\?(.*))?$/s.exec(uri) ?? [];
  if (name === '') throw bad(uri, 'it names no port');
  const common = { name, power: query === undefined ? undefined : parsePower(uri, query) };
  if (name.startsWith('tcp:')) return { ...common, kind: 'tcp', ...placeOf(uri, readHostPort(name.slice(4))) };
  if (name.startsWith('unix:')) {
    if (name.length === 5) throw bad(uri, 'the path of the socket is missing');
    return { ...common, kind: 'unix', path: name.slice(5) };
  }
  const port = placeOf(uri, readSerialPlace(name, DEFAULT_BAUD_RATE));
  return { ...common, kind: 'serial', name: port.path, ...port };
}

function placeOf<T>(uri: string, place: Result<T, string>): T {
  if (place.ok) return place.value;
  throw bad(uri, place.error);
}

function parsePower(uri: string, query: string): number {
  const [, dbm] = /^power=(-?\d{1,3})$/.exec(query) ?? [];
  if (dbm === undefined || Number(dbm) < -127 || Number(dbm) > 126) throw bad(uri, `"${query}" is not power=DBM`);
  return Number(dbm);
}

function bad(uri: string, reason: string): MeshError {
  return new MeshError('bad-bearer-uri', `cannot read the bearer "${uri}": ${reason}`, {
    hint: `Give one like ${URIS.join(', ')}.`,
  });
}
