import { fail, ok, type Result } from '@meshferry/core';
import { BitReader, BitWriter } from './bit-stream.ts';
import type { Field } from './field.ts';
import type { DecodeError } from './message.ts';

/** Octets of a value that is no message, declared with the fields of messages. Throws `bad-field`. */
export function encodeField<T>(field: Field<T>, value: T): Uint8Array {
  const writer = new BitWriter();
  field.write(writer, value, {});
  return writer.finish();
}

/** The reverse of {@link encodeField}, of all the octets; `name` is for the error. Never throws. */
export function decodeField<T>(name: string, field: Field<T>, octets: Uint8Array): Result<T, DecodeError> {
  const reader = new BitReader(octets);
  const value = field.read(reader, {});
  if (reader.failure === undefined && reader.remaining > 0) reader.fail(`end: ${reader.remaining} octets too many`);
  if (reader.failure === undefined) return ok(value);
  const [at = '', ...reason] = reader.failure.reason.split(': ');
  return fail({ message: name, field: at, offset: reader.failure.offset, reason: reason.join(': ') });
}
