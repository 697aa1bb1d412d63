import { isDeepStrictEqual } from 'node:util';
import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenericProvisioningPdu } from './generic-provisioning-pdu.ts';
import { PB_ADV_MAX_PDU, segmentTransaction, TransactionAssembly } from './generic-provisioning-segments.ts';
import { decodePbAdvPdu, encodePbAdvPdu } from './pb-adv-pdu.ts';
import { vectors } from './testing/link-vectors.ts';

const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const octet = fc.integer({ min: 0, max: 255 });
const generic: fc.Arbitrary<GenericProvisioningPdu> = fc.oneof(
  fc.record({
    kind: fc.constant('transaction-start' as const),
    segN: fc.integer({ min: 0, max: 63 }),
    totalLength: fc.integer({ min: 0, max: 0xffff }),
    fcs: octet,
    data: octets(0, 20),
  }),
  fc.record({
    kind: fc.constant('transaction-continuation' as const),
    segmentIndex: fc.integer({ min: 1, max: 63 }),
    data: octets(1, 23),
  }),
  fc.constantFrom({ kind: 'transaction-acknowledgment' } as const, { kind: 'link-ack' } as const),
  fc.record({ kind: fc.constant('link-open' as const), deviceUuid: octets(16, 16) }),
  fc.record({ kind: fc.constant('link-close' as const), reason: octet }),
);
const packet = fc.record({ linkId: fc.integer({ min: 0, max: 0xffff_ffff }), transaction: octet, generic });

describe('the PB-ADV codec', () => {
  it('gives back any packet, in at most 29 octets', () => {
    fc.assert(
      fc.property(packet, (pdu) => {
        const encoded = encodePbAdvPdu(pdu);
        const decoded = decodePbAdvPdu(encoded);
        return encoded.length <= 29 && decoded.ok && isDeepStrictEqual(plain(decoded.value), plain(pdu));
      }),
    );
  });

  it('never throws, and what it takes for a packet encodes to the same octets', () => {
    fc.assert(
      fc.property(fc.oneof(octets(0, 31), octets(6, 9)), (received) => {
        const decoded = decodePbAdvPdu(received);
        return !decoded.ok || toHex(encodePbAdvPdu(decoded.value)) === toHex(received);
      }),
    );
  });

  it.each([
    ['an empty packet', '', 'PDU'],
    ['nothing behind the transaction number', '23af585000', 'PDU'],
    ['a start without length', '23af5850000000', 'TotalLength'],
    ['a start with 21 octets', `23af58500004002900${'00'.repeat(21)}`, 'Data'],
    ['a continuation with index 0', '23af5850000201', 'SegmentIndex'],
    ['a continuation without data', '23af58500006', 'Data'],
    ['an acknowledgment with padding', '23af58500005', 'Padding'],
    ['an acknowledgment with more', '23af5850000100', 'PDU'],
    ['a Link Open with half a UUID', '23af5850000370cf7c9732a345b6', 'PDU'],
    ['a Link ACK with more', '23af5850000700', 'PDU'],
    ['a Link Close without reason', '23af5850000b', 'PDU'],
    ['a reserved opcode', '23af5850000f', 'BearerOpcode'],
  ])('takes %s for none', (_, octets, field) => {
    expect(decodePbAdvPdu(fromHex(octets))).toMatchObject({ ok: false, error: { field } });
  });
});

describe('segments of a Provisioning PDU', () => {
  it.each(vectors.pbAdvSegmentation)('of $length octets are as in the vectors', (vector) => {
    const pdu = Uint8Array.from({ length: vector.length }, (_, i) => (5 * i + 3) & 0xff);
    const packets = segmentTransaction(pdu).map((segment) =>
      encodePbAdvPdu({ linkId: 0x01020304, transaction: 0x7f, generic: segment }),
    );
    expect(packets).toHaveLength(vector.segN + 1);
    expect(toHex(packets[0]!)).toBe(vector.firstPacket);
    expect(toHex(packets.at(-1)!)).toBe(vector.lastPacket);
    expect(packets.at(-1)).toHaveLength(vector.lastPacketLength);
  });

  it('are put together again in any order, with copies among them', () => {
    fc.assert(
      fc.property(octets(1, 300), fc.infiniteStream(fc.nat()), (pdu, numbers) => {
        const segments = segmentTransaction(pdu);
        const assembly = new TransactionAssembly();
        const missing = new Set(segments.keys());
        for (;;) {
          const at = numbers.next().value! % segments.length;
          missing.delete(at);
          const whole = assembly.add(segments[at]!);
          if ((whole !== undefined) !== (missing.size === 0)) return false;
          if (whole !== undefined) return toHex(whole) === toHex(pdu);
        }
      }),
      { numRuns: 2000 }, // each draws until all segments have come
    );
  });

  it('of the longest PDU are 64', () => {
    expect(segmentTransaction(new Uint8Array(PB_ADV_MAX_PDU))).toHaveLength(64);
  });

  it('that do not fit are as if they had not come', () => {
    const pdu = Uint8Array.from({ length: 65 }, (_, i) => i);
    const [start, second, third] = segmentTransaction(pdu) as [never, never, never];
    const assembly = new TransactionAssembly();
    const short = { kind: 'transaction-continuation', segmentIndex: 1, data: new Uint8Array(22) } as const;
    expect(assembly.add(short)).toBeUndefined(); // before the start nothing is known
    expect(assembly.add(third)).toBeUndefined();
    expect(assembly.add(start)).toBeUndefined();
    expect(assembly.add(short)).toBeUndefined();
    expect(assembly.add({ ...short, segmentIndex: 3 })).toBeUndefined();
    expect(assembly.add(second)).toEqual(pdu);
  });

  it('of a start that contradicts the one before begin anew', () => {
    const [a, b] = [3, 7].map((fill) => segmentTransaction(new Uint8Array(30).fill(fill)));
    const assembly = new TransactionAssembly();
    expect(assembly.add(a![0]!)).toBeUndefined();
    expect(assembly.add(b![0]!)).toBeUndefined();
    expect(assembly.add(b![1]!)).toEqual(new Uint8Array(30).fill(7));
  });

  it('with a wrong check sequence are forgotten, and can come again', () => {
    const [start, end] = segmentTransaction(new Uint8Array(25).fill(9));
    const assembly = new TransactionAssembly();
    assembly.add(start!);
    expect(
      assembly.add({ kind: 'transaction-continuation', segmentIndex: 1, data: new Uint8Array(5) }),
    ).toBeUndefined();
    expect(assembly.add(end!)).toBeUndefined();
    expect(assembly.add(start!)).toEqual(new Uint8Array(25).fill(9));
  });
});

/** Views of buffers compare as the octets they show. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, item) => (item instanceof Uint8Array ? toHex(item) : item)));
}
