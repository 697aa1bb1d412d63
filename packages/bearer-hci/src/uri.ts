import { readHostPort, readSerialPlace } from '@meshferry/byte-streams';
import { MeshError, type Result } from '@meshferry/core';

/** Where the controller is, and what the URI says besides. */
export type HciUri = { readonly options: ReadonlyMap<string, string> } & (
  | { readonly kind: 'serial'; readonly path: string; readonly baudRate: number; readonly flowControl: boolean }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
);

/** How the URIs of this bearer can look. */
export const URIS: readonly string[] = [
  'hci:serial:/dev/ttyACM0,1000000',
  'hci:tcp:127.0.0.1:9000',
  'hci:unix:/run/hci',
];

/** The rate of the HCI firmware of Zephyr on the boards of Nordic. */
const DEFAULT_BAUD_RATE = 1_000_000;

/**
 * Reads `hci:serial:PATH[,RATE]`, `hci:tcp:HOST:PORT` (an IPv6 address in brackets) or `hci:unix:PATH`, each with
 * `?key=value&…`; a rate left out is 1 000 000. Throws `bad-bearer-uri`. `flow=none` is for a serial port without RTS/CTS. Other
 * options are kept as they are: whoever knows one uses it (`peer` of SMP).
 */
export function parseHciUri(uri: string): HciUri {
  const [, kind, rest = ''] = /^hci:(serial|tcp|unix):(.+)$/s.exec(uri) ?? [];
  const query = rest.indexOf('?');
  const where = query < 0 ? rest : rest.slice(0, query);
  const options = query < 0 ? new Map<string, string>() : parseOptions(uri, rest.slice(query + 1));
  if (kind === 'serial') {
    const port = placeOf(uri, readSerialPlace(where, DEFAULT_BAUD_RATE));
    return { kind, options, ...port, flowControl: parseFlow(uri, options) };
  }
  if (kind === 'tcp') return { kind, options, ...placeOf(uri, readHostPort(where)) };
  if (kind === 'unix' && where !== '') return { kind, options, path: where };
  throw bad(uri, 'it names no serial port, TCP address or UNIX socket');
}

function placeOf<T>(uri: string, place: Result<T, string>): T {
  if (place.ok) return place.value;
  throw bad(uri, place.error);
}

function parseFlow(uri: string, options: ReadonlyMap<string, string>): boolean {
  const flow = options.get('flow') ?? 'rtscts';
  if (flow !== 'rtscts' && flow !== 'none') throw bad(uri, `flow is rtscts or none, not "${flow}"`);
  return flow === 'rtscts';
}

function parseOptions(uri: string, text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const part of text.split('&')) {
    const [, key, value] = /^([a-z][a-z-]*)=(.*)$/s.exec(part) ?? [];
    if (key === undefined || value === undefined) throw bad(uri, `"${part}" is not key=value`);
    options.set(key, value);
  }
  return options;
}

function bad(uri: string, reason: string): MeshError {
  return new MeshError('bad-bearer-uri', `cannot read the bearer "${uri}": ${reason}`, {
    hint: `Give one like ${URIS.join(', ')}.`,
  });
}
