import { isDeepStrictEqual } from 'node:util';
import { fromHex, type Result, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProfiles, encodeProfiles, type MeshProfile } from './composition-profiles.ts';
import { decodeRelations, type ElementRelations, encodeRelations } from './composition-relations.ts';
import { decodeModelsMetadata, type ElementMetadata, encodeModelsMetadata } from './models-metadata.ts';
import { vectors } from './testing/vectors.ts';

const octet = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const octets = fc.uint8Array({ maxLength: 20 });

/** Plain objects, as decoders give them. */
function record<T>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(members, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const relations: fc.Arbitrary<ElementRelations[]> = fc.array(
  record({ sigModels: fc.array(modelRelations(), { maxLength: 5 }), vendorModels: fc.array(modelRelations()) }),
  { minLength: 1, maxLength: 4 },
);
const profiles: fc.Arbitrary<MeshProfile[]> = fc.array(
  record({
    profileId: u16,
    versionX: octet,
    versionY: octet,
    versionZ: octet,
    elementOffsets: fc.array(octet, { maxLength: 10 }),
    additionalData: octets,
  }),
  { maxLength: 5 },
);
const metadata: fc.Arbitrary<ElementMetadata[]> = fc.array(
  record({
    sigModels: fc.array(modelMetadata(u16), { maxLength: 4 }),
    vendorModels: fc.array(modelMetadata(fc.integer({ min: 0x10000, max: 0xffff_ffff })), { maxLength: 4 }),
  }),
  { maxLength: 4 },
);

interface Codec {
  readonly name: string;
  readonly values: fc.Arbitrary<unknown>;
  readonly encode: (value: never) => Uint8Array;
  readonly decode: (octets: Uint8Array) => Result<unknown, unknown>;
  /** Whether the octets of a decoded page are those that it was decoded from. */
  readonly canonical: boolean;
}

const codecs: readonly Codec[] = [
  {
    name: 'Composition Data Page 1',
    values: relations,
    encode: encodeRelations,
    decode: decodeRelations,
    canonical: false,
  },
  {
    name: 'Composition Data Page 2',
    values: profiles,
    encode: encodeProfiles,
    decode: decodeProfiles,
    canonical: true,
  },
  {
    name: 'Models Metadata',
    values: metadata,
    encode: encodeModelsMetadata,
    decode: decodeModelsMetadata,
    canonical: true,
  },
];

describe.each(codecs)('$name', ({ values, encode, decode, canonical }) => {
  it('gives back any value', () => {
    fc.assert(
      fc.property(values, (value) => {
        const decoded = decode(encode(value as never));
        return decoded.ok && isDeepStrictEqual(decoded.value, value);
      }),
    );
  });

  it('never throws on octets', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }), (numbers) => {
        const octets = Uint8Array.from(numbers);
        const decoded = decode(octets);
        if (!decoded.ok) return true;
        const again = encode(decoded.value as never);
        return canonical ? isDeepStrictEqual(again, octets) : isDeepStrictEqual(decode(again), decoded);
      }),
    );
  });
});

describe('vectors', () => {
  it.each(vectors.relations)('Composition Data Page 1 $hex', ({ hex, elements }) => {
    const decoded = decodeRelations(fromHex(hex));
    if (!decoded.ok) throw new Error(decoded.error.reason);
    const shape = decoded.value.map(({ sigModels, vendorModels }) => ({
      sig: sigModels.map(relationShape),
      vendor: vendorModels.map(relationShape),
    }));
    expect(shape).toEqual(elements);
    expect(toHex(encodeRelations(decoded.value))).toBe(hex);
  });

  it.each(vectors.metadata)('Models Metadata $hex', ({ hex, elements }) => {
    const decoded = decodeModelsMetadata(fromHex(hex));
    if (!decoded.ok) throw new Error(decoded.error.reason);
    const shape = decoded.value.map(({ sigModels, vendorModels }) => ({
      sig: sigModels.map(metadataShape(4)),
      vendor: vendorModels.map(metadataShape(8)),
    }));
    expect(shape).toEqual(elements);
    expect(toHex(encodeModelsMetadata(decoded.value))).toBe(hex);
  });

  it('Composition Data Page 2', () => {
    const hex = '00160102030200010200aabb';
    const decoded = decodeProfiles(fromHex(hex));
    expect(decoded).toMatchObject({ ok: true, value: [{ profileId: 0x1600, versionZ: 3, elementOffsets: [0, 1] }] });
    expect(decoded.ok && toHex(encodeProfiles(decoded.value))).toBe(hex);
    expect(decodeProfiles(fromHex(hex.slice(0, -2)))).toMatchObject({
      ok: false,
      error: { message: 'Composition Data Page 2', field: 'additionalData', reason: 'length 2, 1 octets left' },
    });
  });
});

function modelRelations(): fc.Arbitrary<ElementRelations['sigModels'][number]> {
  const short = record({
    elementOffset: fc.integer({ min: -4, max: 3 }),
    modelIndex: fc.integer({ min: 0, max: 31 }),
  });
  const long = record({ elementOffset: fc.integer({ min: -128, max: 127 }), modelIndex: octet });
  // Beyond the element's models, so that no sign can be taken for the other one.
  const far = fc.oneof(short, long).map((base) => ({ ...base, modelIndex: Math.max(20, base.modelIndex) }));
  return record({
    correspondingGroup: fc.option(octet, { nil: undefined }),
    extends: fc.array(far, { maxLength: 5 }),
  });
}

function modelMetadata(id: fc.Arbitrary<number>): fc.Arbitrary<ElementMetadata['sigModels'][number]> {
  const entry = record({ metadataId: u16, metadata: octets });
  return record({ modelId: id, entries: fc.array(entry, { maxLength: 3 }) });
}

function relationShape(model: ElementRelations['sigModels'][number]): unknown {
  const bases = model.extends.map(({ elementOffset, modelIndex }) => [elementOffset, modelIndex]);
  return { group: model.correspondingGroup ?? null, extends: bases };
}

function metadataShape(digits: number): (model: ElementMetadata['sigModels'][number]) => unknown {
  return ({ modelId, entries }) => ({
    model: modelId.toString(16).padStart(digits, '0'),
    entries: entries.map((entry) => ({ id: entry.metadataId, data: toHex(entry.metadata) })),
  });
}
