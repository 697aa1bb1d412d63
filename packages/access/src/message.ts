import { fail, MeshError, ok, type Result } from '@meshferry/core';
import { ACCESS_MAX } from '@meshferry/network';
import { BitReader, BitWriter } from './bit-stream.ts';
import { readFields, struct, writeFields } from './compound-fields.ts';
import type { Field, Layout, ValueOf } from './field.ts';
import { type Opcode, opcodeAt, opcodeSize } from './opcode.ts';

/** Why octets are not the message: the field, the offset in the access message (opcode included), the reason. */
export interface DecodeError {
  readonly message: string;
  readonly field: string;
  readonly offset: number;
  readonly reason: string;
}

/** A field that does not go with the others, and why. */
export interface FieldError {
  readonly field: string;
  readonly reason: string;
}

/** An access message type: made by {@link message}, from the one declaration that there is of it. */
export interface MessageType<T> {
  readonly name: string;
  readonly opcode: Opcode;
  /** Name of the message that answers it, if one does. */
  readonly response: string | undefined;
  /** The specification that defines it, with its section. */
  readonly source: string;
  readonly layout: Layout;
  /** What ties the fields together: the name of the field that is wrong and why, or undefined. */
  check(value: T): FieldError | undefined;
  /** The access message: opcode ‖ parameters. Throws `bad-field` naming the field when the value cannot be sent. */
  encode(value: T): Uint8Array;
  /** The value of a whole access message (opcode ‖ parameters). Never throws. */
  decode(accessMessage: Uint8Array): Result<T, DecodeError>;
}

/** The value type of a message type. */
export type MessageOf<M> = M extends MessageType<infer T> ? T : never;

export interface Declaration<F> {
  readonly name: string;
  readonly opcode: Opcode;
  readonly response?: string;
  readonly source: string;
  /** In the order on air. Values outside a field's range are prohibited: such a message is ignored. */
  readonly fields: F;
  /** What ties fields together; such a message is neither sent nor taken. */
  readonly check?: (value: ValueOf<F>) => FieldError | undefined;
}

/**
 * Declares an access message once: codec, type, dissector, documentation and property tests follow from it.
 *
 * ```ts
 * const FirmwareUpdateInformationGet = message({
 *   name: 'Firmware Update Information Get', opcode: 0x8308, response: 'Firmware Update Information Status',
 *   source: 'MshDFU 3.1.3.1', fields: { firstIndex: u8(), entriesLimit: u8() },
 * });
 * ```
 */
export function message<const F extends Readonly<Record<string, unknown>>>(
  declaration: Declaration<F>,
): MessageType<ValueOf<F>> {
  const { name, opcode, response, source } = declaration;
  const check = declaration.check ?? (() => undefined);
  const entries = Object.entries(declaration.fields) as [string, Field<unknown>][];
  const size = opcodeSize(opcode);

  const error = (field: string, offset: number, reason: string): Result<never, DecodeError> =>
    fail({ message: name, field, offset, reason });

  return {
    name,
    opcode,
    response,
    source,
    layout: struct(declaration.fields).layout,
    check,
    encode: (value) => {
      const wrong = check(value);
      if (wrong !== undefined) throw badMessage(name, `${wrong.field}: ${wrong.reason}`);
      const writer = new BitWriter();
      for (let i = size - 1; i >= 0; i--) writer.uint((opcode >>> (8 * i)) & 0xff, 8);
      writeFields(writer, entries, value as Record<string, unknown>);
      if (writer.length > ACCESS_MAX) throw badMessage(name, `${writer.length} octets, at most ${ACCESS_MAX}`);
      return writer.finish();
    },
    decode: (bytes) => {
      if (opcodeAt(bytes) !== opcode) return error('opcode', 0, 'another opcode');
      const reader = new BitReader(bytes, size);
      const value = readFields(reader, entries) as ValueOf<F>;
      if (reader.failure !== undefined) {
        const [field = '', ...reason] = reader.failure.reason.split(': ');
        return error(field, reader.failure.offset, reason.join(': '));
      }
      if (reader.remaining > 0) return error('end', reader.offset, `${reader.remaining} octets too many`);
      const wrong = check(value);
      if (wrong !== undefined) return error(wrong.field, bytes.length, wrong.reason);
      return ok(value);
    },
  };
}

function badMessage(name: string, reason: string): MeshError {
  return new MeshError('bad-field', `${name}: ${reason}`, {
    hint: 'The message cannot be sent so; see its declaration.',
  });
}
