import { concat, fromHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BOOT,
  decodeMessage,
  ERROR,
  encodeSend,
  encodeSubscribe,
  HEARD,
  INFO,
  LOST,
  REPORT,
  STATE,
} from './messages.ts';
import { u64 } from './testing/fake-dongle.ts';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const time = fc.maxSafeNat();
const le = (value: number, octets: number) =>
  Uint8Array.from({ length: octets }, (_, i) => Math.floor(value / 256 ** i) % 256);
const TYPES = [INFO, REPORT, HEARD, STATE, BOOT, LOST, ERROR];

describe('messages of a dongle [PROTOCOL.md 4]', () => {
  it('give a value or an error, whatever the octets', () => {
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 128 }),
      fc
        .tuple(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 127 }))
        .map(([type, rest]) => Uint8Array.of(type, ...rest)),
    );
    fc.assert(
      fc.property(octets, (message) => {
        const decoded = decodeMessage(message);
        if (!decoded.ok) expect(decoded.error.code).toBe('bad-dongle-message');
        else expect(decoded.value.type).toBe(message[0]);
      }),
    );
  });

  it('REPORT', () => {
    fc.assert(
      fc.property(u16, u8, u8, time, time, (id, outcome, copies, startUs, endUs) => {
        const octets = concat(
          Uint8Array.of(REPORT),
          le(id, 2),
          Uint8Array.of(outcome, copies),
          u64(startUs),
          u64(endUs),
        );
        expect(decodeMessage(octets)).toEqual({
          ok: true,
          value: { type: REPORT, id, outcome, copies, startUs, endUs },
        });
      }),
    );
  });

  it('HEARD, which keeps its own octets', () => {
    const data = fc.uint8Array({ maxLength: 31 });
    fc.assert(
      fc.property(
        time,
        fc.integer({ min: 37, max: 39 }),
        fc.integer({ min: -128, max: 127 }),
        data,
        (timeUs, channel, rssi, ad) => {
          const octets = concat(
            Uint8Array.of(HEARD),
            u64(timeUs),
            Uint8Array.of(channel, rssi, 1, 1, 2, 3, 4, 5, 6),
            ad,
          );
          const decoded = decodeMessage(octets);
          octets.fill(0);
          const value = {
            type: HEARD,
            timeUs,
            channel,
            rssi,
            isRandomAddress: true,
            address: Uint8Array.of(1, 2, 3, 4, 5, 6),
            data: ad,
          };
          expect(decoded).toEqual({ ok: true, value });
        },
      ),
    );
  });

  it('STATE', () => {
    fc.assert(
      fc.property(
        u32,
        time,
        u8,
        u32,
        u32,
        u32,
        fc.array(u16, { maxLength: 32 }),
        (token, timeUs, subscription, a, b, c, ids) => {
          const head = concat(Uint8Array.of(STATE), le(token, 4), u64(timeUs), Uint8Array.of(subscription));
          const octets = concat(head, le(a, 4), le(b, 4), le(c, 4), ...ids.map((id) => le(id, 2)));
          const counters = { heardLost: a, radioLost: b, badFrames: c };
          expect(decodeMessage(octets)).toEqual({
            ok: true,
            value: { type: STATE, token, timeUs, subscription, ...counters, ids },
          });
        },
      ),
    );
  });

  it('INFO of another version says which; of ours it must make sense', () => {
    const foreign = decodeMessage(fromHex('81010203040203040506'));
    expect(foreign).toMatchObject({
      ok: true,
      value: { info: { protocol: { major: 2, minor: 3 }, version: '4.5.6' } },
    });
    expect(decodeMessage(fromHex('81010203040100040506'))).toMatchObject({ ok: false });
    const crowded = concat(Uint8Array.of(HEARD), new Uint8Array(17).fill(37), new Uint8Array(32));
    expect(decodeMessage(crowded)).toMatchObject({ ok: false });
    const noQueue = concat(fromHex('81010203040100040506'), new Uint8Array(24));
    expect(decodeMessage(noQueue)).toMatchObject({ ok: false });
  });
});

describe('messages of a host', () => {
  it('SEND carries times beyond 32 bits', () => {
    const send = { id: 1, count: 1, intervalUs: 0, delayUs: 0, channels: 1, power: -20, data: Uint8Array.of(1) };
    const octets = encodeSend({ ...send, earliestUs: 0x12_3456_789a });
    expect([...octets.subarray(10, 20)]).toEqual([0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 1, 0xec]);
  });

  it('SUBSCRIBE takes types, or all of them', () => {
    expect([...encodeSubscribe(3, [0x2a])]).toEqual([4, 3, 0, 0x2a]);
    expect([...encodeSubscribe(4, undefined)]).toEqual([4, 4, 1]);
  });
});
