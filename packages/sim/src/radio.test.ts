import { AD_MESH_MESSAGE, type Heard } from '@meshferry/bearer';
import { SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import type { ControllerSettings, RadioPort } from './advertiser.ts';
import { Radio, type RadioOptions } from './radio.ts';
import { layOut, type Topology } from './topology.ts';
import { traceHash } from './trace.ts';

const ONCE = { count: 1, intervalMs: 20 };
const FULL_SEGMENT = new Uint8Array(29).fill(0x5a);

interface World {
  clock: VirtualClock;
  radio: Radio;
  ports: RadioPort[];
  /** What each node heard. */
  heard: Heard[][];
}

function world(
  nodes: number,
  options: Partial<RadioOptions> & { seed?: number; controller?: Partial<ControllerSettings> } = {},
): World {
  const clock = new VirtualClock();
  const random = new SeededRandom(options.seed ?? 1);
  const topology = options.topology ?? layOut('full', nodes, random);
  const radio = new Radio({ clock, random, ...options, topology });
  const heard: Heard[][] = [];
  const ports = Array.from({ length: nodes }, (_, index) => {
    const port = radio.attach({ index, controller: options.controller ?? {} });
    const own: Heard[] = [];
    heard.push(own);
    port.receive([AD_MESH_MESSAGE], (ad) => own.push(ad));
    return port;
  });
  return { clock, radio, ports, heard };
}

/** Keeps the port busy with single PDUs, one after the other. */
function flood(port: RadioPort, pdus: number): void {
  if (pdus === 0) return;
  port.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => flood(port, pdus - 1));
}

describe('the ideal radio', () => {
  it('brings every event to everyone in range once, at its end, and not to the sender', () => {
    const { clock, ports, heard, radio } = world(4, { model: 'ideal' });
    ports[0]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, { count: 3, intervalMs: 20 }, () => {});
    clock.advance(100);
    expect(heard.map((own) => own.length)).toEqual([0, 3, 3, 3]);
    expect(heard[1]?.[0]?.at).toBeCloseTo(1.128, 9);
    expect(heard[1]?.[0]?.data).toEqual(FULL_SEGMENT);
    expect(heard[1]?.[0]?.rssi).toBeLessThan(-50);
    expect(radio.stats).toMatchObject({ events: 3, receptions: 9 });
    expect(radio.stats.airtimePerChannelMs).toBeCloseTo(3 * 0.376, 9);
  });

  it('lets simultaneous transmissions through', () => {
    const { clock, ports, heard } = world(3, { model: 'ideal' });
    for (const port of ports) port.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
    clock.advance(100);
    expect(heard.map((own) => own.length)).toEqual([2, 2, 2]);
  });

  it('delivers only the types that a node listens for', () => {
    const { clock, ports, heard, radio } = world(2, { model: 'ideal' });
    ports[0]?.send({ type: 0x2b, data: FULL_SEGMENT }, ONCE, () => {});
    clock.advance(100);
    expect(heard[1]).toEqual([]);
    expect(radio.stats).toMatchObject({ events: 1, receptions: 0 });
  });
});

describe('the honest radio', () => {
  it('misses 1.6 to 2.2 % of single events by scan geometry alone', () => {
    const { clock, ports, radio } = world(21, { model: 'honest' });
    flood(ports[0] as RadioPort, 5000);
    clock.advance(5000 * 31);
    const { receptions, missed } = radio.stats;
    expect(receptions + missed.scan).toBe(5000 * 20);
    expect(missed.scan / 100_000).toBeGreaterThan(0.016);
    expect(missed.scan / 100_000).toBeLessThan(0.022);
    expect(missed).toMatchObject({ halfDuplex: 0, collision: 0, loss: 0 });
  });

  it('hears nothing while it transmits', () => {
    // 20 ms interval on both: events overlap only now and then, so the count is a matter of statistics.
    const { clock, ports, radio } = world(2);
    for (const port of ports) flood(port, 20_000);
    clock.advance(20_000 * 31);
    const { receptions, missed } = radio.stats;
    const blocked = missed.halfDuplex / (receptions + missed.scan + missed.halfDuplex);
    expect(missed.collision).toBe(0);
    // One packet of 0.376 ms against an own event of 1.58 ms in every 25 ms.
    expect(blocked).toBeGreaterThan(0.06);
    expect(blocked).toBeLessThan(0.1);
  });

  it('destroys two packets that overlap at one receiver, but not where only one is heard', () => {
    // A line 0 – 1 – 2 – 3: nodes 1 and 2 hear two transmitters at most; here 0 and 2 send at once.
    const topology = layOut('line', 4, new SeededRandom(1));
    const { clock, ports, radio, heard } = world(4, { topology });
    for (let i = 0; i < 500; i++) {
      ports[0]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
      ports[2]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
      clock.advance(100);
    }
    expect(radio.stats.missed.collision).toBeGreaterThan(200);
    expect(radio.stats.missed.halfDuplex).toBe(0);
    // Node 3 hears only node 2 and loses nothing but scan misses.
    expect(heard[3]?.length).toBeGreaterThan(480);
    expect((heard[1]?.length ?? 0) + radio.stats.missed.collision).toBeGreaterThan(960);
  });
});

describe('loss', () => {
  it.each(['ideal', 'honest'] as const)(
    'takes its share of receptions on the %s radio, each link on its own',
    (model) => {
      const { clock, ports, radio, heard } = world(11, { model, loss: 0.2 });
      flood(ports[0] as RadioPort, 4000);
      clock.advance(4000 * 31);
      const { receptions, missed } = radio.stats;
      expect(missed.loss / (receptions + missed.loss)).toBeCloseTo(0.2, 2);
      const counts = heard.slice(1).map((own) => own.length);
      expect(Math.min(...counts)).toBeGreaterThan(4000 * 0.8 * 0.95);
      expect(new Set(counts).size).toBeGreaterThan(3);
    },
  );

  it('is refused outside 0 to 1', () => {
    expect(() => world(2, { loss: 1.5 })).toThrow(expect.objectContaining({ code: 'bad-loss' }));
  });
});

describe('topology on the air', () => {
  it('carries one hop to the neighbours of a line and no further', () => {
    const topology: Topology = layOut('line', 5, new SeededRandom(1));
    const { clock, ports, heard } = world(5, { topology, model: 'ideal' });
    ports[2]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
    clock.advance(100);
    expect(heard.map((own) => own.length)).toEqual([0, 1, 0, 1, 0]);
  });
});

describe('attaching', () => {
  it('gives each place once, and again after power off', () => {
    const { radio, ports } = world(2);
    expect(() => radio.attach({ index: 1 })).toThrow(expect.objectContaining({ code: 'radio-occupied' }));
    expect(() => radio.attach({ index: 2 })).toThrow(expect.objectContaining({ code: 'bad-node-index' }));
    ports[1]?.close();
    expect(radio.attach({ index: 1 }).index).toBe(1);
  });

  it('hears nothing more after power off', () => {
    const { clock, ports, heard } = world(2, { model: 'ideal' });
    ports[0]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, { count: 5, intervalMs: 20 }, () => {});
    clock.advance(30);
    ports[1]?.close();
    clock.advance(200);
    expect(heard[1]?.length).toBeLessThan(3);
  });
});

describe('determinism', () => {
  function run(seed: number): string {
    const { clock, ports, radio } = world(8, { seed, loss: 0.1 });
    const hash = traceHash(radio);
    // Everyone repeats what it hears once, so that every chance of the radio shows in the trace.
    for (const port of ports) {
      let repeats = 20;
      port.receive([AD_MESH_MESSAGE], (ad) => {
        if (repeats-- > 0) port.send(ad, { count: 2, intervalMs: 20 }, () => {});
      });
    }
    flood(ports[0] as RadioPort, 50);
    clock.advance(5000);
    expect(hash.events).toBe(radio.stats.events);
    return hash.digest();
  }

  it('gives the same trace for the same seed, another for another', () => {
    expect(run(7)).toBe(run(7));
    expect(run(7)).not.toBe(run(8));
  });

  it('keeps hashing after a digest and stops at close', () => {
    const { clock, ports, radio } = world(2);
    const hash = traceHash(radio);
    const digests = [hash.digest()];
    for (let i = 0; i < 2; i++) {
      ports[0]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
      clock.advance(100);
      digests.push(hash.digest());
    }
    hash.close();
    ports[0]?.send({ type: AD_MESH_MESSAGE, data: FULL_SEGMENT }, ONCE, () => {});
    clock.advance(100);
    expect(new Set(digests).size).toBe(3);
    expect(hash.events).toBe(2);
    expect(hash.digest()).toBe(digests[2]);
  });
});
