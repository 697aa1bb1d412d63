import { readFileSync } from 'node:fs';
import type { MessageType } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testMessageCodecs } from '../../access/src/testing/index.ts';
import { blockCount } from './arithmetic.ts';
import { fitBits, numbersOfBits } from './bits.ts';
import { BLOB_TRANSFER_MESSAGES } from './message-list.ts';
import * as messages from './messages.ts';

interface Vector {
  name: string;
  opcode: string;
  hex: string;
  kind: 'ok' | 'malformed' | 'context';
  fields: Record<string, unknown>;
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/blob.json', import.meta.url), 'utf8')) as Vector[];

const byOpcode = new Map(
  Object.values(messages).map((type) => [type.opcode, type as unknown as MessageType<Record<string, unknown>>]),
);

// 3 octets each at most.
const chunkNumbers = fc.array(fc.nat(0xffff), { maxLength: 124 });

/** Plain objects, as decoders give them. */
function record<T>(members: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(members, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

describe('BLOB messages', () => {
  it('has all vectors', () => expect(vectors).toHaveLength(83));

  for (const vector of vectors) {
    it(`${vector.kind}: ${vector.name}`, () => {
      const type = byOpcode.get(Number(vector.opcode));
      if (type === undefined) throw new Error(`no message with opcode ${vector.opcode}`);
      const decoded = type.decode(fromHex(vector.hex));
      if (vector.kind === 'malformed') {
        expect(decoded).toMatchObject({ ok: false, error: { offset: expect.any(Number), reason: expect.any(String) } });
        return;
      }
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
      expect(asVector(decoded.value)).toEqual(
        vector.fields.chunkCount ? without(vector.fields, 'chunkCount') : vector.fields,
      );
      const encoded = type.encode(decoded.value);
      // Reserved bits are sent as zero.
      if (vector.name.includes('RFU')) expect(type.decode(encoded)).toEqual(decoded);
      else expect(toHex(encoded)).toBe(vector.hex);
    });
  }

  testMessageCodecs(BLOB_TRANSFER_MESSAGES, {
    'BLOB Partial Block Report': record({ missingChunks: chunkNumbers }),
    'BLOB Block Status': record({
      status: fc.nat(15),
      format: fc.constantFrom('all', 'none', 'some', 'encoded'),
      blockNumber: fc.nat(0xffff),
      chunkSize: fc.nat(0xffff),
      missing: fc.uint8Array({ minLength: 1, maxLength: 374 }),
      missingChunks: chunkNumbers,
    }).map(({ missing, missingChunks, ...value }) => ({
      ...value,
      missing: value.format === 'some' ? missing : undefined,
      missingChunks: value.format === 'encoded' ? missingChunks : undefined,
    })),
  });

  it('refuses a chunk message larger than any access message', () => {
    expect(messages.BlobChunkTransfer.decode(new Uint8Array(381).fill(1).with(0, 0x66)).ok).toBe(false);
  });
});

/** A decoded value as the vectors write it: ids and octets as hex, bit fields as lists of numbers. */
function asVector(value: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (typeof member === 'bigint') fields[name] = `0x${member.toString(16).padStart(16, '0')}`;
    else if (name === 'missing') fields.missingChunks = numbersOfBits(member as Uint8Array);
    else if (name === 'blocksNotReceived') {
      fields.blockCount = blockCount(value.blobSize as number, value.blockSizeLog as number);
      fields[name] = numbersOfBits(fitBits(member as Uint8Array, fields.blockCount as number));
    } else fields[name] = member instanceof Uint8Array ? toHex(member) : member;
  }
  return fields;
}

function without(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const { [name]: _, ...others } = fields;
  return others;
}
