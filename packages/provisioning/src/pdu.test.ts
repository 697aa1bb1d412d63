import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INPUT_ACTIONS, OUTPUT_ACTIONS } from './capabilities.ts';
import { decodeProvisioningPdu, encodeProvisioningPdu, PROVISIONING_PDU_TYPES, type ProvisioningPdu } from './pdu.ts';
import { decodeProvisioningData, encodeProvisioningData } from './provisioning-data.ts';
import type { Authentication } from './start.ts';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const either16or32 = fc.constantFrom(16, 32).chain(octets);
const oobSize = fc.integer({ min: 1, max: 8 });
const some = <T>(names: readonly T[]) => fc.subarray([...names]);

const capabilities = fc.record({
  elements: fc.integer({ min: 1, max: 255 }),
  algorithms: some(['cmac', 'hmac'] as const),
  publicKeyOob: fc.boolean(),
  staticOob: fc.boolean(),
  onlyOobAuthenticated: fc.boolean(),
  outputOobSize: fc.nat(8),
  outputOobActions: some(OUTPUT_ACTIONS),
  inputOobSize: fc.nat(8),
  inputOobActions: some(INPUT_ACTIONS),
});
const authentication: fc.Arbitrary<Authentication> = fc.oneof(
  fc.record({ method: fc.constantFrom('none' as const, 'static' as const) }),
  fc.record({ method: fc.constant('output' as const), action: fc.constantFrom(...OUTPUT_ACTIONS), size: oobSize }),
  fc.record({ method: fc.constant('input' as const), action: fc.constantFrom(...INPUT_ACTIONS), size: oobSize }),
);
const start = fc.record({
  algorithm: fc.constantFrom('cmac' as const, 'hmac' as const),
  publicKeyOob: fc.boolean(),
  authentication,
});
const type = <T extends string>(name: T) => fc.constant(name);
const pdu: fc.Arbitrary<ProvisioningPdu> = fc.oneof(
  fc.record({ type: type('invite'), attentionDuration: u8 }),
  fc.record({ type: type('capabilities'), capabilities }),
  fc.record({ type: type('start'), start }),
  fc.record({ type: type('public-key'), publicKey: octets(64) }),
  fc.record({ type: fc.constantFrom('input-complete' as const, 'complete' as const, 'records-get' as const) }),
  fc.record({ type: type('confirmation'), confirmation: either16or32 }),
  fc.record({ type: type('random'), random: either16or32 }),
  fc.record({ type: type('data'), sealed: octets(33) }),
  fc.record({ type: type('failed'), error: u8 }),
  fc.record({
    type: type('record-request'),
    recordId: u16,
    fragmentOffset: u16,
    fragmentMaximumSize: fc.integer({ min: 1, max: 0xffff }),
  }),
  fc.record({
    type: type('record-response'),
    status: u8,
    recordId: u16,
    fragmentOffset: u16,
    totalLength: u16,
    data: fc.uint8Array({ maxLength: 100 }),
  }),
  fc.record({ type: type('records-list'), extensions: u16, recordIds: fc.array(u16) }),
);

describe('the codec of Provisioning PDUs', () => {
  it('gives every PDU back', () => {
    fc.assert(
      fc.property(pdu, (original) => {
        expect(decodeProvisioningPdu(encodeProvisioningPdu(original))).toEqual({ ok: true, value: original });
      }),
    );
  });

  it('knows one PDU for each type octet below 0x0E', () => {
    fc.assert(
      fc.property(pdu, (original) => {
        expect(PROVISIONING_PDU_TYPES[encodeProvisioningPdu(original)[0]!]).toBe(original.type);
      }),
      { numRuns: 1000 }, // of twelve alternatives: enough
    );
  });

  it('takes any octets without throwing, and what it takes, it encodes to the same meaning', () => {
    const typed = fc.tuple(fc.nat(0x0f), fc.uint8Array({ maxLength: 70 }));
    const arbitrary = fc.oneof(
      fc.uint8Array({ maxLength: 70 }),
      typed.map(([first, rest]) => Uint8Array.of(first, ...rest)),
      // Right length, any content.
      pdu.chain((like) => octets(encodeProvisioningPdu(like).length).map((any) => withType(any, like))),
    );
    fc.assert(
      fc.property(arbitrary, (received) => {
        const decoded = decodeProvisioningPdu(received);
        if (!decoded.ok) {
          expect(decoded.error.offset).toBeLessThanOrEqual(received.length);
          return;
        }
        const again = encodeProvisioningPdu(decoded.value);
        expect(again.length).toBe(received.length);
        expect(decodeProvisioningPdu(again)).toEqual(decoded);
      }),
    );
  });

  it('names the field and the place of what is wrong', () => {
    const error = (...received: number[]) => {
      const decoded = decodeProvisioningPdu(Uint8Array.from(received));
      return decoded.ok ? undefined : decoded.error;
    };
    expect(error()).toEqual({ kind: 'type', field: 'Type', offset: 0, reason: 'missing' });
    expect(error(0x80)).toEqual({ kind: 'type', field: 'Type', offset: 0, reason: '0x80 is reserved' });
    expect(error(2, 0, 0, 2, 5, 1)).toMatchObject({ field: 'Authentication Action', offset: 4 });
    expect(error(2, 0, 0, 3, 4, 1)).toMatchObject({ field: 'Authentication Action', offset: 4 });
    expect(error(2, 0, 0, 1, 0, 1)).toMatchObject({ field: 'Authentication Size', offset: 5 });
    expect(error(0x0a, 0, 1, 0, 0, 0)).toMatchObject({ kind: 'format', field: 'record-request' });
    expect(error(0x0b, 0, 1, 0, 0, 0)).toMatchObject({ kind: 'format', field: 'record-response' });
    expect(error(0x0d, 0, 1, 0)).toMatchObject({ kind: 'format', field: 'records-list' });
  });
});

describe('the codec of Provisioning Data', () => {
  const data = fc.record({
    netKey: octets(16),
    netKeyIndex: fc.nat(0xfff),
    keyRefresh: fc.boolean(),
    ivUpdate: fc.boolean(),
    ivIndex: fc.nat(0xffff_ffff),
    unicastAddress: fc.integer({ min: 1, max: 0x7fff }),
  });

  it('gives all data back', () => {
    fc.assert(
      fc.property(data, (original) => {
        expect(decodeProvisioningData(encodeProvisioningData(original))).toEqual({ ok: true, value: original });
      }),
    );
  });

  it('takes any octets without throwing', () => {
    fc.assert(
      fc.property(fc.oneof(octets(25), fc.uint8Array({ maxLength: 40 })), (received) => {
        const decoded = decodeProvisioningData(received);
        if (decoded.ok) expect(encodeProvisioningData(decoded.value)).toEqual(received);
        else expect(['invalid-format', 'invalid-data']).toContain(decoded.error);
      }),
    );
  });

  it('refuses to encode what no node could take', () => {
    const good = {
      netKey: new Uint8Array(16),
      netKeyIndex: 0,
      keyRefresh: false,
      ivUpdate: false,
      ivIndex: 0,
      unicastAddress: 1,
    };
    const wrong = [
      { netKey: new Uint8Array(15) },
      { netKeyIndex: 0x1000 },
      { ivIndex: 2 ** 32 },
      { unicastAddress: 0 },
      { unicastAddress: 0x8000 },
    ];
    for (const field of wrong) expect(() => encodeProvisioningData({ ...good, ...field })).toThrow(/provisioning data/);
  });
});

function withType(any: Uint8Array, like: ProvisioningPdu): Uint8Array {
  any[0] = encodeProvisioningPdu(like)[0]!;
  return any;
}
