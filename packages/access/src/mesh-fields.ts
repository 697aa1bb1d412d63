import type { BitReader, BitWriter } from './bit-stream.ts';
import { presenceOf, struct, when } from './compound-fields.ts';
import type { ModelId } from './contract.ts';
import { badField, type Field } from './field.ts';
import { u8, uint } from './number-fields.ts';

/** A SIG model in two octets [Mesh Protocol 1.1, 4.3.1.2]. */
export function sigModelId(): Field<ModelId> {
  return { layout: { kind: 'modelId', of: 'sig' }, write: writeSig, read: (reader) => reader.uint(16) };
}

/** A vendor's model in four octets, Company Identifier first; company 0 cannot be told from the SIG and is refused. */
export function vendorModelId(): Field<ModelId> {
  return { layout: { kind: 'modelId', of: 'vendor' }, write: writeVendor, read: readVendor };
}

/** The last field of a message: a vendor's model when four octets are left, a SIG model otherwise. */
export function modelId(): Field<ModelId> {
  return {
    layout: { kind: 'modelId', of: 'any' },
    write: (writer, id) => (id > 0xffff ? writeVendor : writeSig)(writer, id),
    read: (reader) => (reader.remaining >= 4 ? readVendor(reader) : reader.uint(16)),
  };
}

/** Addresses of one node: `start` and, when it is more than one, how many from there on. */
export interface UnicastRange {
  start: number;
  /** 2 to 255; undefined: `start` alone. */
  length: number | undefined;
}

/** A {@link UnicastRange} in two or three octets; all addresses in it are unicast [4.3.1.3]. */
export function unicastRange(): Field<UnicastRange> {
  return struct(
    {
      lengthPresent: presenceOf('length'),
      start: uint(15, { min: 1 }),
      length: when((soFar) => soFar.lengthPresent === true, u8({ min: 2 })),
    },
    ({ start, length = 1 }) =>
      start + length - 1 > 0x7fff ? { field: 'length', reason: `${start} + ${length} is beyond 0x7fff` } : undefined,
  );
}

function writeSig(writer: BitWriter, id: ModelId): void {
  if (!(Number.isInteger(id) && id >= 0 && id <= 0xffff)) throw badField(`${id} is not a SIG model`);
  writer.uint(id, 16);
}

function writeVendor(writer: BitWriter, id: ModelId): void {
  if (!(Number.isInteger(id) && id > 0xffff && id <= 0xffff_ffff)) throw badField(`${id} is not a vendor's model`);
  writer.uint(Math.floor(id / 0x10000), 16);
  writer.uint(id % 0x10000, 16);
}

function readVendor(reader: BitReader): ModelId {
  const at = reader.offset;
  const id = reader.uint(16) * 0x10000 + reader.uint(16);
  if (id <= 0xffff) reader.fail('company 0 has no vendor models', at);
  return id;
}
