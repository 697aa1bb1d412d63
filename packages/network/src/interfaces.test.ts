import { type MemoryAir, memoryAir } from '@meshferry/bearer';
import { MemoryStore, SeededRandom, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { appMessage, TestNode, track } from './testing/node.ts';

/** Node 1 with a radio in each of two airs; node 2 hears the first air, node 3 the second. */
function setUp() {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const airs = [memoryAir(clock, random), memoryAir(clock, random)] as [MemoryAir, MemoryAir];
  const nodes = [1, 2, 3].map((address) => new TestNode({ clock, random, store: new MemoryStore(), address }));
  const [gateway, near, far] = nodes as [TestNode, TestNode, TestNode];
  const radios = airs.map((air) => air.join()) as [ReturnType<MemoryAir['join']>, ReturnType<MemoryAir['join']>];
  const detach = radios.map((radio) => gateway.layer.attach(radio.advertising));
  near.layer.attach(airs[0].join().advertising);
  far.layer.attach(airs[1].join().advertising);
  return { clock, airs, radios, detach, gateway, near, far };
}

describe('a node with two network interfaces', () => {
  it('sends over both and answers peers on either', () => {
    const { clock, gateway, near, far } = setUp();
    const outcomes = [2, 3].map((dst) => track((done) => gateway.layer.send(appMessage(1, dst, 100), done)));
    const short = track((done) => gateway.layer.send(appMessage(1, 0xffff, 5), done));
    near.layer.send(appMessage(2, 1, 100));
    far.layer.send(appMessage(3, 1, 100));
    clock.advance(10_000);
    expect([...outcomes, short].map((o) => o.outcome)).toEqual(['sent', 'sent', 'sent']);
    expect([near.received.length, far.received.length]).toEqual([2, 2]);
    expect(gateway.received.map((m) => m.src).sort()).toEqual([1, 2, 3]);
  });

  it('is content when one of them works, and fails when none does', () => {
    const { clock, radios, gateway, far } = setUp();
    radios[0].close();
    const one = [5, 100].map((length) => track((done) => gateway.layer.send(appMessage(1, 3, length), done)));
    clock.advance(5000);
    expect(one.map((o) => o.outcome)).toEqual(['sent', 'sent']);
    expect(far.received.length).toBe(2);
    const long = track((done) => gateway.layer.send(appMessage(1, 3, 380), done));
    clock.advance(100);
    radios[1].close();
    clock.advance(5000);
    expect(long.outcome).toMatchObject({ code: 'bearer-closed' });
  });

  it('leaves one of them, and may attach the other twice', () => {
    const { clock, airs, radios, detach, gateway, near } = setUp();
    detach[1]?.();
    gateway.layer.attach(radios[0].advertising);
    gateway.layer.send(appMessage(1, 2, 5));
    near.layer.send(appMessage(2, 1, 5));
    clock.advance(1000);
    expect([near.received.length, gateway.received.length, airs[1].events]).toEqual([1, 1, 0]);
    expect(gateway.layer.counters.duplicates).toBe(2);
  });

  it('takes a cancelled message back from both', () => {
    const { clock, airs, gateway } = setUp();
    const cancelled = track((done) => gateway.layer.send(appMessage(1, 2, 5), done)());
    clock.advance(1000);
    expect(cancelled.outcome).toMatchObject({ code: 'cancelled' });
    expect(airs.map((air) => air.events)).toEqual([1, 1]); // the first event had begun
  });
});

describe('states that change while a node runs', () => {
  it('count from then on', () => {
    const { clock, airs, gateway, near } = setUp();
    const { layer } = near;
    layer.defaultTtl = 9;
    layer.transmit = { count: 1, intervalMs: 20 };
    layer.send(appMessage(2, 1, 5));
    clock.advance(1000);
    expect(airs[0].events).toBe(1);
    expect(gateway.received.map((m) => m.ttl)).toEqual([9]);
    expect(() => {
      layer.defaultTtl = 1;
    }).toThrow(expect.objectContaining({ code: 'bad-field' }));

    layer.setSarTransmitter({ multicastRetransmissionsCount: 0 });
    layer.setSarReceiver({ discardTimeout: 3 });
    expect([layer.sarTransmitter, layer.sarReceiver]).toMatchObject([
      { multicastRetransmissionsCount: 0, segmentIntervalStep: 5 },
      { discardTimeout: 3, segmentsThreshold: 3 },
    ]);
    layer.send(appMessage(2, 0xffff, 20));
    clock.advance(2000);
    expect(airs[0].events).toBe(3);

    gateway.layer.send(appMessage(1, 0xfffe, 5, 1));
    clock.advance(1000);
    layer.relay = { count: 1, intervalMs: 20 };
    expect(layer.relay).toEqual({ count: 1, intervalMs: 20 });
    gateway.layer.send(appMessage(1, 0xfffe, 5, 2));
    clock.advance(1000);
    expect(near.received.filter((m) => m.dst === 0xfffe).map((m) => m.payload[0])).toEqual([2]); // all-relays
    expect(layer.counters.relayed).toBe(1);

    layer.removeAppKey(0);
    gateway.layer.send(appMessage(1, 2, 5));
    clock.advance(1000);
    expect(layer.counters.unreadable).toBe(1);
    expect(layer.ivIndex).toBe(0);
  });
});
