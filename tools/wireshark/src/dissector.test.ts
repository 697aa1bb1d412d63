import { readFileSync } from 'node:fs';
import type { Presence } from '@meshferry/access';
import { describe, expect, it } from 'vitest';
import { DISSECTOR, dissector, MESSAGES } from './dissector.ts';
import { luaOf } from './lua.ts';
import { presenceOf } from './presence.ts';

it('tools/wireshark/meshferry.lua is what the declarations give: otherwise run "pnpm wireshark"', () => {
  expect(readFileSync(DISSECTOR, 'utf8') === dissector()).toBe(true);
});

it('has every message of its models', () => {
  const text = dissector();
  expect(MESSAGES.length).toBeGreaterThan(100);
  for (const { name } of MESSAGES) expect(text).toContain(`name = "${name}"`);
});

describe('when a field is there', () => {
  const u8 = { kind: 'uint', bits: 8, min: 0, max: 3 } as const;
  const flag = { kind: 'flag' } as const;
  const text = (present: Presence) =>
    luaOf(presenceOf('field', present, { phase: u8, wide: flag, blob: { kind: 'optional', of: u8, present } }));

  it.each<[string, Presence, string]>([
    ['octets are left', (_, remaining) => remaining >= 2, '{ least = 2 }'],
    ['a number is not 0', ({ phase }) => phase !== 0, '{ least = 0, cases = { { phase = { 1, 2, 3 } } } }'],
    ['a flag is set', ({ wide }) => wide === true, '{ least = 0, cases = { { wide = { true } } } }'],
    ['another one is not', ({ blob }) => blob === undefined, '{ least = 0, cases = { { blob = { false } } } }'],
    [
      'two things hold',
      ({ phase, wide }, remaining) => phase === 2 && wide === true && remaining > 0,
      '{ least = 1, cases = { { phase = 2, wide = true } } }',
    ],
  ])('%s', (_, present, lua) => {
    expect(text(present)).toBe(lua);
  });

  it('what cannot be said is refused when the file is made', () => {
    expect(() => text(({ none }) => none === 1)).toThrow('there is no field none before it');
    expect(() => text(() => false)).toThrow('field is never present');
    expect(() => text(({ wide }, remaining) => remaining > (wide ? 1 : 2))).toThrow('differently by case');
  });
});
