import { concat, MemoryStore } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodePeriodLog,
  decodePublicationCountLog,
  encodePublicationCountLog,
  encodeSubscriptionCountLog,
  encodeSubscriptionPeriodLog,
} from './heartbeat-states.ts';
import { decodeFlags, encodeFlags } from './network-change.ts';
import { ReplayList } from './replay-list.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { decodeTransmit, encodeTransmit } from './transmit-state.ts';
import { ACCESS_MAX_SZMIC, type AccessSecurityFields, openAccess, sealAccess } from './upper-transport.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

describe('Upper Transport Access PDU', () => {
  const aes = portableCrypto.aes(new Uint8Array(16).fill(7));
  const fields: fc.Arbitrary<AccessSecurityFields> = fc.record({
    akf: fc.boolean(),
    szmic: fc.boolean(),
    seq: fc.nat(0xff_ffff),
    src: fc.integer({ min: 1, max: 0x7fff }),
    dst: fc.integer({ min: 1, max: 0xffff }),
    ivIndex: fc.integer({ min: 0, max: 0xffff_ffff }),
    label: fc.option(octets(16), { nil: undefined }),
  });
  // Long ones are rare: the cipher takes its time.
  const payload = fc.oneof(
    { weight: 9, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: ACCESS_MAX_SZMIC, size: 'large' }) },
  );

  it('opens to what was sealed, not after a change of one bit, and random octets are none', () => {
    fc.assert(
      fc.property(fields, payload, fc.nat(), fc.uint8Array({ maxLength: 40 }), (how, message, bit, any) => {
        const sealed = sealAccess(aes, how, message);
        expect(openAccess(aes, how, sealed)).toEqual(message);
        sealed[(bit >> 3) % sealed.length]! ^= 1 << (bit & 7);
        expect(openAccess(aes, how, sealed)).toBeNull();
        expect(openAccess(aes, how, any)).toBeNull();
      }),
    );
  });
});

describe('states of a few bits, all there are of them', () => {
  const all = Array.from({ length: 256 }, (_, octet) => octet);

  it('transmit states and flags come back', () => {
    for (const octet of all) expect(encodeTransmit(decodeTransmit(octet))).toBe(octet);
    for (const flags of [0, 1, 2, 3]) expect(encodeFlags({ ...decodeFlags(flags), ivIndex: 0 })).toBe(flags);
  });

  it('logs of Heartbeat states come back, and those that are prohibited are none', () => {
    for (const log of all) {
      const count = decodePublicationCountLog(log);
      expect(count !== undefined).toBe(log <= 0x11 || log === 0xff);
      if (count !== undefined) expect(encodePublicationCountLog(count)).toBe(log);
      const period = decodePeriodLog(log);
      expect(period !== undefined).toBe(log <= 0x11);
      if (period !== undefined) expect(encodeSubscriptionPeriodLog(period)).toBe(log);
    }
    for (let count = 0; count <= 0xffff; count++) {
      const log = encodeSubscriptionCountLog(count);
      if (count > 0 && count < 0xffff) expect(2 ** (log - 1) <= count && count < 2 ** log).toBe(true);
    }
  });
});

describe('the record of a source in the replay protection list', () => {
  it('is the same when read again, and any octets in its place are one or none', () => {
    const point = fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.nat(0xff_ffff));
    const src = fc.integer({ min: 1, max: 0x7fff });
    fc.assert(
      fc.property(src, point, fc.nat(0xffff), fc.uint8Array({ maxLength: 40 }), (from, [ivIndex, seq], dst, any) => {
        const store = new MemoryStore();
        const list = new ReplayList(store, 2);
        list.record(from, ivIndex, seq);
        list.recordSeqAuth(from, dst, ivIndex, seq);
        list.flush();
        const again = new ReplayList(store, 2);
        expect(again.last(from)).toEqual({ ivIndex, seq });
        expect(again.lastSeqAuth(from, dst)).toMatchObject({ ivIndex, seq });
        for (const key of store.keys('')) store.batch([[key, any]]);
        expect(new ReplayList(store, 2).size).toBe(any.length < 7 ? 0 : 1);
      }),
    );
  });
});

describe('a node that hears anything', () => {
  it('under the right key never throws, whatever its messages hold', () => {
    const scripted = new ScriptedNode({ beacon: true, privateBeacon: true });
    const who = { src: fc.integer({ min: 2, max: 20 }), dst: fc.constantFrom(1, 1, 0xffff, 0xfffd, 0xc000) };
    const control = fc.record({
      format: fc.constant('unsegmented-control' as const),
      opcode: fc.oneof(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 0x7f })),
      parameters: fc.uint8Array({ maxLength: 11 }),
    });
    const acknowledgment = fc.record({
      format: fc.constant('segment-acknowledgment' as const),
      obo: fc.boolean(),
      seqZero: fc.nat(0x1fff),
      ackedSegments: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    const segment = fc
      .record({
        format: fc.constantFrom('segmented-access' as const),
        akf: fc.constant(true),
        aid: fc.nat(0x3f),
        szmic: fc.boolean(),
        seqZero: fc.nat(0x1fff),
        segO: fc.nat(31),
        segN: fc.nat(31),
        segment: octets(12),
      })
      .map((value) => ({ ...value, segO: Math.min(value.segO, value.segN) }));
    let seq = 0;
    fc.assert(
      fc.property(fc.record(who), fc.oneof(control, acknowledgment, segment), fc.nat(500), (how, pdu, ms) => {
        scripted.say(pdu, { ...how, seq: seq++ });
        scripted.clock.advance(ms);
        // As if cut or lengthened on the way.
        scripted.bearer.hear(concat(Uint8Array.of(seq & 0x7f), new Uint8Array(ms % 32)));
      }),
    );
    // Nearly all of them were read: SEQ counts up.
    expect(scripted.node.layer.counters.received).toBeGreaterThan(9000);
    expect(scripted.node.received).toEqual([]);
  });
});
