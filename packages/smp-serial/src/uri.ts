import { type HostPort, readHostPort, readSerialPlace, type SerialPlace } from '@meshferry/byte-streams';
import { MeshError, type Result } from '@meshferry/core';

/** Where an SMP server is, and how it is spoken to. */
export type SmpSerialUri = {
  /** The place without options: how people know it. */
  readonly name: string;
  /** Packets without framing. */
  readonly raw: boolean;
  /** Pause of a line, ms; `auto`: as usual for such a port. */
  readonly pace: number | 'auto';
} & (({ readonly kind: 'serial'; readonly rtscts: boolean } & SerialPlace) | ({ readonly kind: 'tcp' } & HostPort));

/** How the URIs can look. */
export const URIS: readonly string[] = [
  'serial:/dev/ttyACM0',
  'serial:/dev/ttyUSB0,115200',
  'serial:/dev/ttyUSB0,1000000?rtscts',
  'serial:tcp:HOST:PORT',
];

/** The rate of Zephyr's and MCUboot's consoles. */
const DEFAULT_BAUD_RATE = 115_200;

/**
 * Reads `serial:PATH[,BAUD]` (115 200 baud without) or `serial:tcp:HOST:PORT` (an IPv6 address in brackets), with options after `?`
 * and `&` between them: `raw`, `rtscts` (of a port), `pace=MS` (`pace=none`, `pace=auto`). Throws `bad-smp-uri`.
 */
export function parseSmpSerialUri(uri: string): SmpSerialUri {
  const [, place = '', query] = /^serial:([^?]+)(?:\?(.*))?$/s.exec(uri) ?? [];
  if (place === '') throw bad(uri, 'it names no port');
  const { rtscts, ...options } = readOptions(uri, query);
  if (place.startsWith('tcp:')) {
    if (rtscts) throw bad(uri, 'rtscts is of serial ports only');
    return { kind: 'tcp', name: place, ...options, ...placeOf(uri, readHostPort(place.slice(4))) };
  }
  const port = placeOf(uri, readSerialPlace(place, DEFAULT_BAUD_RATE));
  return { kind: 'serial', name: port.path, rtscts, ...options, ...port };
}

function readOptions(uri: string, query: string | undefined): { raw: boolean; rtscts: boolean; pace: number | 'auto' } {
  let [raw, rtscts, pace]: [boolean, boolean, number | 'auto'] = [false, false, 'auto'];
  for (const option of query?.split('&') ?? []) {
    if (option === 'raw') raw = true;
    else if (option === 'rtscts') rtscts = true;
    else if (option.startsWith('pace=')) pace = readPace(uri, option.slice(5));
    else throw bad(uri, `"${option}" is none of raw, rtscts, pace=MS`);
  }
  return { raw, rtscts, pace };
}

function readPace(uri: string, text: string): number | 'auto' {
  if (text === 'auto') return 'auto';
  if (text === 'none') return 0;
  if (!/^\d{1,3}(\.\d+)?$/.test(text)) throw bad(uri, `pace is ms for a line, auto or none, not "${text}"`);
  return Number(text);
}

function placeOf<T>(uri: string, place: Result<T, string>): T {
  if (place.ok) return place.value;
  throw bad(uri, place.error);
}

function bad(uri: string, reason: string): MeshError {
  return new MeshError('bad-smp-uri', `cannot read "${uri}": ${reason}`, {
    hint: `Give one like ${URIS.join(', ')}.`,
  });
}
