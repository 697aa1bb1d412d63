import { concat, fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { H4Parser } from './h4.ts';

const REPORT = fromHex('043e210201030166554433 22d115142b0070cf7c9732a345b691494810d2e9cbf4a040c4'.replace(/ /g, ''));
const RESET_ANSWER = fromHex('040e0401030c00');
const ACL = fromHex('0240200500 0100040003'.replace(/ /g, ''));
const SCO = fromHex('0301000201ff');
const ISO = fromHex('0501000300010203');
const UNKNOWN_EVENT = fromHex('04ff0301 0203'.replace(/ /g, ''));
const EMPTY_EVENT = fromHex('04a000');

class Collector {
  readonly packets: string[] = [];
  readonly lost: string[] = [];
  readonly parser = new H4Parser({
    event: (code, parameters) => this.packets.push(`event ${code} ${toHex(parameters)}`),
    acl: (handle, flags, data) => this.packets.push(`acl ${handle} ${flags} ${toHex(data)}`),
    outOfStep: (reason) => this.lost.push(reason),
  });
}

describe('H4Parser', () => {
  const recorded = concat(RESET_ANSWER, REPORT, SCO, ACL, ISO, EMPTY_EVENT, UNKNOWN_EVENT, REPORT);
  const whole = new Collector();
  whole.parser.push(recorded);

  it('cuts a stream into packets and skips those of synchronous and isochronous data', () => {
    expect(whole.lost).toEqual([]);
    expect(whole.packets).toEqual([
      'event 14 01030c00',
      `event 62 ${toHex(REPORT.subarray(3))}`,
      'acl 64 2 0100040003',
      'event 160 ',
      'event 255 010203',
      `event 62 ${toHex(REPORT.subarray(3))}`,
    ]);
    expect(whole.parser.betweenPackets).toBe(true);
  });

  it('does so for chunks of any one size', () => {
    for (let size = 1; size <= recorded.length; size++) {
      const { parser, packets } = new Collector();
      for (let at = 0; at < recorded.length; at += size) parser.push(recorded.subarray(at, at + size));
      expect(packets).toEqual(whole.packets);
    }
  });

  it('does so for every split into two and any into many', () => {
    for (let at = 0; at <= recorded.length; at++) {
      const { parser, packets } = new Collector();
      parser.push(recorded.subarray(0, at));
      parser.push(recorded.subarray(at));
      expect(packets).toEqual(whole.packets);
    }
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1 }), (sizes) => {
        const { parser, packets } = new Collector();
        let at = 0;
        for (let i = 0; at < recorded.length; i++) {
          const size = i < sizes.length ? sizes[i]! : 7;
          parser.push(recorded.subarray(at, at + size));
          at += size;
        }
        expect(packets).toEqual(whole.packets);
      }),
      { numRuns: 10_000 },
    );
  });

  it('says so at a packet that cannot be, and is silent afterwards', () => {
    const impossible = [
      '01',
      '00',
      '06ff',
      'ff',
      '0400',
      '040503',
      '040e02',
      '040f05',
      '041000',
      '041303',
      '043e00',
      '02402000ff',
      '050100ff3f',
    ];
    for (const octets of impossible) {
      const { parser, packets, lost } = new Collector();
      parser.push(REPORT);
      for (const octet of fromHex(`${octets}${'00'.repeat(4)}`)) parser.push(Uint8Array.of(octet));
      parser.push(REPORT);
      expect([octets, lost.length, packets.length]).toEqual([octets, 1, 1]);
    }
  });

  it('takes data packets as long as any controller sends them', () => {
    const { parser, lost, packets } = new Collector();
    parser.push(concat(fromHex('024020fd03'), new Uint8Array(1021)));
    expect(packets).toHaveLength(1);
    parser.push(fromHex('024020fe03'));
    expect(lost).toEqual(['data packet of 1022 octets, at most 1021 can be']);
  });

  it('is in the middle of a packet that is cut off', () => {
    for (const packet of [REPORT, ACL, SCO, ISO]) {
      for (let length = 1; length < packet.length; length++) {
        const { parser, packets } = new Collector();
        parser.push(packet.subarray(0, length));
        expect([packets.length, parser.betweenPackets]).toEqual([0, false]);
      }
    }
  });

  it('finds the answer to Reset behind anything, and everything after it', () => {
    const tricky = [
      '',
      '04',
      '040e',
      '040e04',
      '040e0401',
      '040e0401030c',
      '040e0404040e',
      '04040e04030c',
      '040e040e04',
      '040e04010304',
    ];
    const garbage = fc.oneof(
      fc.constantFrom(...tricky).map((hex) => fromHex(hex)),
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(0x04, 0x0e, 0x01, 0x03, 0x0c), { maxLength: 30 })
        .map((octets) => Uint8Array.from(octets)),
    );
    fc.assert(
      fc.property(garbage, fc.integer({ min: 1, max: 50 }), (before, size) => {
        fc.pre(!/040e04..030c00/.test(toHex(before)));
        const { parser, packets, lost } = new Collector();
        parser.discard();
        parser.push(concat(REPORT, before));
        parser.search();
        const stream = concat(before, RESET_ANSWER, REPORT, ACL);
        for (let at = 0; at < stream.length; at += size) parser.push(stream.subarray(at, at + size));
        expect(lost).toEqual([]);
        expect(packets.map((packet) => packet.slice(0, 8))).toEqual(['event 14', 'event 62', 'acl 64 2']);
      }),
      { numRuns: 10_000 },
    );
  });

  it('keeps the first octets that it discarded', () => {
    const { parser } = new Collector();
    parser.discard();
    parser.push(fromHex('616263'));
    parser.search();
    parser.push(new Uint8Array(200).fill(0x64));
    expect(parser.discarded).toHaveLength(64);
    expect(toHex(parser.discarded.subarray(0, 4))).toBe('61626364');
  });
});
