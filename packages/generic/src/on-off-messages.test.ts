import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { MessageCatalogue, type MessageType, message, rest, vendorOpcode } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOf } from '../../access/src/testing/index.ts';
import { GENERIC_ON_OFF_MESSAGES } from './on-off-messages.ts';

interface Vectors {
  readonly messages: readonly { readonly name: string; readonly hex: string; readonly fields: unknown }[];
  readonly malformed: readonly { readonly name: string; readonly hex: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/on-off.json', import.meta.url), 'utf8')) as Vectors;
const catalogue = new MessageCatalogue(GENERIC_ON_OFF_MESSAGES);

describe('Generic OnOff messages', () => {
  it.each(vectors.messages)('$name $hex', ({ name, hex, fields }) => {
    const decoded = catalogue.decode(fromHex(hex));
    expect(decoded).toEqual({ ok: true, value: { type: catalogue.byName(name), value: fields } });
    expect(toHex(catalogue.byName(name)?.encode(fields) ?? new Uint8Array(0))).toBe(hex);
  });

  it.each(vectors.malformed)('refuse $name', ({ hex }) => {
    expect(catalogue.decode(fromHex(hex)).ok).toBe(false);
  });

  const numRuns = 10_000;
  const seed = 0x8201;

  it.each(GENERIC_ON_OFF_MESSAGES.map((type) => [type.name, type] as const))(
    `%s gives back every value and never throws on octets (${numRuns} cases each, seed ${seed})`,
    (_, type) => {
      fc.assert(
        fc.property(arbitraryOf(type), (value) => {
          const decoded = type.decode(type.encode(value));
          return decoded.ok && isDeepStrictEqual(decoded.value, value);
        }),
        { numRuns, seed },
      );
      const opcode = [type.opcode >> 8, type.opcode & 0xff];
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 6 }), (parameters) => {
          const octets = Uint8Array.of(...opcode, ...parameters);
          const decoded = type.decode(octets);
          return !decoded.ok || toHex(type.encode(decoded.value)) === toHex(octets);
        }),
        { numRuns, seed },
      );
    },
  );
});

it('a message of a vendor is declared the same way', () => {
  const Text: MessageType<{ payload: Uint8Array }> = message({
    name: 'Text',
    opcode: vendorOpcode(0x000a, 0x15),
    source: 'example',
    fields: { payload: rest() },
  });
  const payload = new TextEncoder().encode('Hello');
  expect(toHex(Text.encode({ payload }))).toBe('d50a0048656c6c6f');
  expect(Text.decode(fromHex('d50a0048656c6c6f'))).toEqual({ ok: true, value: { payload } });
});
