import { ok, type Result } from '@meshferry/core';
import { countOf, derived, list, presenceOf, struct, when } from './compound-fields.ts';
import { custom, type Field, type SoFar } from './field.ts';
import { decodeField, encodeField } from './field-codec.ts';
import type { DecodeError } from './message.ts';
import { flag, int, s8, u8, uint } from './number-fields.ts';

/** Where a base model stands [Mesh Protocol 1.1, 4.2.2.2]. */
export interface BaseModel {
  /** Its element, counted from that of the model that extends it: −128 to 127. */
  elementOffset: number;
  /** Its place on its element: SIG models as in Composition Data Page 0, then vendor models. */
  modelIndex: number;
}

/** How a model is related to others. */
export interface ModelRelations {
  /** Models of one group share states without extending each other. */
  correspondingGroup: number | undefined;
  /** Direct bases alone, at most 63. */
  extends: BaseModel[];
}

/** The relations of the models of an element, in the order of Composition Data Page 0. */
export interface ElementRelations {
  sigModels: ModelRelations[];
  vendorModels: ModelRelations[];
}

/** Composition Data Page 1 (or 129) without the page number. Throws `bad-field`. */
export function encodeRelations(elements: readonly ElementRelations[]): Uint8Array {
  return encodeField(page, [...elements]);
}

/**
 * The reverse of {@link encodeRelations}. Never throws. An offset that points to no model while its opposite does is
 * turned round: some nodes send it with the other sign.
 */
export function decodeRelations(octets: Uint8Array): Result<ElementRelations[], DecodeError> {
  const decoded = decodeField('Composition Data Page 1', page, octets);
  if (!decoded.ok) return decoded;
  const sizes = decoded.value.map(({ sigModels, vendorModels }) => sigModels.length + vendorModels.length);
  for (const [at, { sigModels, vendorModels }] of decoded.value.entries()) {
    for (const base of [...sigModels, ...vendorModels].flatMap((model) => model.extends)) turnRound(base, at, sizes);
  }
  return ok(decoded.value);
}

function turnRound(base: BaseModel, element: number, sizes: readonly number[]): void {
  const { elementOffset, modelIndex } = base;
  const exists = (offset: number): boolean => modelIndex < (sizes[element + offset] ?? 0);
  if (!exists(elementOffset) && exists(-elementOffset)) base.elementOffset = -elementOffset;
}

/** The short form holds offsets −4 to 3 and indexes up to 31; all items of a model have one form. */
function needsLong(value: SoFar): boolean {
  return !(value.extends as readonly BaseModel[]).every(
    ({ elementOffset, modelIndex }) => elementOffset >= -4 && elementOffset <= 3 && modelIndex <= 31,
  );
}

const short = struct({ elementOffset: int(3), modelIndex: uint(5) });
const long = struct({ elementOffset: s8(), modelIndex: u8() });

const bases: Field<BaseModel[]> = custom('items of one octet, or of two in the long form', {
  write: (writer, items, soFar) => {
    const item = needsLong(soFar) ? long : short;
    for (const each of items) item.write(writer, each, soFar);
  },
  read: (reader, soFar) => {
    const item = soFar.long === true ? long : short;
    return Array.from({ length: soFar.count as number }, () => item.read(reader, soFar));
  },
});

const model: Field<ModelRelations> = struct({
  grouped: presenceOf('correspondingGroup'),
  long: derived(flag(), needsLong),
  count: countOf('extends', uint(6)),
  correspondingGroup: when((soFar) => soFar.grouped === true, u8()),
  extends: bases,
});

const page: Field<ElementRelations[]> = list(
  struct({
    sigCount: countOf('sigModels'),
    vendorCount: countOf('vendorModels'),
    sigModels: list(model, { max: 255, count: 'sigCount' }),
    vendorModels: list(model, { max: 255, count: 'vendorCount' }),
  }),
  { min: 1 },
);
