import type { Result } from '@meshferry/core';
import { countOf, derived, list, struct } from './compound-fields.ts';
import type { ModelId } from './contract.ts';
import type { Field } from './field.ts';
import { decodeField, encodeField } from './field-codec.ts';
import { sigModelId, vendorModelId } from './mesh-fields.ts';
import type { DecodeError } from './message.ts';
import { u16 } from './number-fields.ts';
import { octetsBy } from './octet-fields.ts';

/** What a model tells about itself [Mesh Protocol 1.1, 4.2.50]. */
export interface MetadataEntry {
  /** Metadata Identifier, assigned by the SIG; 1: Health Tests Information. */
  metadataId: number;
  /** As the identifier defines it. */
  metadata: Uint8Array;
}

/** The metadata of a model. */
export interface ModelMetadata {
  modelId: ModelId;
  entries: MetadataEntry[];
}

/** The metadata of the models of an element; models without any are left out. */
export interface ElementMetadata {
  sigModels: ModelMetadata[];
  vendorModels: ModelMetadata[];
}

/** Models Metadata Page 0 (or 128) without the page number: all elements, in their order. Throws `bad-field`. */
export function encodeModelsMetadata(elements: readonly ElementMetadata[]): Uint8Array {
  return encodeField(page, [...elements]);
}

/** The reverse of {@link encodeModelsMetadata}. Never throws. */
export function decodeModelsMetadata(octets: Uint8Array): Result<ElementMetadata[], DecodeError> {
  return decodeField('Models Metadata', page, octets);
}

const entry: Field<MetadataEntry> = struct({
  length: derived(u16(), (value) => (value.metadata as Uint8Array).length),
  metadataId: u16(),
  metadata: octetsBy('length', { max: 0xffff }),
});

const model = (id: Field<ModelId>): Field<ModelMetadata> =>
  struct({ modelId: id, count: countOf('entries'), entries: list(entry, { max: 255, count: 'count' }) });

const page: Field<ElementMetadata[]> = list(
  struct({
    sigCount: countOf('sigModels'),
    vendorCount: countOf('vendorModels'),
    sigModels: list(model(sigModelId()), { max: 255, count: 'sigCount' }),
    vendorModels: list(model(vendorModelId()), { max: 255, count: 'vendorCount' }),
  }),
);
