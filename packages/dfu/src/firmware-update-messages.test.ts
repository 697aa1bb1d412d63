import { readFileSync } from 'node:fs';
import type { MessageType } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { testMessageCodecs } from '../../access/src/testing/index.ts';
import * as messages from './firmware-update-messages.ts';

interface Vector {
  name: string;
  opcode: string;
  hex: string;
  kind: 'ok' | 'malformed' | 'context';
  fields: Record<string, unknown>;
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/firmware-update.json', import.meta.url), 'utf8'),
) as Vector[];

const byOpcode = new Map(
  messages.FIRMWARE_UPDATE_MESSAGES.map((type) => [
    type.opcode,
    type as unknown as MessageType<Record<string, unknown>>,
  ]),
);

describe('Firmware Update messages', () => {
  it('has all vectors', () => expect(vectors).toHaveLength(55));

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
      expect(asVector(decoded.value)).toEqual(vector.fields);
      const encoded = type.encode(decoded.value);
      // Reserved bits are sent as zero.
      if (vector.name.includes('RFU')) expect(type.decode(encoded)).toEqual(decoded);
      else expect(toHex(encoded)).toBe(vector.hex);
    });
  }

  testMessageCodecs(messages.FIRMWARE_UPDATE_MESSAGES as readonly MessageType<unknown>[]);

  it('refuses a Status outside Idle that does not name the update', () => {
    expect(messages.FirmwareUpdateStatus.decode(fromHex('831040')).ok).toBe(false);
  });
});

/** A decoded value in the notation of the vectors. */
function asVector(value: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (name === 'entries') fields[name] = (member as messages.FirmwareInformation[]).map(entry);
    else if (member instanceof Uint8Array) fields[name] = toHex(member);
    else if (typeof member === 'bigint') fields[name] = `0x${member.toString(16).padStart(16, '0')}`;
    else fields[name] = member;
  }
  return fields;
}

function entry({ firmwareId, updateUri }: messages.FirmwareInformation): Record<string, unknown> {
  const company = (firmwareId[0] as number) | ((firmwareId[1] as number) << 8);
  return {
    firmwareId: toHex(firmwareId),
    companyId: `0x${company.toString(16).padStart(4, '0')}`,
    updateUri: updateUri === '' ? null : updateUri,
  };
}
