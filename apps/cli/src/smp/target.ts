import { schemeOf } from '@meshferry/bearer';
import { badInput } from '../shell/exit.ts';

/** Which device a `--bearer` of the SMP commands means, and the radio to reach it by. */
export interface GattTarget {
  /** The URI of the radio alone. */
  readonly radio: string;
  /** A Bluetooth address in lower case, or the identifier that the platform gives. */
  readonly address?: string;
  /** What the device calls itself. */
  readonly name?: string;
}

/** Options of a URI that say which device is meant, not which radio. */
const DEVICE_OPTIONS = ['peer', 'name'];

/**
 * Reads `noble:ADDR`, and of any bearer with GATT the options `peer=ADDR` and `name=TEXT`: `hci:tcp:127.0.0.1:9000?peer=ADDR`.
 * Ends the command with exit code 2 when no device is named.
 */
export function parseGattTarget(uri: string): GattTarget {
  const [path = '', query = ''] = splitAt(uri.trim(), '?');
  const options = query === '' ? [] : query.split('&').map((part) => splitAt(part, '='));
  const ofDevice = (name: string) => options.find(([key]) => key === name)?.[1];
  const ofRadio = options.filter(([key = '']) => !DEVICE_OPTIONS.includes(key)).map((pair) => pair.join('='));
  // The one bearer whose path is the peer: one that meets other peers too is needed, for a device that changes its address.
  const isNoble = schemeOf(path) === 'noble';
  const address = (ofDevice('peer') ?? (isNoble ? path.slice('noble:'.length) : '')).toLowerCase();
  const name = decode(ofDevice('name') ?? '');
  if (address === '' && name === '') throw noDevice(uri);
  const radio = [isNoble ? 'noble:' : path, ...(ofRadio.length > 0 ? [ofRadio.join('&')] : [])].join('?');
  return { radio, ...(address !== '' && { address }), ...(name !== '' && { name }) };
}

/** Before and behind the first `mark`. */
function splitAt(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function noDevice(uri: string) {
  const example =
    schemeOf(uri) === 'noble' ? 'noble:C0:FF:EE:00:00:01' : `${uri.split('?', 1)[0]}?peer=C0:FF:EE:00:00:01`;
  return badInput(
    'no-device',
    `the bearer "${uri}" names no device`,
    `Give its address, such as ${example}, or its name (?name=…): "meshferry smp scan" shows who is there.`,
  );
}
