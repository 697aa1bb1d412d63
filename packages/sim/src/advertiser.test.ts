import { AD_MESH_MESSAGE, type Sent } from '@meshferry/bearer';
import { MeshError, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { type AirEvent, type ControllerSettings, type RadioPort, ZEPHYR_CONTROLLER } from './advertiser.ts';
import { Radio } from './radio.ts';
import { layOut } from './topology.ts';

interface Bench {
  clock: VirtualClock;
  radio: Radio;
  port: RadioPort;
  air: AirEvent[];
  outcomes: (Sent | MeshError)[];
  send(tag: number, count?: number, intervalMs?: number): () => void;
}

function bench(controller: Partial<ControllerSettings>, model: 'ideal' | 'honest' = 'ideal'): Bench {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const radio = new Radio({ clock, random, topology: layOut('full', 2, random), model });
  const port = radio.attach({ index: 0, controller });
  const air: AirEvent[] = [];
  radio.tap((event) => air.push(event));
  const outcomes: (Sent | MeshError)[] = [];
  const send = (tag: number, count = 1, intervalMs = 20): (() => void) => {
    const data = new Uint8Array(29).fill(tag);
    return port.send({ type: AD_MESH_MESSAGE, data }, { count, intervalMs }, (outcome) => outcomes.push(outcome));
  };
  return { clock, radio, port, air, outcomes, send };
}

const tags = (air: readonly AirEvent[]): (number | undefined)[] => air.map((event) => event.data[0]);

function gaps(air: readonly AirEvent[]): number[] {
  return air.slice(1).map((event, i) => event.at - (air[i] as AirEvent).at);
}

function expectNoOverlap(air: readonly AirEvent[]): void {
  air.slice(1).forEach((event, i) => {
    expect(event.at).toBeGreaterThanOrEqual((air[i] as AirEvent).end);
  });
}

describe('a controller that works by interval', () => {
  it('sends the copies interval + 0…10 ms apart and reports first start and last end', () => {
    const { clock, air, outcomes, send } = bench({});
    send(1, 3);
    clock.advance(200);
    expect(air.length).toBe(3);
    for (const gap of gaps(air)) {
      expect(gap).toBeGreaterThanOrEqual(20);
      expect(gap).toBeLessThan(30);
    }
    expect(outcomes).toEqual([{ start: air[0]?.at, end: air[2]?.end }]);
  });

  it.each(['ideal', 'honest'] as const)('passes one PDU in 25 ms on average with one set of 20 ms (%s)', (model) => {
    const { clock, air, send } = bench({}, model);
    for (let i = 0; i < 2000; i++) send(i);
    clock.advance(2000 * 30);
    expect(air.length).toBe(2000);
    const mean = ((air.at(-1) as AirEvent).at - (air[0] as AirEvent).at) / 1999;
    expect(mean).toBeGreaterThan(24.7);
    expect(mean).toBeLessThan(25.3);
  });

  it('holds a PDU as long as Zephyr does: 23.65 ms after its last event, 73.7 ms for three copies on average', () => {
    const { air, clock, send } = bench(ZEPHYR_CONTROLLER, 'honest');
    for (let i = 0; i < 1000; i++) send(i, 3);
    clock.advance(1000 * 90);
    expect(air.length).toBe(3000);
    const between = gaps(air).filter((_, i) => i % 3 === 2);
    for (const gap of between) expect(gap).toBeCloseTo(23.65, 6);
    const mean = ((air.at(-3) as AirEvent).at - (air[0] as AirEvent).at) / 999;
    expect(mean).toBeGreaterThan(73.3);
    expect(mean).toBeLessThan(74.1);
  });

  it.each([
    [{}, 0.5, 2],
    [ZEPHYR_CONTROLLER, 0.5, 1.35],
  ])('starts an idle set after a host round trip on the honest radio (%o)', (controller, least, most) => {
    const { air, clock, send } = bench(controller, 'honest');
    const asked: number[] = [];
    for (let i = 0; i < 200; i++) {
      asked.push(clock.now);
      send(i);
      clock.advance(100);
    }
    const waits = air.map(({ at }, i) => at - (asked[i] as number));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(least);
    expect(Math.min(...waits)).toBeLessThan(least + 0.1);
    expect(Math.max(...waits)).toBeGreaterThan(most - 0.1);
    expect(Math.max(...waits)).toBeLessThanOrEqual(most);
  });

  it('keeps the pace when each PDU is handed over only after the one before is done', () => {
    const { clock, air, port } = bench({});
    const next = (): void => {
      port.send({ type: AD_MESH_MESSAGE, data: new Uint8Array(29) }, { count: 1, intervalMs: 20 }, next);
    };
    next();
    clock.advance(50_000);
    expect(air.length).toBeGreaterThan(1950);
    expect(air.length).toBeLessThan(2050);
  });

  it('multiplies the rate by its sets, in order, one packet at a time', () => {
    const { clock, air, send } = bench({ sets: 4 });
    for (let i = 0; i < 250; i++) send(i);
    clock.advance(10_000);
    const took = (air.at(-1) as AirEvent).at - (air[0] as AirEvent).at;
    expect(took / 249).toBeGreaterThan(5.9);
    expect(took / 249).toBeLessThan(6.7);
    expect(tags(air)).toEqual(Array.from({ length: 250 }, (_, i) => i));
    expectNoOverlap(air);
  });

  it('uses the longer of its own and the asked interval between copies', () => {
    const slow = bench({ intervalMs: 100 });
    slow.send(1, 2, 20);
    slow.clock.advance(300);
    expect(gaps(slow.air)[0]).toBeGreaterThanOrEqual(100);
    const asked = bench({});
    asked.send(1, 2, 50);
    asked.clock.advance(300);
    expect(gaps(asked.air)[0]).toBeGreaterThanOrEqual(50);
  });
});

describe('a controller that sends single events', () => {
  it('passes one PDU in its air time + re-arm', () => {
    const { clock, air, send } = bench({ kind: 'single', rearmMs: 1 });
    for (let i = 0; i < 100; i++) send(i);
    clock.advance(1000);
    for (const gap of gaps(air)) expect(gap).toBeCloseTo(2.128, 6);
    expect(air.length).toBe(100);
  });

  it('fills the air with several sets, one packet at a time', () => {
    const { clock, air, send } = bench({ kind: 'single', rearmMs: 1, sets: 4 });
    for (let i = 0; i < 100; i++) send(i);
    clock.advance(1000);
    for (const gap of gaps(air)) expect(gap).toBeCloseTo(1.128, 6);
    expectNoOverlap(air);
  });

  it('sends other PDUs while a copy is not yet due', () => {
    const { clock, air, outcomes, send } = bench({ kind: 'single', rearmMs: 1 });
    send(1, 3, 20);
    send(2);
    clock.advance(100);
    expect(tags(air)).toEqual([1, 2, 1, 1]);
    for (const gap of gaps(air.filter((event) => event.data[0] === 1))) expect(gap).toBeCloseTo(20, 6);
    expect(outcomes.length).toBe(2);
  });
});

describe('every controller', () => {
  it('refuses data longer than 29 octets through done', () => {
    const { clock, port } = bench({});
    let outcome: unknown;
    port.send({ type: AD_MESH_MESSAGE, data: new Uint8Array(30) }, { count: 1, intervalMs: 20 }, (result) => {
      outcome = result;
    });
    clock.advance(1);
    expect(outcome).toMatchObject({ code: 'ad-too-long' });
  });

  it.each(['interval', 'single'] as const)('sends nothing of what was cancelled before it started (%s)', (kind) => {
    const { clock, air, outcomes, send } = bench({ kind });
    send(1);
    const cancel = send(2, 2);
    send(3);
    cancel();
    clock.advance(200);
    expect(tags(air)).toEqual([1, 3]);
    expect(outcomes.length).toBe(2);
  });

  it.each(['interval', 'single'] as const)('drops the copies of what was cancelled on the way (%s)', (kind) => {
    const { clock, air, outcomes, send } = bench({ kind });
    const cancel = send(1, 5);
    clock.advance(5);
    cancel();
    send(2);
    clock.advance(200);
    expect(tags(air)).toEqual([1, 2]);
    expect(outcomes.length).toBe(1);
  });

  it('ends what waits or is under way with bearer-closed, each once', () => {
    const { clock, air, outcomes, port, send } = bench({});
    send(1, 5);
    send(2);
    send(3);
    clock.advance(30);
    port.close();
    port.close();
    send(4);
    clock.advance(200);
    expect(outcomes.map((outcome) => outcome instanceof MeshError && outcome.code)).toEqual(
      Array(4).fill('bearer-closed'),
    );
    expect(air.length).toBeLessThanOrEqual(2);
  });
});
