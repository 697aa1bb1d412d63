import { MeshError } from './errors.ts';

/** A 16-bit mesh address, 0x0000 to 0xFFFF [Mesh Protocol 1.1, 3.4.2]. */
export type Address = number;
/** A unicast address, 0x0001 to 0x7FFF: one element of one node. */
export type Unicast = number;
/** A NetKey Index, 0x000 to 0xFFF; 0 is the primary subnet. */
export type NetIndex = number;
/** An AppKey Index, 0x000 to 0xFFF. */
export type AppIndex = number;

export type AddressKind = 'unassigned' | 'unicast' | 'virtual' | 'group';

export const UNASSIGNED = 0x0000;
export const ALL_DIRECTED_FORWARDING_NODES = 0xfffb;
export const ALL_PROXIES = 0xfffc;
export const ALL_FRIENDS = 0xfffd;
export const ALL_RELAYS = 0xfffe;
export const ALL_NODES = 0xffff;

/** The kind of an address; fixed groups (0xFF00 to 0xFFFF) are groups [3.4.2]. */
export function addressKind(address: Address): AddressKind {
  if (address === UNASSIGNED) return 'unassigned';
  if (address < 0x8000) return 'unicast';
  return address < 0xc000 ? 'virtual' : 'group';
}

export function isUnicast(address: Address): boolean {
  return address > 0 && address < 0x8000;
}

/** `0x0005`: how addresses print everywhere. */
export function formatAddress(address: Address): string {
  return `0x${address.toString(16).padStart(4, '0')}`;
}

/** An address from `0x0005` or decimal text; throws `bad-address`. */
export function parseAddress(text: string): Address {
  const value = /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(text.trim()) ? Number(text.trim()) : Number.NaN;
  if (!(value >= 0 && value <= 0xffff)) {
    throw new MeshError('bad-address', `not a mesh address: "${text}"`, {
      hint: 'Give a number from 0x0001 to 0xFFFF, such as 0x0100.',
    });
  }
  return value;
}
