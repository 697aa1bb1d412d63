import { AD_MESH_BEACON, AD_MESH_MESSAGE, AD_SERVICE_DATA, type Heard } from '@meshferry/bearer';
import { fromHex, toHex, VirtualClock } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { receiveStructures } from './advertising-reports.ts';
import { extendedReports, legacyReports, type Report } from './reports.ts';

const BEACON = '0201030166554433 22d115142b0070cf7c9732a345b691494810d2e9cbf4a040c4'.replace(' ', '');

function legacy(hex: string): string[] {
  const heard: string[] = [];
  legacyReports(fromHex(hex), (report) => heard.push(described(report)));
  return heard;
}

function extended(hex: string): string[] {
  const heard: string[] = [];
  extendedReports(fromHex(hex), (report) => heard.push(described(report)));
  return heard;
}

function described({ kind, addressType, address, data, rssi }: Report): string {
  return `${kind} ${addressType} ${toHex(address)} ${toHex(data)} ${rssi}`;
}

describe('legacy advertising reports', () => {
  it('are read as the controller wrote them', () => {
    expect(legacy(BEACON.slice(2))).toEqual([
      'nonconnectable 1 6655443322d1 142b0070cf7c9732a345b691494810d2e9cbf4a040 -60',
    ]);
  });

  it('stand one after another, of every kind', () => {
    const reports = ['00', '01', '02', '03', '04', '05'].map((kind) => `${kind}00010203040506${'01aa'}7f`).join('');
    expect(legacy(`06${reports}`)).toEqual(
      ['connectable', 'directed', 'scannable', 'nonconnectable', 'response'].map(
        (kind) => `${kind} 0 010203040506 aa 127`,
      ),
    );
  });

  it('that reach over the end of the event end it', () => {
    const one = '0300010203040506 02aabbc0'.replace(' ', '');
    expect(legacy(`02${one}${one.slice(0, -2)}`)).toHaveLength(1);
    expect(legacy(`03${one}`)).toHaveLength(1);
    expect(legacy(`01${one.slice(0, 16)}`)).toEqual([]);
    expect(legacy('')).toEqual([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (octets) => {
        legacyReports(octets, ({ data, address }) => expect(data.length + address.length).toBeLessThan(octets.length));
        extendedReports(octets, ({ data, address }) =>
          expect(data.length + address.length).toBeLessThan(octets.length),
        );
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('extended advertising reports', () => {
  const report = (event: string, data = '02aabb') =>
    `${event}01060504030201 0100ff7fc40000000000000000 00${data}`.replaceAll(' ', '');

  it('say by their event type what was heard', () => {
    const cases: [event: string, kind: string][] = [
      ['1000', 'nonconnectable'],
      ['1200', 'scannable'],
      ['1300', 'connectable'],
      ['1500', 'directed'],
      ['1b00', 'response'],
      ['1a00', 'response'],
      ['0000', 'extended'],
      ['0100', 'extended'],
      ['3000', 'extended'],
      ['5000', 'extended'],
    ];
    for (const [event, kind] of cases)
      expect(extended(`01${report(event)}`)).toEqual([`${kind} 1 060504030201 aabb -60`]);
    expect(extended(`02${report('1000')}${report('1300', '00')}`)).toEqual([
      'nonconnectable 1 060504030201 aabb -60',
      'connectable 1 060504030201  -60',
    ]);
    expect(extended(`02${report('1000')}${report('1300', '05aa')}`)).toHaveLength(1);
  });
});

describe('whether a report is of a device that can be connected to', () => {
  it.each([
    ['1300', true], // ADV_IND
    ['1b00', true], // its scan response
    ['1a00', false],
    ['1500', false], // directed
    ['1000', false],
    ['0100', true], // extended advertising
    ['0500', false],
    ['0200', false],
  ])('extended event type %s: %s', (event, expected) => {
    const radio = `01ff7fc4${'00'.repeat(10)}`;
    const told: boolean[] = [];
    extendedReports(fromHex(`01${event}01010203040506${radio}00`), ({ connectable }) => told.push(connectable));
    expect(told).toEqual([expected]);
  });
});

describe('AD structures in reports', () => {
  const hear = (
    kind: Report['kind'],
    data: string,
    types = [AD_MESH_MESSAGE, AD_MESH_BEACON, AD_SERVICE_DATA],
  ): string[] => {
    const heard: Heard[] = [];
    const address = new Uint8Array(6);
    receiveStructures(new VirtualClock(5), types, (ad) => heard.push(ad))({
      kind,
      connectable: kind === 'connectable',
      addressType: 1,
      address,
      data: fromHex(data),
      rssi: 127,
    });
    expect(heard.every(({ rssi, at }) => rssi === 127 && at === 5)).toBe(true);
    return heard.map(({ type, data: octets }) => `${type.toString(16)} ${toHex(octets)}`);
  };

  it('are taken in sequence up to a zero length or one that reaches over the end', () => {
    expect(hear('nonconnectable', '032a0102022b0300ff')).toEqual(['2a 0102', '2b 03']);
    expect(hear('nonconnectable', '020106032a0102092bff')).toEqual(['2a 0102']);
    expect(hear('nonconnectable', '00032a0102')).toEqual([]);
    expect(hear('nonconnectable', '012a0129')).toEqual(['2a ']);
    expect(hear('nonconnectable', '032a0102022b03', [AD_MESH_BEACON])).toEqual(['2b 03']);
  });

  it('of the mesh are heard in ADV_NONCONN_IND alone', () => {
    for (const kind of ['connectable', 'scannable', 'directed', 'response', 'extended'] as const)
      expect(hear(kind, '032a0102022b03')).toEqual([]);
  });

  it('with service data are heard in any but responses and extended PDUs', () => {
    for (const kind of ['nonconnectable', 'connectable', 'scannable'] as const)
      expect(hear(kind, '04165918aa')).toEqual(['16 5918aa']);
    expect(hear('response', '04165918aa')).toEqual([]);
    expect(hear('extended', '04165918aa')).toEqual([]);
  });

  it('may be kept: they are copies', () => {
    const data = fromHex('032a0102');
    let kept: Uint8Array | undefined;
    const who = { kind: 'nonconnectable', connectable: false, addressType: 0, address: new Uint8Array(6) } as const;
    const report = { ...who, data, rssi: -1 };
    receiveStructures(new VirtualClock(), [AD_MESH_MESSAGE], (ad) => {
      kept = ad.data;
    })(report);
    data.fill(0);
    expect(toHex(kept!)).toBe('0102');
  });
});
