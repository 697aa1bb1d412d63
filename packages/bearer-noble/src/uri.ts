import { MeshError } from '@meshferry/core';

/** The packages that this bearer can stand on, by the name that they have in a URI. */
export const LIBRARIES = { abandonware: '@abandonware/noble', stoprocent: '@stoprocent/noble' } as const;

export type LibraryName = keyof typeof LIBRARIES;

/** What a URI of this bearer says. */
export interface NobleUri {
  /** The only peer to be used: its address in lower case, or the identifier that the platform gives it. */
  readonly peer?: string;
  /** Left out: whichever is installed, `abandonware` first. */
  readonly lib?: LibraryName;
  /** Number of the adapter on Linux: 1 for `hci1`. Left out: the first one that is up. */
  readonly device?: number;
}

/** How the URIs of this bearer can look. */
export const URIS: readonly string[] = [
  'noble:',
  'noble:C0:FF:EE:00:00:01',
  'noble:?lib=stoprocent',
  'noble:?device=1',
];

const ADDRESS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/** CoreBluetooth shows no addresses but identifiers of its own. */
const IDENTIFIER = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/;

/** Reads `noble:[PEER][?key=value&…]` with the keys `lib` and `device`. Throws `bad-bearer-uri`. */
export function parseNobleUri(uri: string): NobleUri {
  const [, where, query] = /^noble:([^?]*)(?:\?(.*))?$/s.exec(uri.trim()) ?? [];
  if (where === undefined) throw bad(uri, 'it does not begin with "noble:"');
  const peer = where.toLowerCase();
  if (peer !== '' && !ADDRESS.test(peer) && !IDENTIFIER.test(peer))
    throw bad(uri, `"${where}" is no Bluetooth address`);
  return { ...(peer === '' ? {} : { peer }), ...(query === undefined ? {} : parseOptions(uri, query)) };
}

function parseOptions(uri: string, text: string): Omit<NobleUri, 'peer'> {
  let options: Omit<NobleUri, 'peer'> = {};
  for (const part of text.split('&')) {
    const [, key, value = ''] = /^([a-z]+)=(.*)$/s.exec(part) ?? [];
    if (key === 'lib' && Object.hasOwn(LIBRARIES, value)) options = { ...options, lib: value as LibraryName };
    else if (key === 'device' && /^\d{1,3}$/.test(value)) options = { ...options, device: Number(value) };
    else throw bad(uri, `"${part}" is not one of lib=abandonware, lib=stoprocent, device=NUMBER`);
  }
  return options;
}

function bad(uri: string, reason: string): MeshError {
  return new MeshError('bad-bearer-uri', `cannot read the bearer "${uri}": ${reason}`, {
    hint: `Give one like ${URIS.join(', ')}.`,
  });
}
