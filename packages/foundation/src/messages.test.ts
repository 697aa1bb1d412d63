import { readFileSync } from 'node:fs';
import { MessageCatalogue, opcodeAt } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import * as foundation from './index.ts';

const { CONFIGURATION_MESSAGES, DIRECTED_FORWARDING_MESSAGES, FOUNDATION_MESSAGES } = foundation;

interface Vectors {
  readonly messages: readonly {
    readonly name: string;
    readonly opcode: string;
    readonly hex: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[];
  readonly malformed: readonly { readonly name: string; readonly hex: string }[];
  readonly exchanges: readonly { readonly name: string; readonly hex: string; readonly response: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/foundation.json', import.meta.url), 'utf8')) as Vectors;
const catalogue = new MessageCatalogue(FOUNDATION_MESSAGES);

describe('messages of the foundation models', () => {
  it.each(vectors.messages)('$name $hex', ({ name, opcode, hex, fields }) => {
    const decoded = catalogue.decode(fromHex(hex));
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
    const { type, value } = decoded.value;
    expect(type.name).toBe(name);
    expect(type.opcode).toBe(Number.parseInt(opcode, 16));
    expect(asVector(value)).toEqual(fields);
    expect(toHex(type.encode(value))).toBe(hex);
  });

  it.each(vectors.malformed)('refuse $name', ({ hex }) => {
    expect(catalogue.decode(fromHex(hex)).ok).toBe(false);
  });

  it.each(vectors.exchanges)('$name: request and answer are declared as such', ({ hex, response }) => {
    const asked = catalogue.decode(fromHex(hex));
    const answered = catalogue.decode(fromHex(response));
    if (!asked.ok || !answered.ok) throw new Error('not decoded');
    const pduReport = asked.value.type.name === 'Remote Provisioning PDU Send';
    if (!pduReport) expect(asked.value.type.response).toBe(answered.value.type.name);
    expect(toHex(answered.value.type.encode(answered.value.value))).toBe(response);
  });

  it('are all those of the registry, each answered as it says', () => {
    // Opcodes of section 7 of the registry: 0x80AA is not used, 0x804F to 0x80BC is full otherwise.
    const oneOctet = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06];
    const twoOctets = Array.from({ length: 0x80bd - 0x8000 }, (_, i) => 0x8000 + i).filter((code) => code !== 0x80aa);
    expect([...catalogue].map(({ opcode }) => opcode).sort((a, b) => a - b)).toEqual([...oneOctet, ...twoOctets]);
    expect(FOUNDATION_MESSAGES).toHaveLength(oneOctet.length + twoOctets.length);
    const unanswered = [...catalogue].filter(({ response }) => response === undefined).map(({ name }) => name);
    for (const name of unanswered) {
      expect(name).toMatch(/ (Status|List|Report|Unacknowledged)$|Extended Scan Start$|PDU Send$/);
    }
  });

  it('are exported one by one under the name that they have', () => {
    const exported = new Set(Object.values(foundation) as unknown[]);
    for (const type of FOUNDATION_MESSAGES) {
      if (type.name.startsWith('Config Composition Data')) continue;
      expect(exported.has(type), type.name).toBe(true);
    }
    expect(CONFIGURATION_MESSAGES.every(({ name }) => name.startsWith('Config '))).toBe(true);
    expect(DIRECTED_FORWARDING_MESSAGES.every(({ opcode }) => opcode >= 0x807b && opcode <= 0x80b0)).toBe(true);
  });

  it('name the field that is wrong', () => {
    const error = (hex: string): unknown => {
      const decoded = catalogue.decode(fromHex(hex));
      return decoded.ok ? 'accepted' : `${decoded.error.field}: ${decoded.error.reason}`;
    };
    expect(error('800d01')).toBe('ttl: 1 is not a Default TTL (0, 2 to 127)');
    expect(error('80b40200100001000100')).toBe('address2: the same address');
    expect(error('8056020909')).toBe('adTypes: a type stands twice');
    expect(error('8072010006800c')).toBe('items: length 3, 2 octets left');
    expect(error('80b7351200')).toBe('prohibited: prohibited bits are set');
    expect(opcodeAt(fromHex('80b7351200'))).toBe(0x80b7);
  });
});

/** A decoded value in the notation of the vectors: hex for octets, 8 digits for vendor models, tuples for ranges and pairs. */
function asVector(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(asVector);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const names = Object.keys(value).join();
  if (names === 'start,length') {
    const { start, length } = value as foundation.ForwardingEntry['pathOrigin'];
    return [start, length ?? 1];
  }
  if (names === 'netKeyIndex1,netKeyIndex2' || names === 'address1,address2,directions') return Object.values(value);
  return Object.fromEntries(
    members.map(([name, member]) => [
      name,
      name === 'modelId' && (member as number) > 0xffff
        ? (member as number).toString(16).padStart(8, '0')
        : asVector(member),
    ]),
  );
}
