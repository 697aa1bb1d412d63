import { readFileSync } from 'node:fs';
import { MessageCatalogue, type MessageType, message, rest, vendorOpcode } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { testMessageCodecs } from '../../access/src/testing/index.ts';
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

  testMessageCodecs(GENERIC_ON_OFF_MESSAGES);
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
