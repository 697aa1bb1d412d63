import { ACCESS_MAX } from '@meshferry/network';
import fc from 'fast-check';
import type { Layout } from '../fields.ts';
import type { MessageType } from '../message.ts';
import { opcodeSize } from '../opcode.ts';

/** Arbitraries for fields by name, for those whose layout is custom or which a check ties to others. */
export type Overrides = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/**
 * For property tests, from the layout alone: values that `type` can send, every field within its layout, all of
 * it within an access message. Values that the message's own check refuses are left out; a custom field needs an override.
 */
export function arbitraryOf<T>(type: MessageType<T>, overrides: Overrides = {}): fc.Arbitrary<T> {
  const room = 8 * (ACCESS_MAX - opcodeSize(type.opcode));
  const value = arbitrary(type.layout, room, overrides) as fc.Arbitrary<T>;
  return value.filter((candidate) => type.check(candidate) === undefined);
}

/**
 * Access messages with the opcode of `type`, for "never throws": parameters of any length, small numbers, which are keys
 * indexes or states sooner than others, and a message of `values` that was damaged, cut or lengthened.
 */
export function arbitraryOctets<T>(
  type: MessageType<T>,
  values: fc.Arbitrary<T> = arbitraryOf(type),
): fc.Arbitrary<Uint8Array> {
  const size = opcodeSize(type.opcode);
  const opcode = Array.from({ length: size }, (_, i) => (type.opcode >>> (8 * (size - 1 - i))) & 0xff);
  const most = ACCESS_MAX - size;
  const parameters = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.uint8Array({ maxLength: most, size: 'large' }),
    fc.uint8Array({ maxLength: 30, max: 7 }),
    fc
      .tuple(values, fc.array(fc.tuple(fc.nat(most), fc.nat(255)), { maxLength: 2 }), fc.integer({ min: -2, max: 2 }))
      .map(([value, damages, longer]) => damaged(type.encode(value).subarray(size), damages, longer, most)),
  );
  return parameters.map((octets) => {
    const message = new Uint8Array(size + octets.length);
    message.set(opcode);
    message.set(octets, size);
    return message;
  });
}

type Damages = readonly (readonly [at: number, octet: number])[];

function damaged(octets: Uint8Array, damages: Damages, longer: number, most: number): Uint8Array {
  const result = new Uint8Array(Math.min(most, Math.max(0, octets.length + longer)));
  result.set(octets.subarray(0, result.length));
  for (const [at, octet] of damages) if (result.length > 0) result[at % result.length] = octet;
  return result;
}

/** Values of a layout that take at most `room` bits. */
function arbitrary(layout: Layout, room: number, overrides: Overrides): fc.Arbitrary<unknown> {
  switch (layout.kind) {
    case 'uint':
      return number(layout);
    case 'int':
      return fc.integer({ min: layout.min, max: layout.max });
    case 'u7or15':
      return fc.integer({ min: 0, max: 0x7fff });
    case 'uintBy':
      return fc.oneof(fc.integer({ min: 0, max: 0xff }), fc.integer({ min: 0, max: 0xffff }));
    case 'modelId':
      return layout.of === 'sig' ? sigModel : layout.of === 'vendor' ? vendorModel : fc.oneof(sigModel, vendorModel);
    case 'keyIndexes':
      return fc.array(fc.integer({ min: 0, max: 0xfff }), { maxLength: Math.floor(room / 12) - 1 });
    case 'u64':
      return fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
    case 'flag':
      return fc.boolean();
    case 'choice':
      return fc.constantFrom(...Object.keys(layout.names));
    case 'rfu':
    case 'prohibited':
      return fc.constant(undefined);
    case 'octets': {
      const max = Math.min(layout.max, Math.floor(room / 8) - (layout.length === 'u8' ? 1 : 0));
      return fc.oneof(
        fc.uint8Array({ minLength: layout.min, maxLength: max }),
        fc.uint8Array({ minLength: max, maxLength: max }),
      );
    }
    case 'text':
      return fc
        .string({ unit: 'grapheme', maxLength: 40 })
        .filter((text) => new TextEncoder().encode(text).length <= Math.min(layout.max, room / 8 - 1));
    case 'list': {
      const least = Math.max(8, minimum(layout.of));
      const items = Math.min(layout.max, Math.floor(room / (isVariable(layout.of) ? least + 128 : least)));
      const item = arbitrary(layout.of, Math.floor(room / Math.max(1, items)), overrides);
      return fc.array(item, { minLength: layout.min, maxLength: Math.max(layout.min, items) });
    }
    case 'struct': {
      const check = layout.check as ((value: unknown) => unknown) | undefined;
      const value = struct(layout.fields, room, overrides);
      return check === undefined ? value : value.filter((candidate) => check(candidate) === undefined);
    }
    case 'sized':
      return arbitrary(layout.of, Math.min(room - minimum(layout.prefix), 8 * longest(layout.prefix)), overrides);
    case 'derived':
    case 'optional':
    case 'padded':
      return arbitrary(layout.of, room, overrides);
    case 'custom':
      throw new Error(`no arbitrary for "${layout.note}": give one by the field's name`);
  }
}

const sigModel = fc.integer({ min: 0, max: 0xffff });
const vendorModel = fc.integer({ min: 0x10000, max: 0xffff_ffff });

/** Octets that a length field can tell at most. */
function longest(prefix: Layout): number {
  return prefix.kind === 'uint' ? prefix.max : 0x7fff;
}

function number(layout: Extract<Layout, { kind: 'uint' }>): fc.Arbitrary<number> {
  const any = fc.integer({ min: layout.min, max: layout.max });
  const { only } = layout;
  return only === undefined ? any : any.filter((value) => only.allowed(value));
}

/**
 * Fields that depend on the octets left are there up to a point drawn at random and absent from then on, as in a message
 * that ends early; those that depend on other fields follow these.
 */
function struct(fields: Readonly<Record<string, Layout>>, room: number, overrides: Overrides): fc.Arbitrary<unknown> {
  const entries = Object.entries(fields);
  const fixed = entries.reduce((bits, [, field]) => bits + minimum(field), 0);
  const growing = entries.filter(([, field]) => isVariable(field)).length;
  const spare = growing === 0 ? 0 : Math.floor((room - fixed) / growing);
  const members = entries.map(([name, field]) => {
    const inner = field.kind === 'optional' ? field.of : field;
    const share = isVariable(field) ? minimum(field) + spare : minimum(field);
    return overrides[name] ?? arbitrary(atLeastOneOctet(inner, field), share, overrides);
  });
  return fc.tuple(fc.nat({ max: entries.length }), ...members).map(([whole, ...values]) => {
    const value: Record<string, unknown> = {};
    const soFar: Record<string, unknown> = {};
    for (const [i, [name, field]] of entries.entries()) {
      if (field.kind === 'rfu' || field.kind === 'prohibited') continue;
      const present = field.kind !== 'optional' || field.present(soFar, i < whole ? ACCESS_MAX : 0);
      soFar[name] = present ? values[i] : undefined;
      if (field.kind !== 'derived') value[name] = soFar[name];
    }
    return value;
  });
}

/** An optional field of no octets cannot be told from an absent one. */
function atLeastOneOctet(inner: Layout, field: Layout): Layout {
  if (field.kind !== 'optional') return inner;
  if (inner.kind === 'octets' && inner.length === 'rest') return { ...inner, min: Math.max(1, inner.min) };
  if (inner.kind === 'list') return { ...inner, min: Math.max(1, inner.min) };
  return inner;
}

/** Bits that a value takes at least. */
function minimum(layout: Layout): number {
  switch (layout.kind) {
    case 'uint':
    case 'choice':
    case 'rfu':
    case 'prohibited':
    case 'int':
      return layout.bits;
    case 'u64':
      return 64;
    case 'flag':
      return 1;
    case 'octets':
      return 8 * (layout.min + (layout.length === 'u8' ? 1 : 0));
    case 'text':
    case 'u7or15':
      return 8;
    case 'uintBy':
      return 16;
    case 'modelId':
      return layout.of === 'sig' ? 16 : 32;
    case 'derived':
      return minimum(layout.of);
    case 'padded':
      return minimum(layout.of) + layout.bits;
    case 'sized':
      return minimum(layout.prefix) + minimum(layout.of);
    case 'list':
      return layout.min * minimum(layout.of);
    case 'struct':
      return Object.values(layout.fields).reduce((bits, field) => bits + minimum(field), 0);
    case 'optional':
    case 'custom':
    case 'keyIndexes':
      return 0;
  }
}

function isVariable(layout: Layout): boolean {
  switch (layout.kind) {
    case 'octets':
      return layout.min !== layout.max;
    case 'struct':
      return Object.values(layout.fields).some(isVariable);
    case 'sized':
      return isVariable(layout.of);
    case 'text':
    case 'list':
    case 'optional':
    case 'custom':
    case 'keyIndexes':
      return true;
    default:
      return false;
  }
}
