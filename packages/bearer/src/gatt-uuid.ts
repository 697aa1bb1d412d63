import type { GattUuid } from './gatt.ts';

/** 0000xxxx-0000-1000-8000-00805F9B34FB on the wire; xxxx are octets 12 and 13. */
const BASE = Uint8Array.of(0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0, 0, 0, 0);
const SHORT_AT = 12;

/** The octets of a UUID on the wire: 2 or 16, least significant first. */
export function gattUuidOctets(uuid: GattUuid): Uint8Array {
  if (typeof uuid === 'number') return Uint8Array.of(uuid & 0xff, uuid >> 8);
  const digits = uuid.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(30 - 2 * i, 32 - 2 * i), 16));
}

/** The reverse, of 2 or 16 octets; a 16-bit UUID that is written in 16 octets is a number all the same. */
export function gattUuidOf(octets: Uint8Array): GattUuid {
  if (octets.length === 2) return octets[0]! | (octets[1]! << 8);
  const isShort = BASE.every((octet, i) => i === SHORT_AT || i === SHORT_AT + 1 || octet === octets[i]);
  if (isShort) return octets[SHORT_AT]! | (octets[SHORT_AT + 1]! << 8);
  const digits = Array.from(octets, (octet) => octet.toString(16).padStart(2, '0'))
    .reverse()
    .join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Reads a UUID as people and libraries write it: up to 4 hexadecimal digits, or 32 with dashes or without. Undefined for
 * anything else.
 */
export function parseGattUuid(text: string): GattUuid | undefined {
  const digits = text.replaceAll('-', '');
  if (/^(0x)?[0-9a-f]{1,4}$/i.test(digits)) return Number.parseInt(digits.replace(/^0x/i, ''), 16);
  return /^[0-9a-f]{32}$/i.test(digits) ? gattUuidOf(gattUuidOctets(digits)) : undefined;
}

/** As people read it: `1828` or `8d53dc1d-1db7-4cd3-868b-8a527460aa84`. */
export function printGattUuid(uuid: GattUuid): string {
  return typeof uuid === 'number' ? uuid.toString(16).padStart(4, '0') : uuid.toLowerCase();
}

/** Whether two UUIDs are the same, however they are written. */
export function sameGattUuid(a: GattUuid, b: GattUuid): boolean {
  return a === b || canonical(a) === canonical(b);
}

function canonical(uuid: GattUuid): GattUuid | undefined {
  return typeof uuid === 'number' ? uuid : parseGattUuid(uuid);
}
