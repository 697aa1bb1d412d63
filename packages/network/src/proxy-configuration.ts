import { type Address, fail, MeshError, ok, type Result } from '@meshferry/core';
import { decodeAddressRange, encodeAddressRange, type UnicastAddressRange } from './address-range.ts';
import type { PduError } from './decode-error.ts';

// Proxy configuration messages: the TransportPDU of a Network PDU with the proxy nonce [Mesh Protocol 1.1, 6.6].

/** Filter type of a connection: only these destinations pass, or all but these. */
export type ProxyFilterType = 'accept' | 'reject';

export type ProxyConfiguration =
  /** Set Filter Type. */
  | { readonly type: 'set-filter-type'; readonly filterType: ProxyFilterType }
  /** Add Addresses To Filter, Remove Addresses From Filter: 0 to 5 of any kind. */
  | { readonly type: 'add-addresses' | 'remove-addresses'; readonly addresses: readonly Address[] }
  /** Filter Status; `listSize` 16 bits. */
  | { readonly type: 'filter-status'; readonly filterType: ProxyFilterType; readonly listSize: number }
  /** DIRECTED_PROXY_CAPABILITIES_STATUS. */
  | {
      readonly type: 'directed-proxy-capabilities-status';
      readonly directedProxy: boolean;
      readonly useDirected: boolean;
    }
  /** DIRECTED_PROXY_CONTROL: with a range when directed forwarding is to be used for it. */
  | { readonly type: 'directed-proxy-control'; readonly range: UnicastAddressRange | undefined };

/** Addresses in one Add or Remove. */
export const PROXY_ADDRESSES_MAX = 5;

const Opcode = { set: 0, add: 1, remove: 2, status: 3, directedCapabilities: 4, directedControl: 5 } as const;

/** Opcode ‖ parameters, numbers big-endian. Throws `bad-field` for too many addresses or a range that is none. */
export function encodeProxyConfiguration(message: ProxyConfiguration): Uint8Array {
  switch (message.type) {
    case 'set-filter-type':
      return Uint8Array.of(Opcode.set, octetOf(message.filterType));
    case 'add-addresses':
    case 'remove-addresses':
      return encodeAddresses(message.type === 'add-addresses' ? Opcode.add : Opcode.remove, message.addresses);
    case 'filter-status': {
      const { filterType, listSize } = message;
      return Uint8Array.of(Opcode.status, octetOf(filterType), listSize >> 8, listSize);
    }
    case 'directed-proxy-capabilities-status':
      return Uint8Array.of(Opcode.directedCapabilities, Number(message.directedProxy), Number(message.useDirected));
    case 'directed-proxy-control':
      if (message.range === undefined) return Uint8Array.of(Opcode.directedControl, 0);
      return Uint8Array.of(Opcode.directedControl, 1, ...encodeAddressRange(message.range, 'big'));
  }
}

/** The message, or why it is to be ignored: reserved opcode, wrong size, prohibited value. */
export function decodeProxyConfiguration(octets: Uint8Array): Result<ProxyConfiguration, PduError> {
  switch (octets[0]) {
    case Opcode.set: {
      const filterType = filterTypeOf(octets[1]);
      if (octets.length !== 2) return badSize();
      return filterType === undefined ? prohibited('FilterType', 1) : ok({ type: 'set-filter-type', filterType });
    }
    case Opcode.add:
    case Opcode.remove:
      return decodeAddresses(octets);
    case Opcode.status: {
      const filterType = filterTypeOf(octets[1]);
      if (octets.length !== 4) return badSize();
      if (filterType === undefined) return prohibited('FilterType', 1);
      return ok({ type: 'filter-status', filterType, listSize: (octets[2]! << 8) | octets[3]! });
    }
    case Opcode.directedCapabilities:
      if (octets.length !== 3) return badSize();
      if (octets[1]! > 1) return prohibited('Directed_Proxy', 1);
      if (octets[2]! > 1) return prohibited('Use_Directed', 2);
      return ok({
        type: 'directed-proxy-capabilities-status',
        directedProxy: octets[1] === 1,
        useDirected: octets[2] === 1,
      });
    case Opcode.directedControl:
      return decodeDirectedControl(octets);
    default:
      return fail({ field: 'Opcode', offset: 0, reason: 'reserved or missing' });
  }
}

function encodeAddresses(opcode: number, addresses: readonly Address[]): Uint8Array {
  if (addresses.length > PROXY_ADDRESSES_MAX) {
    throw new MeshError('bad-field', `${addresses.length} addresses in a proxy configuration message`, {
      hint: 'Give at most 5 at a time.',
    });
  }
  return Uint8Array.of(opcode, ...addresses.flatMap((address) => [address >> 8, address]));
}

function decodeAddresses(octets: Uint8Array): Result<ProxyConfiguration, PduError> {
  const count = (octets.length - 1) / 2;
  if (!Number.isInteger(count) || count > PROXY_ADDRESSES_MAX) return badSize();
  const addresses = Array.from({ length: count }, (_, i) => (octets[1 + 2 * i]! << 8) | octets[2 + 2 * i]!);
  return ok({ type: octets[0] === Opcode.add ? 'add-addresses' : 'remove-addresses', addresses });
}

function decodeDirectedControl(octets: Uint8Array): Result<ProxyConfiguration, PduError> {
  if (octets[1] === 0)
    return octets.length === 2 ? ok({ type: 'directed-proxy-control', range: undefined }) : badSize();
  if (octets[1] !== 1) return octets.length < 2 ? badSize() : prohibited('Use_Directed', 1);
  const decoded = decodeAddressRange(octets, 'big', 2);
  if (!decoded.ok) return decoded;
  if (octets.length !== 2 + decoded.value.octets) return badSize();
  return ok({ type: 'directed-proxy-control', range: decoded.value.range });
}

function octetOf(filterType: ProxyFilterType): number {
  return filterType === 'accept' ? 0 : 1;
}

function filterTypeOf(octet: number | undefined): ProxyFilterType | undefined {
  return octet === 0 ? 'accept' : octet === 1 ? 'reject' : undefined;
}

function badSize(): Result<never, PduError> {
  return fail({ field: 'message', offset: 0, reason: 'wrong size' });
}

function prohibited(field: string, offset: number): Result<never, PduError> {
  return fail({ field, offset, reason: 'prohibited value' });
}
