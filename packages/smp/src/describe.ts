import { toHex } from '@meshferry/core';
import { type CborMap, type CborValue, decodeMap } from './cbor.ts';
import { smpCommandOf } from './commands.ts';
import { groupName, knownGroupName } from './groups.ts';
import { decodePackets, type SmpHeader, type SmpPacket } from './packet.ts';
import { describeRefusal, refusalOf } from './refusal.ts';
import { sanitise } from './sanitise.ts';

/** Characters of a text, and of a whole description, that are shown. */
const TEXT_SHOWN = 64;
const LINE_SHOWN = 600;
/** Octets of a byte string that are shown whole; of longer ones their number, of hashes their begin. */
const OCTETS_SHOWN = 16;
const HASH_SIZES = [32, 48, 64];

/**
 * What a transport message says, one line for each packet, for traces: `image upload, request 71 (v2): off 600, data 600 octets`.
 * Says so where octets are no packet. Never throws.
 */
export function describePackets(octets: Uint8Array): string[] {
  const { packets, error } = decodePackets(octets);
  const lines = packets.map(describePacket);
  if (error !== undefined) lines.push(`no SMP packet at octet ${error.offset}: ${error.reason}`);
  return lines;
}

/** {@link describePackets} for one packet. */
export function describePacket({ header, payload }: SmpPacket): string {
  const isAnswer = (header.op & 1) === 1;
  const what = `${commandName(header)}, ${isAnswer ? 'answer' : 'request'} ${header.sequence} (v${header.version + 1})`;
  const map = decodeMap(payload);
  if (!map.ok) return `${what}: ${payload.length === 0 ? 'no payload' : `no CBOR map: ${map.error.reason}`}`;
  const refusal =
    isAnswer && !(header.group === 9 && map.value.has('o')) ? refusalOf(map.value, header.group) : undefined;
  const outcome =
    refusal === undefined || refusal === 'malformed' ? '' : `refused: ${describeRefusal(refusal, header.group)}; `;
  const line = `${what}: ${outcome}${describeMembers(map.value)}`;
  return line.length > LINE_SHOWN ? `${line.slice(0, LINE_SHOWN)}…` : line;
}

/** What a header asks for, in words, whether it is known or not. */
export function commandName(header: Pick<SmpHeader, 'group' | 'command' | 'op'>): string {
  const known = smpCommandOf(header);
  if (known !== undefined && header.op < 4) return known.name;
  const op = ['read', 'read', 'write', 'write'][header.op] ?? `op ${header.op}`;
  const group =
    knownGroupName(header.group) === undefined ? groupName(header.group) : `group ${groupName(header.group)}`;
  return `${op} of command ${header.command} of the ${group}`;
}

/** The members of a map in one line: keys as on the wire. */
export function describeMembers(map: CborMap): string {
  if (map.size === 0) return 'nothing';
  return [...map].map(([key, value]) => `${describeKey(key)} ${describeValue(value)}`).join(', ');
}

function describeKey(key: CborValue): string {
  return typeof key === 'string' ? sanitise(key.slice(0, TEXT_SHOWN), 'line') : describeValue(key);
}

function describeValue(value: CborValue): string {
  if (value instanceof Uint8Array) return describeOctets(value);
  if (value instanceof Map) return `{${describeMembers(value)}}`;
  if (Array.isArray(value)) return `[${(value as readonly CborValue[]).map(describeValue).join('; ')}]`;
  if (typeof value !== 'string') return String(value);
  const shown = sanitise(value.slice(0, TEXT_SHOWN).replaceAll('\r', '␍').replaceAll('\n', '␊'), 'line');
  return `"${shown}${value.length > TEXT_SHOWN ? '…' : ''}"`;
}

function describeOctets(octets: Uint8Array): string {
  if (octets.length <= OCTETS_SHOWN) return octets.length === 0 ? 'no octets' : toHex(octets);
  const begin = HASH_SIZES.includes(octets.length) ? `${toHex(octets.subarray(0, 4))}… ` : '';
  return `${begin}(${octets.length} octets)`;
}
