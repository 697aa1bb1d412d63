import fc from 'fast-check';
import type { CborMap, CborValue } from '../cbor.ts';
import type { Layout, MemberLayout } from '../field.ts';

/** Names that a peer may choose, other than those that say how a request ended. */
const names = fc
  .string({ unit: 'grapheme-ascii', maxLength: 12 })
  .filter((name) => !['rc', 'err', 'rsn', 'mpools'].includes(name));

/** Any value that a declared field can hold, from its layout. */
export function arbitraryOf(layout: Layout): fc.Arbitrary<unknown> {
  switch (layout.kind) {
    case 'int':
      return fc.oneof(fc.integer({ min: layout.min, max: layout.max }), fc.constantFrom(layout.min, layout.max));
    case 'int64':
      return fc.bigInt(-(2n ** 64n), 2n ** 64n - 1n).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n));
    case 'flag':
      return fc.boolean();
    case 'text':
      // What a client shows as it is: everything in a raw text, nothing that steers terminals in others.
      return fc.string({
        maxLength: Math.min(layout.max, 40),
        unit: layout.as === 'raw' ? 'binary' : 'grapheme-ascii',
      });
    case 'bytes': {
      const { sizes } = layout;
      if (!('min' in sizes))
        return fc.constantFrom(...sizes).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
      return fc.uint8Array({ minLength: sizes.min, maxLength: Math.min(sizes.max, 300) });
    }
    case 'list':
      return fc.array(arbitraryOf(layout.of), { maxLength: 4 });
    case 'record':
      return fc
        .uniqueArray(fc.tuple(names, arbitraryOf(layout.of)), { maxLength: 4, selector: ([name]) => name })
        .map((entries) => new Map(entries));
    case 'either':
      return fc.oneof(...layout.of.map(arbitraryOf));
    case 'struct':
      return arbitraryMembers(layout.members);
  }
}

/** Any value of a set of members; optional ones may be missing. */
export function arbitraryMembers(members: readonly MemberLayout[]): fc.Arbitrary<object> {
  const model = Object.fromEntries(members.map(({ name, of }) => [name, arbitraryOf(of)]));
  return fc.record(model, {
    requiredKeys: members.filter(({ optional }) => !optional).map(({ name }) => name),
    noNullPrototype: true,
  });
}

/** Any CBOR map, in the values that the decoder gives. */
export const arbitraryMap: fc.Arbitrary<CborMap> = fc.letrec<{ map: CborMap; value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt(2n ** 53n, 2n ** 64n - 1n),
    fc.bigInt(-(2n ** 64n), -(2n ** 53n)),
    fc.double().filter((n) => !Number.isInteger(n)),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('map'),
  ),
  map: fc
    .uniqueArray(fc.tuple(fc.oneof(names, fc.nat()), tie('value')), { maxLength: 5, selector: ([key]) => key })
    .map((entries) => new Map<CborValue, CborValue>(entries)),
})).map;
