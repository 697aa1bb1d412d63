import { type Address, fromHex, MeshError, toHex } from '@meshferry/core';
import type { AddressOrLabel, Hex4, KeyHex, Timestamp, Uuid } from './model.ts';

/** `00FF`: an address, identifier or scene number (16 bits) as documents have it; throws `bad-number`. */
export function hex4(value: number): Hex4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw new MeshError('bad-number', `not a number of 16 bits: ${value}`, { hint: 'Give 0 to 0xFFFF.' });
  }
  return value.toString(16).toUpperCase().padStart(4, '0');
}

/** The number that four hex digits say. */
export function hexNumber(text: Hex4): number {
  return Number.parseInt(text, 16);
}

/** 32 upper-case digits: a key of 16 octets as documents have it; throws `bad-key`. */
export function keyHex(key: Uint8Array): KeyHex {
  if (key.length !== 16) {
    throw new MeshError('bad-key', `a key has 16 octets, this one ${key.length}`, { hint: 'Give 16 octets.' });
  }
  return toHex(key).toUpperCase();
}

/** The 16 octets of a key, a label or a UUID, with dashes or without; throws `bad-hex`. */
export function octetsOf(text: KeyHex | Uuid | AddressOrLabel): Uint8Array {
  return fromHex(text.replaceAll('-', ''));
}

/** A UUID as documents have it, upper case with dashes, from 16 octets or from text of either form; throws `bad-uuid`. */
export function uuidText(uuid: Uint8Array | string): Uuid {
  const digits = (typeof uuid === 'string' ? uuid.replaceAll('-', '') : toHex(uuid)).toUpperCase();
  if (!/^[0-9A-F]{32}$/.test(digits)) {
    throw new MeshError('bad-uuid', 'a UUID has 16 octets: 32 hex digits', {
      hint: 'Give it as 01234567-89AB-CDEF-0123-456789ABCDEF.',
    });
  }
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  );
}

/** A random UUID (version 4, RFC 9562) from 16 random octets. */
export function randomUuid(octets: Uint8Array): Uuid {
  const uuid = octets.slice(0, 16);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(uuid);
}

/** Whether a subscription, publication or group has the label of a virtual address for its address. */
export function isLabel(address: AddressOrLabel): boolean {
  return address.length === 32;
}

/** The label of a virtual address as documents have it: 32 upper-case digits without dashes; throws `bad-uuid`. */
export function labelText(label: Uint8Array | string): AddressOrLabel {
  return uuidText(label).replaceAll('-', '');
}

/** `0000` to `FFFF`, or eight digits of a vendor's model, from `company << 16 | model`; access has them as one number too. */
export function modelIdText(id: number): string {
  return id <= 0xffff ? hex4(id) : hex4(Math.floor(id / 0x10000)) + hex4(id % 0x10000);
}

/** The reverse of {@link modelIdText}. */
export function modelIdNumber(modelId: string): number {
  return Number.parseInt(modelId, 16);
}

/** A moment in the form of documents, UTC to the second, from milliseconds since 1970. */
export function timestampText(epochMs: number): Timestamp {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** An address that a group may have: 0xC000 to 0xFEFF. */
export function isAssignableGroup(address: Address): boolean {
  return address >= 0xc000 && address <= 0xfeff;
}
