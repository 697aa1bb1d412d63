import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type CaptureRecord, withCapture } from './capture.ts';
import { AD_MESH_MESSAGE, type Advertising } from './contract.ts';
import { type Faults, withFaults } from './faults.ts';
import { memoryAir } from './memory-air.ts';
import { type TraceEvent, withTrace } from './trace.ts';

const once = { count: 1, intervalMs: 20 };

/** Sends `count` numbered structures to a receiver with the given faults; their numbers and times as heard. */
function exchange(faults: Faults, count: number, seed = 'faults'): { number: number; at: number; intact: boolean }[] {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const air = memoryAir(clock, random, { jitterMs: 0 });
  const sender = air.join().advertising;
  const heard: { number: number; at: number; intact: boolean }[] = [];
  const receiver = withFaults(air.join().advertising, clock, random, faults);
  receiver.receive([AD_MESH_MESSAGE], ({ data, at }) => {
    const number = (data[0]! << 8) | data[1]!;
    heard.push({ number, at, intact: data.length === 20 && data.slice(2).every((octet) => octet === 0xaa) });
  });
  for (let i = 0; i < count; i++) {
    const data = new Uint8Array(20).fill(0xaa);
    data[0] = i >> 8;
    data[1] = i;
    sender.send({ type: AD_MESH_MESSAGE, data }, once, () => {});
  }
  clock.advance(20 * count + 1000);
  return heard;
}

const near = (actual: number, expected: number) => {
  expect(actual).toBeGreaterThan(expected * 0.8);
  expect(actual).toBeLessThan(expected * 1.2);
};

describe('withFaults', () => {
  it('changes nothing without faults', () => {
    const heard = exchange({}, 50);
    expect(heard.map(({ number }) => number)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(heard.every(({ intact }) => intact)).toBe(true);
  });

  it('loses, duplicates and corrupts as often as it is told', () => {
    near(exchange({ loss: 0.3 }, 1000).length, 700);
    near(exchange({ duplication: 0.3 }, 1000).length, 1300);
    near(exchange({ corruption: 0.5 }, 1000).filter(({ intact }) => !intact).length, 450); // 2 of 20 octets are the number
  });

  it('lets later ones overtake those held back, and loses none of them', () => {
    const numbers = exchange({ reordering: 0.2, reorderingMs: 50 }, 200).map(({ number }) => number);
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('delays up to the given time, and says when it is heard', () => {
    const heard = exchange({ delayMs: 15 }, 200);
    const delays = heard.map(({ number, at }) => at - (20 * number + 1.1));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(-1e-6);
    expect(Math.max(...delays)).toBeLessThan(15);
    expect(Math.max(...delays)).toBeGreaterThan(12);
  });

  it('does the same with the same seed', () => {
    const faults = { loss: 0.1, duplication: 0.1, corruption: 0.1, reordering: 0.1, delayMs: 10 };
    expect(exchange(faults, 200, 'a')).toEqual(exchange(faults, 200, 'a'));
    expect(exchange(faults, 200, 'a')).not.toEqual(exchange(faults, 200, 'b'));
  });

  it('has no bit to corrupt in an empty structure, and changes none of the sender', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(3);
    const air = memoryAir(clock, random);
    const sender = air.join().advertising;
    const heard: number[][] = [];
    const receiver = withFaults(air.join().advertising, clock, random, { corruption: 1 });
    receiver.receive([AD_MESH_MESSAGE], ({ data }) => heard.push([...data]));
    const full = Uint8Array.of(0x00);
    for (const data of [new Uint8Array(0), full]) sender.send({ type: AD_MESH_MESSAGE, data }, once, () => {});
    clock.advance(100);
    expect(heard).toEqual([[], [expect.any(Number)]]);
    expect([heard[1]![0]! > 0, full[0]]).toEqual([true, 0]);
  });

  it('delivers nothing more after unsubscribing, not even what it holds back', () => {
    const clock = new VirtualClock();
    const random = new SeededRandom(1);
    const air = memoryAir(clock, random);
    const sender = air.join().advertising;
    const receiver = withFaults(air.join().advertising, clock, random, { delayMs: 10 });
    let heard = 0;
    const stop = receiver.receive([AD_MESH_MESSAGE], () => heard++);
    sender.send({ type: AD_MESH_MESSAGE, data: new Uint8Array(5) }, once, () => {});
    clock.advance(1.2);
    stop();
    clock.advance(100);
    expect(heard).toBe(0);
  });
});

describe('withTrace and withCapture', () => {
  function traced(wrap: (advertising: Advertising) => Advertising) {
    const clock = new VirtualClock();
    const air = memoryAir(clock, new SeededRandom(2), { jitterMs: 0 });
    const bearer = air.join();
    const other = air.join().advertising;
    const advertising = wrap(bearer.advertising);
    expect([advertising.sets, advertising.minIntervalMs]).toEqual([1, 20]);
    let heard = 0;
    advertising.receive([AD_MESH_MESSAGE], () => heard++);
    const outcomes: unknown[] = [];
    const ad = { type: AD_MESH_MESSAGE, data: Uint8Array.of(1, 0xff) };
    advertising.send(ad, { count: 2, intervalMs: 20 }, (outcome) => outcomes.push(outcome));
    clock.advance(100);
    other.send({ type: AD_MESH_MESSAGE, data: Uint8Array.of(2) }, once, () => {});
    clock.advance(100);
    bearer.close();
    advertising.send(ad, once, (outcome) => outcomes.push(outcome));
    clock.advance(100);
    expect(heard).toBe(1);
    expect(outcomes).toEqual([{ start: 0, end: 21.1 }, expect.objectContaining({ code: 'bearer-closed' })]);
    return ad;
  }

  it('tell of everything sent, failed and heard, and pass it on', () => {
    const events: TraceEvent[] = [];
    const ad = traced((advertising) => withTrace(advertising, (event) => events.push(event)));
    expect(events).toEqual([
      { kind: 'sent', ad, transmit: { count: 2, intervalMs: 20 }, sent: { start: 0, end: 21.1 } },
      { kind: 'heard', ad: { type: AD_MESH_MESSAGE, data: Uint8Array.of(2), rssi: -60, at: 101.1 } },
      { kind: 'failed', ad, transmit: once, error: expect.any(MeshError) },
    ]);
  });

  it('write records in the form of the capture files', () => {
    const records: CaptureRecord[] = [];
    traced((advertising) => withCapture(advertising, (record) => records.push(record)));
    expect(records).toEqual([
      { t: 0, d: 0, ad: 42, p: '01ff' },
      { t: 101100, d: 1, ad: 42, p: '02', rssi: -60 },
    ]);
  });
});
