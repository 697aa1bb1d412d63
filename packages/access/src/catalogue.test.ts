import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { MessageCatalogue } from './catalogue.ts';
import { ConfigCompositionDataGet, ConfigCompositionDataStatus } from './composition-messages.ts';
import { u8 } from './fields.ts';
import { message } from './message.ts';

const list = [ConfigCompositionDataGet, ConfigCompositionDataStatus];

describe('message catalogue', () => {
  it('decodes any message of its lists', () => {
    const catalogue = new MessageCatalogue(list);
    expect(catalogue.decode(fromHex('8008ff'))).toEqual({
      ok: true,
      value: { type: ConfigCompositionDataGet, value: { page: 255 } },
    });
    expect(catalogue.byName('Config Composition Data Status')?.opcode).toBe(0x02);
    expect([...catalogue].map((type) => type.opcode)).toEqual([0x8008, 0x02]);
  });

  it('says of the others why not', () => {
    const catalogue = new MessageCatalogue(list);
    expect(catalogue.decode(fromHex('8009'))).toMatchObject({ ok: false, error: { reason: 'unknown opcode 0x8009' } });
    expect(catalogue.decode(fromHex('80'))).toMatchObject({ ok: false, error: { reason: 'no opcode' } });
    expect(catalogue.decode(fromHex('8008'))).toMatchObject({ ok: false, error: { field: 'page', offset: 2 } });
  });

  it('refuses two messages with one opcode, and a response that nobody declared', () => {
    const Other = message({ name: 'Other', opcode: 0x8008, source: 'test', fields: { a: u8() } });
    expect(() => new MessageCatalogue(list, [Other])).toThrow('Other and Config Composition Data Get');
    expect(() => new MessageCatalogue([ConfigCompositionDataGet])).toThrow('which is in no list');
    expect(() => new MessageCatalogue(list, list)).not.toThrow();
  });
});
