import { isDeepStrictEqual } from 'node:util';
import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Composition, decodeComposition, encodeComposition, Feature } from './composition.ts';
import { ConfigCompositionDataGet, ConfigCompositionDataStatus } from './composition-messages.ts';
import { vectors } from './testing/vectors.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const composition: fc.Arbitrary<Composition> = fc.record(
  {
    cid: u16,
    pid: u16,
    vid: u16,
    crpl: u16,
    features: u16,
    elements: fc.array(
      fc.record(
        {
          location: u16,
          sigModels: fc.array(u16, { maxLength: 255 }),
          vendorModels: fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 255 }),
        },
        { noNullPrototype: true },
      ),
      { minLength: 1 },
    ),
  },
  { noNullPrototype: true },
);
const hex = (text: string): number => Number.parseInt(text, 16);

describe('composition data page 0', () => {
  it.each(vectors.compositionPages)('reads and writes the page of $source', ({ hex: octets, page }) => {
    const decoded = decodeComposition(fromHex(octets));
    if (!decoded.ok) throw new Error(decoded.error.reason);
    const { composition } = decoded.value;
    expect(composition).toEqual({
      cid: hex(page.cid),
      pid: hex(page.pid),
      vid: hex(page.vid),
      crpl: page.crpl,
      features: composition.features,
      elements: page.elements.map(({ location, sig, vendor }) => ({
        location: hex(location),
        sigModels: sig.map(hex),
        vendorModels: vendor.map(hex),
      })),
    });
    for (const [name, supported] of Object.entries(page.features)) {
      expect((composition.features & Feature[name as keyof typeof Feature]) !== 0, name).toBe(supported);
    }
    expect(decoded.value.trailing).toHaveLength(0);
    expect(toHex(encodeComposition(composition))).toBe(octets);
  });

  it('gives back any composition', () => {
    fc.assert(
      fc.property(composition, (value) => {
        const decoded = decodeComposition(encodeComposition(value));
        return decoded.ok && decoded.value.trailing.length === 0 && isDeepStrictEqual(decoded.value.composition, value);
      }),
    );
  });

  it('never throws, and keeps whole elements of any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        const decoded = decodeComposition(octets);
        if (!decoded.ok) return true;
        const { composition, trailing } = decoded.value;
        return toHex(encodeComposition(composition)) + toHex(trailing) === toHex(octets);
      }),
    );
  });

  it('keeps the whole elements of a page that was cut, and reports what stands after them', () => {
    const decoded = decodeComposition(fromHex('34127856cdab05000a0006010201000001007856341208010002214365'));
    expect(decoded).toMatchObject({ ok: true, value: { composition: { elements: [{ location: 0x0106 }] } } });
    expect(decoded.ok && toHex(decoded.value.trailing)).toBe('08010002214365');
  });

  it('refuses a page without an element', () => {
    expect(decodeComposition(fromHex('34127856cdab05000a00'))).toMatchObject({
      ok: false,
      error: { field: 'elements', offset: 10, reason: 'no element' },
    });
  });

  it('leaves out the elements that would not fit', () => {
    const elements = [1, 2, 3].map((location) => ({ location, sigModels: [1, 2], vendorModels: [0x00590001] }));
    const value = { cid: 1, pid: 2, vid: 3, crpl: 4, features: 0, elements };
    expect(encodeComposition(value, 33)).toEqual(encodeComposition({ ...value, elements: elements.slice(0, 1) }));
    expect(encodeComposition(value, 34)).toEqual(encodeComposition({ ...value, elements: elements.slice(0, 2) }));
  });
});

describe('Config Composition Data messages', () => {
  it.each(vectors.compositionMessages)('$name $hex', ({ name, hex: octets, fields }) => {
    if (name === ConfigCompositionDataGet.name) {
      expect(toHex(ConfigCompositionDataGet.encode({ page: fields.page }))).toBe(octets);
      expect(ConfigCompositionDataGet.decode(fromHex(octets))).toEqual({ ok: true, value: { page: fields.page } });
    } else {
      const value = { page: fields.page, data: fromHex(fields.data ?? '') };
      expect(toHex(ConfigCompositionDataStatus.encode(value))).toBe(octets);
      expect(ConfigCompositionDataStatus.decode(fromHex(octets))).toEqual({ ok: true, value });
    }
  });

  it.each(vectors.compositionReactions)('$name: $why', ({ hex: octets }) => {
    expect(ConfigCompositionDataGet.decode(fromHex(octets)).ok).toBe(false);
  });
});
