import { readFileSync } from 'node:fs';
import { MessageCatalogue, type MessageType } from '@meshferry/access';
import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryOf, testMessageCodecs, type Values } from '../../access/src/testing/index.ts';
import * as images from './distribution-image-messages.ts';
import { FIRMWARE_DISTRIBUTION_MESSAGES } from './distribution-message-list.ts';
import * as messages from './distribution-messages.ts';
import * as receivers from './distribution-receivers-messages.ts';

interface Vector {
  name: string;
  opcode: string;
  hex: string;
  kind: 'ok' | 'malformed' | 'context';
  fields: Record<string, unknown>;
  expect?: string;
}

type AnyMessage = MessageType<Record<string, unknown>>;

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/firmware-distribution.json', import.meta.url), 'utf8'),
) as Vector[];

const types = FIRMWARE_DISTRIBUTION_MESSAGES as readonly AnyMessage[];
const byOpcode = new Map(types.map((type) => [type.opcode, type]));

/** Values of those messages whose fields depend on one another, or mean less than their bits could. */
const VALUES: Values = {
  'Firmware Distribution Capabilities Status': arbitraryOf(messages.FirmwareDistributionCapabilitiesStatus, {
    oobRetrievalSupported: fc.boolean(),
    supportedUriSchemes: fc.array(fc.nat(255), { minLength: 1, maxLength: 255 }),
  }).map((value) => (value.oobRetrievalSupported ? value : { ...value, supportedUriSchemes: [] })),
  'Firmware Distribution Start': arbitraryOf(messages.FirmwareDistributionStart, {
    multicast: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0xc000, max: 0xffff }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
    ),
  }),
  'Firmware Distribution Upload Status': arbitraryOf(images.FirmwareDistributionUploadStatus, {
    uploadProgress: fc.nat(100),
  }),
  'Firmware Distribution Firmware Status': arbitraryOf(images.FirmwareDistributionFirmwareStatus, {
    imageIndex: fc.option(fc.nat(0xfffe), { nil: undefined }),
  }),
  'Firmware Distribution Receivers List': arbitraryOf(receivers.FirmwareDistributionReceiversList, {
    transferProgress: fc.nat(50).map((half) => 2 * half),
  }),
};

describe('Firmware Distribution messages', () => {
  it('has all vectors and all 23 messages', () => {
    expect(vectors).toHaveLength(113);
    expect(types.map(({ opcode }) => opcode)).toEqual(Array.from({ length: 23 }, (_, i) => 0x8311 + i));
    expect(() => new MessageCatalogue(types)).not.toThrow();
  });

  for (const vector of vectors) {
    it(`${vector.kind}: ${vector.name}`, () => {
      const type = byOpcode.get(Number(vector.opcode)) as AnyMessage;
      const decoded = type.decode(fromHex(vector.hex));
      if (vector.kind === 'malformed' || isIgnored(vector)) {
        expect(decoded).toMatchObject({ ok: false, error: { offset: expect.any(Number), reason: expect.any(String) } });
        return;
      }
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
      expect(asVector(type, decoded.value)).toEqual(vector.fields);
      const encoded = type.encode(decoded.value);
      if (isRepaired(vector)) expect(type.decode(encoded)).toEqual(decoded);
      else expect(toHex(encoded)).toBe(vector.hex);
    });
  }

  it('takes the Capabilities Status of ESP-IDF under the opcode of Get', () => {
    const type = messages.FirmwareDistributionCapabilitiesStatusOfEspIdf;
    const decoded = type.decode(fromHex('83160800010000000800000008000000080000'));
    expect(decoded).toMatchObject({ ok: true, value: { maxReceiversCount: 8, maxFirmwareImagesListSize: 1 } });
  });

  testMessageCodecs(FIRMWARE_DISTRIBUTION_MESSAGES as readonly MessageType<unknown>[], VALUES);

  it('packs every receiver with all combinations of phase, statuses and progress', () => {
    const entry = fc.record({
      address: fc.integer({ min: 1, max: 0x7fff }),
      retrievedUpdatePhase: fc.integer({ min: 0, max: 10 }),
      updateStatus: fc.integer({ min: 0, max: 7 }),
      transferStatus: fc.integer({ min: 0, max: 15 }),
      transferProgress: fc.integer({ min: 0, max: 100 }),
      imageIndex: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 74 }), (entries) => {
        const type = receivers.FirmwareDistributionReceiversList;
        const decoded = type.decode(type.encode({ receiversListCount: 1000, firstIndex: 3, entries }));
        const even = entries.map((e) => ({ ...e, transferProgress: e.transferProgress & ~1 }));
        expect(decoded).toEqual({ ok: true, value: { receiversListCount: 1000, firstIndex: 3, entries: even } });
      }),
    );
  });

  it('fits 74 receivers into the largest message', () => {
    const entry = { address: 1, retrievedUpdatePhase: 0, updateStatus: 0, transferStatus: 0, transferProgress: 0 };
    const entries = Array.from({ length: 74 }, () => ({ ...entry, imageIndex: 0 }));
    const value = { receiversListCount: 74, firstIndex: 0, entries };
    expect(receivers.FirmwareDistributionReceiversList.encode(value).length).toBeLessThanOrEqual(380);
  });
});

/** Vectors of the kind `context` whose message our decoder refuses already. */
function isIgnored({ kind, expect: what = '', fields }: Vector): boolean {
  return kind === 'context' && Object.keys(fields).length === 0 && /ignored|opcode/.test(what);
}

/** Received values that are clamped, reserved bits that are cleared, a list that has no place there. */
function isRepaired({ name, expect: what = '' }: Vector): boolean {
  return name.includes('RFU') || what.includes('clamp') || what.includes('must be absent');
}

/** A decoded value in the notation of the vectors. */
function asVector(type: AnyMessage, value: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const nulls = type.name.endsWith('Firmware Status');
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) fields[name] = memberAsVector(name, member);
    else if (nulls) fields[name] = null;
  }
  return fields;
}

function memberAsVector(name: string, member: unknown): unknown {
  if (name === 'multicast' && member instanceof Uint8Array) return { labelUuid: toHex(member) };
  if (member instanceof Uint8Array) return toHex(member);
  if (typeof member === 'bigint') return `0x${member.toString(16).padStart(16, '0')}`;
  if (/^(address|multicast|multicastAddress)$/.test(name)) return `0x${Number(member).toString(16).padStart(4, '0')}`;
  if (Array.isArray(member) && typeof member[0] === 'object') {
    return member.map((item: Record<string, unknown>) =>
      Object.fromEntries(Object.entries(item).map(([key, inner]) => [key, memberAsVector(key, inner)])),
    );
  }
  return member;
}
