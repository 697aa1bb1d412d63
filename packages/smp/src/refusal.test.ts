import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { decodeMap } from './cbor.ts';
import { describeRefusal, refusalOf, type SmpRefusal } from './refusal.ts';
import { groupCodes, SMP_CODES } from './refusal-tables.ts';

/** What the map in an answer to a request of `group` refuses with. */
function refusalIn(hex: string, group: number): SmpRefusal {
  const map = decodeMap(fromHex(hex));
  const refusal = map.ok ? refusalOf(map.value, group) : undefined;
  if (refusal === undefined || refusal === 'malformed') throw new Error('no refusal');
  return refusal;
}

/** From code 1 on, what a server of v1 sends instead [spec: smp section 3.2]. */
const VERSION_1: Readonly<Record<number, readonly number[]>> = {
  0: [1, 3, 1, 1, 1, 1, 1],
  1: [1, 1, 5, 5, 1, 1, 1, 1, 6, 1, 1, 1, 1, 3, 2, 1, 1, 1, 3, 3, 3, 3, 1, 3, 3, 1, 6, 6, 1, 1, 1, 1, 1, 1],
  2: [1, 5, 5, 3, 1],
  3: [1, 3, 5, 5, 1, 1, 1, 1],
  8: Array.from({ length: 16 }, () => 1),
  9: [1, 3, 3],
  10: [1, 3, 1, 1],
  63: [1, 5, 0, 0],
};

describe('the codes', () => {
  it.each(Object.entries(VERSION_1))('of group %s are all there, with that of version 1', (group, codes) => {
    expect([...(groupCodes(Number(group)) ?? [])].map(([code, { v1 }]) => [code, v1])).toEqual(
      codes.map((v1, i) => [i + 1, v1]),
    );
  });
  it('of the SMP layer are all there', () => {
    expect([...SMP_CODES.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });
  it('have words that fit a sentence, and a remedy that is one', () => {
    const tables = [SMP_CODES, ...Object.keys(VERSION_1).map((group) => groupCodes(Number(group)) ?? new Map())];
    for (const { name, remedy } of tables.flatMap((codes) => [...codes.values()])) {
      expect(name).toMatch(/^(?![A-Z][a-z]).+[^.]$/);
      expect(remedy).toMatch(/^[A-Z].+\.$/);
    }
  });
  it('of groups without a table are not made up', () => {
    expect(groupCodes(64)).toBeUndefined();
  });
});

describe('a refusal', () => {
  it('of a group, as version 2 has it', () => {
    const refusal = refusalIn('bf63657272bf6567726f75700162726309ffff', 1);
    expect(refusal).toMatchObject({ layer: 'group', group: 1, code: 9, name: 'there is no free slot' });
    expect(refusal.remedy).toContain('reset the device');
    expect(describeRefusal(refusal, 1)).toBe('there is no free slot (image error 9)');
  });
  it('of the SMP layer, as both versions have it, with what the device says besides', () => {
    const refusal = refusalIn('bf627263066372736e6a646f776e67726164651bff', 1);
    expect(refusal).toMatchObject({ layer: 'smp', group: 1, code: 6, rsn: 'downgrade\ufffd' });
    expect(describeRefusal(refusal, 1)).toBe('not possible in this state (SMP error 6): "downgrade\ufffd"');
  });
  it('of statistics on Zephyr 3.4 comes with the number of another group: both are shown, the words are those of statistics', () => {
    const refusal = refusalIn('bf63657272bf6567726f7570183f62726303ffff', 2);
    expect(refusal).toMatchObject({ layer: 'group', group: 63, code: 3 });
    expect(describeRefusal(refusal, 2)).toBe(
      'there are no statistics of this name (Zephyr basic error 3 in answer to a request of the group statistics)',
    );
  });
  it.each([
    ['a1627263190100', 1, 'an error of the application (SMP error 256)'],
    ['a162726318c8', 1, 'an error that is not known here (SMP error 200)'],
    ['a162726324', 1, 'an error that is not known here (SMP error -5)'],
    ['a163657272a26567726f757018426272630a', 66, 'an error that is not known here (SUIT error 10)'],
    [
      'a163657272a26567726f757019100062726301',
      4096,
      'an error that is not known here (user-defined group 4096 error 1)',
    ],
    ['a163657272a26567726f7570166272631863', 22, 'an error that is not known here (unknown group 22 error 99)'],
  ])('%s is readable whatever it is', (hex, group, words) => {
    const refusal = refusalIn(hex, group);
    expect(describeRefusal(refusal, group)).toBe(words);
    expect(refusal.remedy).not.toBe('');
  });
  it.each(['bfff', 'a162726300', 'a163657272a26567726f75700162726300', 'a1636f666605'])('is none in %s', (hex) => {
    const map = decodeMap(fromHex(hex));
    expect(map.ok && refusalOf(map.value, 1)).toBeUndefined();
  });
});
