import { MeshError } from '@meshferry/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseNobleUri, URIS } from './uri.ts';

it.each([
  ['noble:', {}],
  ['noble:C0:FF:EE:00:00:01', { peer: 'c0:ff:ee:00:00:01' }],
  ['noble:8D53DC1D-1DB7-4CD3-868B-8A527460AA84', { peer: '8d53dc1d-1db7-4cd3-868b-8a527460aa84' }],
  ['noble:8d53dc1d1db74cd3868b8a527460aa84', { peer: '8d53dc1d1db74cd3868b8a527460aa84' }],
  ['noble:?lib=stoprocent', { lib: 'stoprocent' }],
  ['noble:?device=1&lib=abandonware', { device: 1, lib: 'abandonware' }],
  ['noble:c0:ff:ee:00:00:01?device=0', { peer: 'c0:ff:ee:00:00:01', device: 0 }],
])('%s is understood', (uri, expected) => {
  expect(parseNobleUri(uri)).toEqual(expected);
});

it.each([
  ['hci:tcp:127.0.0.1:1', /does not begin/],
  ['noble', /does not begin/],
  ['noble:C0:FF:EE', /is no Bluetooth address/],
  ['noble:C0FFEE000001', /is no Bluetooth address/],
  ['noble:?', /"" is not one of/],
  ['noble:?lib=other', /"lib=other" is not one of/],
  ['noble:?lib=toString', /is not one of/],
  ['noble:?device=', /"device=" is not one of/],
  ['noble:?baud=9600', /"baud=9600" is not one of/],
])('%s is refused', (uri, message) => {
  expect(() => parseNobleUri(uri)).toThrow(
    expect.objectContaining({
      code: 'bad-bearer-uri',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    }),
  );
});

it('the URIs that it shows are such', () => {
  for (const uri of URIS) expect(() => parseNobleUri(uri)).not.toThrow();
});

it('any text is understood or refused with the code for it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseNobleUri(`noble:${text}`);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MeshError);
        expect(thrown).toMatchObject({ code: 'bad-bearer-uri' });
      }
    }),
    { numRuns: 10_000 },
  );
});
