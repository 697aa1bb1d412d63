import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { AD_MESH_BEACON, AD_MESH_MESSAGE, type Heard, type Sent } from './contract.ts';
import { type MemoryAirOptions, memoryAir } from './memory-air.ts';

const data = (...octets: number[]) => Uint8Array.from(octets);

function setUp(radios: number, options: MemoryAirOptions = {}) {
  const clock = new VirtualClock();
  const air = memoryAir(clock, new SeededRandom(7), options);
  const bearers = Array.from({ length: radios }, () => air.join());
  const heard: Heard[][] = bearers.map(() => []);
  bearers.forEach(({ advertising }, i) => {
    advertising.receive([AD_MESH_MESSAGE], (ad) => heard[i]?.push(ad));
  });
  return { clock, air, bearers, heard };
}

describe('memoryAir', () => {
  it('carries each event to all others that want its type, after its airtime', () => {
    const { clock, bearers, heard, air } = setUp(3);
    let sent: Sent | MeshError | undefined;
    bearers[0]?.advertising.send({ type: AD_MESH_MESSAGE, data: data(1, 2) }, { count: 3, intervalMs: 20 }, (s) => {
      sent = s;
    });
    bearers[0]?.advertising.send({ type: AD_MESH_BEACON, data: data(3) }, { count: 1, intervalMs: 20 }, () => {});
    expect(sent).toBeUndefined();
    clock.advance(1000);
    expect(heard.map((ads) => ads.length)).toEqual([0, 3, 3]);
    expect(heard[1]?.[0]).toEqual({ type: AD_MESH_MESSAGE, data: data(1, 2), rssi: -60, at: 1.1 });
    const [first, second, third] = heard[1]!.map(({ at }) => at) as [number, number, number];
    for (const distance of [second - first, third - second]) {
      expect(distance).toBeGreaterThanOrEqual(20);
      expect(distance).toBeLessThan(30);
    }
    expect(sent).toEqual({ start: 0, end: third });
    expect(air.events).toBe(4);
  });

  it('sends in order, as many at a time as there are sets, none faster than the shortest interval', () => {
    for (const sets of [1, 2]) {
      const { clock, bearers, heard } = setUp(2, { sets, jitterMs: 0, minIntervalMs: 30, airtimeMs: 1 });
      for (let i = 0; i < 4; i++) {
        bearers[0]?.advertising.send({ type: AD_MESH_MESSAGE, data: data(i) }, { count: 2, intervalMs: 10 }, () => {});
      }
      clock.advance(1000);
      const starts = heard[1]!.map((ad) => [ad.data[0], ad.at - 1]);
      const expected = [0, 1, 2, 3].flatMap((i) => [0, 30].map((at) => [i, Math.floor(i / sets) * 60 + at]));
      expect(starts.sort()).toEqual(expected.sort());
    }
  });

  it('keeps to the topology and the loss of each link', () => {
    const { clock, bearers, heard } = setUp(4, {
      hears: (from, to) => Math.abs(from - to) === 1,
      loss: (from, to) => (from === 1 && to === 2 ? 0.25 : 0),
    });
    for (let i = 0; i < 1000; i++) {
      bearers[1]?.advertising.send({ type: AD_MESH_MESSAGE, data: data(1) }, { count: 1, intervalMs: 20 }, () => {});
    }
    clock.advance(100_000);
    expect([heard[0]?.length, heard[3]?.length]).toEqual([1000, 0]);
    expect(heard[2]!.length).toBeGreaterThan(700);
    expect(heard[2]!.length).toBeLessThan(800);
  });

  it('takes back what is cancelled, also between two events, and calls done no more', () => {
    const { clock, bearers, heard } = setUp(2);
    const fail = () => expect.unreachable('done after a cancel');
    const send = (octet: number) =>
      bearers[0]!.advertising.send({ type: AD_MESH_MESSAGE, data: data(octet) }, { count: 5, intervalMs: 20 }, fail);
    const [running, waiting] = [send(1), send(2)];
    waiting();
    clock.advance(31);
    running();
    running();
    clock.advance(1000);
    expect(heard[1]!.map((ad) => ad.data[0])).toEqual([1, 1]);
  });

  it('ends what is under way with bearer-closed, and refuses what is too long or too late', () => {
    const { clock, bearers, heard } = setUp(2);
    const codes: (string | undefined)[] = [];
    const send = (length: number) =>
      bearers[0]!.advertising.send(
        { type: AD_MESH_MESSAGE, data: new Uint8Array(length) },
        { count: 3, intervalMs: 20 },
        (outcome) => codes.push(outcome instanceof MeshError ? outcome.code : undefined),
      );
    send(30);
    send(29);
    send(1);
    clock.advance(1);
    expect(codes).toEqual(['ad-too-long']);
    bearers[0]!.close();
    send(1);
    clock.advance(1000);
    expect(codes).toEqual(['ad-too-long', 'bearer-closed', 'bearer-closed', 'bearer-closed']);
    expect(heard[1]!.length).toBe(1);
  });
});
