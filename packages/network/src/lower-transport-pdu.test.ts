import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeLowerTransportPdu,
  encodeLowerTransportPdu,
  type LowerTransportPdu,
  seqAuthSeq,
} from './lower-transport-pdu.ts';
import { hex, transport as vectors } from './testing/vectors.ts';

/** The fields of a vector as a value of the codec. */
function fromFields(fields: Record<string, string | number>): LowerTransportPdu {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (name === 'note') continue;
    if (name === 'format') value.format = field;
    else if (name === 'akf' || name === 'szmic' || name === 'obo') value[name] = field === 1;
    else if (name === 'segment' || name === 'parameters' || name === 'upperTransportPdu') {
      value[name] = fromHex(field as string);
    } else value[name] = typeof field === 'string' ? hex(field) : field;
  }
  return value as unknown as LowerTransportPdu;
}

describe('Lower Transport PDU', () => {
  it.each(vectors.lowerTransportPdus)('$pdu', (v) => {
    const value = fromFields(v.fields);
    expect(decodeLowerTransportPdu(v.ctl === 1, fromHex(v.pdu))).toEqual({ ok: true, value });
    if (v.fields.note === undefined) expect(toHex(encodeLowerTransportPdu(value))).toBe(v.pdu);
  });

  it.each(vectors.segmentAcknowledgments)('Segment Acknowledgment $pdu', (v) => {
    const ackedSegments = v.received.reduce((bits, i) => (bits | (1 << i)) >>> 0, 0);
    const value = {
      format: 'segment-acknowledgment',
      obo: v.obo === 1,
      seqZero: hex(v.seqZero),
      ackedSegments,
    } as const;
    expect(toHex(encodeLowerTransportPdu(value))).toBe(v.pdu);
    expect(decodeLowerTransportPdu(true, fromHex(v.pdu))).toEqual({ ok: true, value });
  });

  // What a control message says is checked by whoever handles its opcode; here only what the formats rule out.
  const formats = vectors.negative.filter(
    (v) => v.transportPdu !== undefined && !/neg-(unknown|friend|heartbeat)/.test(v.id),
  );
  it.each(formats)('refuses $id', (v) => {
    expect(decodeLowerTransportPdu(v.ctl === 1, fromHex(v.transportPdu ?? '')).ok).toBe(false);
  });

  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(anyPdu(), (value) => {
        const ctl = value.format.includes('control') || value.format === 'segment-acknowledgment';
        expect(decodeLowerTransportPdu(ctl, encodeLowerTransportPdu(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('never throws at octets of any length, and encodes again what it takes, but for RFU bits', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 40 }), (ctl, octets) => {
        const decoded = decodeLowerTransportPdu(ctl, octets);
        if (!decoded.ok) {
          expect(decoded.error.reason).not.toBe('');
          return;
        }
        const again = encodeLowerTransportPdu(decoded.value);
        expect(decodeLowerTransportPdu(ctl, again)).toEqual(
          'akf' in decoded.value && !decoded.value.akf ? { ok: true, value: { ...decoded.value, aid: 0 } } : decoded,
        );
      }),
    );
  });
});

describe('SeqAuth', () => {
  it.each(vectors.seqAuth)('of SEQ $seq and SeqZero $seqZero', (v) => {
    const seq = seqAuthSeq(hex(v.seq), hex(v.seqZero));
    if (v.seqAuthSeq === undefined) expect(seq).toBeLessThan(0);
    else expect(seq).toBe(hex(v.seqAuthSeq));
  });
});

function anyPdu(): fc.Arbitrary<LowerTransportPdu> {
  const aid = fc.boolean().chain((akf) => fc.record({ akf: fc.constant(akf), aid: fc.nat(akf ? 63 : 0) }));
  const segmentOf = (full: number) =>
    fc.nat(31).chain((segN) =>
      fc.nat(segN).chain((segO) =>
        fc.record({
          seqZero: fc.nat(0x1fff),
          segO: fc.constant(segO),
          segN: fc.constant(segN),
          segment: fc.uint8Array({ minLength: segO === segN ? 1 : full, maxLength: full }),
        }),
      ),
    );
  return fc.oneof(
    fc
      .tuple(aid, fc.uint8Array({ minLength: 5, maxLength: 15 }))
      .map(([key, upperTransportPdu]) => ({ format: 'unsegmented-access' as const, ...key, upperTransportPdu })),
    fc
      .tuple(aid, fc.boolean(), segmentOf(12))
      .map(([key, szmic, segment]) => ({ format: 'segmented-access' as const, ...key, szmic, ...segment })),
    fc.record({
      format: fc.constant('unsegmented-control' as const),
      opcode: fc.integer({ min: 1, max: 0x7f }),
      parameters: fc.uint8Array({ maxLength: 11 }),
    }),
    fc
      .tuple(fc.integer({ min: 1, max: 0x7f }), segmentOf(8))
      .map(([opcode, segment]) => ({ format: 'segmented-control' as const, opcode, ...segment })),
    fc.record({
      format: fc.constant('segment-acknowledgment' as const),
      obo: fc.boolean(),
      seqZero: fc.nat(0x1fff),
      ackedSegments: fc.nat(0xffff_ffff),
    }),
  );
}
