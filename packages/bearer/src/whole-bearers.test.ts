import { MeshError, SeededRandom, toHex, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { joinBearers } from './bridge.ts';
import { type CaptureRecord, type GattCaptureRecord, withCapture } from './capture.ts';
import { AD_MESH_MESSAGE, type Bearer } from './contract.ts';
import { type Faults, withFaults } from './faults.ts';
import { type GattLink, MESH_PROXY_SERVICE } from './gatt.ts';
import { memoryGatt } from './gatt-memory.ts';
import type { GattTraceEvent } from './gatt-trace.ts';
import { memoryAir } from './memory-air.ts';
import { type TraceEvent, withTrace } from './trace.ts';

const OFFER = { service: 0x1828, data: Uint8Array.of(7), intervalMs: 100, privateAddress: false };

/** A wrapped bearer with everything, one that is not, and links in both directions. */
function setUp(wrap: (bearer: Bearer, clock: VirtualClock) => Bearer) {
  const clock = new VirtualClock();
  const air = memoryAir(clock, new SeededRandom(1), { jitterMs: 0 });
  const gatt = memoryGatt(clock, { valueMs: 10, connectMs: 50 });
  const [radio, links] = [air.join(), gatt.join({ connections: 2 })];
  const lost = new Set<(reason: MeshError) => void>();
  let closed = 0;
  const wrapped = wrap(
    {
      advertising: radio.advertising,
      central: links.central,
      peripheral: links.peripheral,
      lost: (tell) => {
        lost.add(tell);
        return () => void lost.delete(tell);
      },
      close: () => {
        closed++;
        radio.close();
        links.close();
      },
    },
    clock,
  );
  const other = gatt.join();
  const served: GattLink[] = [];
  for (const { peripheral } of [wrapped, other]) {
    peripheral!.serve(MESH_PROXY_SERVICE, (link) => void served.push(link));
    peripheral!.advertise(OFFER);
  }
  /** Connects from one to the other; the value that arrived at each end, and how often it ended. */
  const link = (from: Bearer) => {
    let peer = '';
    const stop = from.central!.discover([0x1828], (found) => {
      peer ||= from === wrapped && found.peer === 'memory-0' ? '' : found.peer;
    });
    clock.advance(1000);
    stop();
    const ends: { link: GattLink; received: string[]; ended: number }[] = [];
    const watch = (end: GattLink) => {
      const record = { link: end, received: [] as string[], ended: 0 };
      end.listen({
        received: (value) => void record.received.push(toHex(value)),
        disconnected: () => void record.ended++,
      });
      ends.push(record);
    };
    served.length = 0;
    from.central!.connect(peer, MESH_PROXY_SERVICE, (outcome) => {
      if (!(outcome instanceof MeshError)) watch(outcome);
    });
    clock.advance(60);
    watch(served[0]!);
    return { client: ends[0]!, server: ends[1]! };
  };
  return {
    clock,
    air,
    wrapped,
    other,
    link,
    lose: () => {
      for (const tell of lost) tell(new MeshError('bearer-lost', 'x'));
    },
    closes: () => closed,
  };
}

const silent = () => {};

describe('withTrace and withCapture of a whole bearer', () => {
  it('tell of links and their values from the side of the wrapped end', () => {
    const events: (TraceEvent | GattTraceEvent)[] = [];
    const { clock, wrapped, other, link, air } = setUp((bearer) => withTrace(bearer, (event) => events.push(event)));
    const { client, server } = link(wrapped);
    const codes: (string | undefined)[] = [];
    client.link.send(Uint8Array.of(1), (error) => codes.push(error?.code));
    server.link.send(Uint8Array.of(2), silent);
    clock.advance(20);
    client.link.send(new Uint8Array(21), (error) => codes.push(error?.code));
    clock.advance(20);
    expect([client.link.mtu, codes, client.received, server.received]).toEqual([
      23,
      [undefined, 'value-too-long'],
      ['02'],
      ['01'],
    ]);
    client.link.disconnect();
    clock.advance(20);
    link(other).client.link.send(Uint8Array.of(3), silent);
    clock.advance(20);
    wrapped.advertising!.receive([AD_MESH_MESSAGE], silent);
    air
      .join()
      .advertising.send({ type: AD_MESH_MESSAGE, data: Uint8Array.of(4) }, { count: 1, intervalMs: 20 }, silent);
    clock.advance(20);
    const first = { number: 0, side: 'client', peer: expect.any(String) };
    const second = { number: 1, side: 'server', peer: undefined };
    expect(events).toEqual([
      { kind: 'connected', link: first },
      { kind: 'value-sent', link: first, value: Uint8Array.of(1) },
      { kind: 'value-received', link: first, value: Uint8Array.of(2) },
      { kind: 'value-failed', link: first, value: new Uint8Array(21), error: expect.any(MeshError) },
      { kind: 'disconnected', link: first },
      { kind: 'connected', link: second },
      { kind: 'value-received', link: second, value: Uint8Array.of(3) },
      { kind: 'heard', ad: expect.objectContaining({ data: Uint8Array.of(4) }) },
    ]);
  });

  it('write records in the form of the capture files: in to the server, out of it', () => {
    const records: (CaptureRecord | GattCaptureRecord)[] = [];
    const set = setUp((bearer, clock) => withCapture(bearer, (record) => records.push(record), clock));
    const { clock, wrapped, other, link } = set;
    for (const from of [wrapped, other]) {
      const { client, server } = link(from);
      client.link.send(Uint8Array.of(1), silent);
      clock.advance(20);
      server.link.send(Uint8Array.of(2), silent);
      clock.advance(20);
      client.link.disconnect();
      clock.advance(20);
    }
    wrapped.advertising!.send({ type: AD_MESH_MESSAGE, data: Uint8Array.of(9) }, { count: 1, intervalMs: 20 }, silent);
    clock.advance(20);
    expect(records).toEqual([
      { t: 1_070_000, d: 0, gatt: 'in', p: '01' },
      { t: 1_090_000, d: 0, gatt: 'out', p: '02' },
      { t: 2_190_000, d: 1, gatt: 'in', p: '01' },
      { t: 2_210_000, d: 1, gatt: 'out', p: '02' },
      { t: 2_240_000, d: 0, ad: 42, p: '09' },
    ]);
  });

  it('leave being lost and being closed to the bearer', () => {
    const { wrapped, lose, closes } = setUp((bearer) => withTrace(bearer, silent));
    const told: string[] = [];
    wrapped.lost?.(({ code }) => told.push(code));
    lose();
    wrapped.close();
    expect([told, closes()]).toEqual([['bearer-lost'], 1]);
    expect(withTrace({ close: silent }, silent).lost).toBeUndefined();
    expect(Object.keys(withFaults({ close: silent }, new VirtualClock(), new SeededRandom(1), {}))).toEqual(['close']);
  });
});

describe('withFaults of a whole bearer', () => {
  const faulty = (faults: Faults) => setUp((bearer, clock) => withFaults(bearer, clock, new SeededRandom(3), faults));

  it('changes nothing on links without faults', () => {
    const { clock, wrapped, link } = faulty({});
    const { client, server } = link(wrapped);
    server.link.send(Uint8Array.of(1), silent);
    clock.advance(10);
    expect(client.received).toEqual(['01']);
  });

  it('delays values, and keeps their order', () => {
    const { clock, wrapped, link } = faulty({ delayMs: 200, corruption: 1, reordering: 1, duplication: 1 });
    const { client, server } = link(wrapped);
    const numbers = Array.from({ length: 20 }, (_, i) => i);
    for (const i of numbers) server.link.send(Uint8Array.of(i), silent);
    clock.advance(100);
    expect(client.received.length).toBeLessThan(10);
    clock.advance(400);
    expect(client.received).toEqual(numbers.map((i) => toHex(Uint8Array.of(i))));
    server.link.send(Uint8Array.of(77), silent);
    clock.advance(10);
    server.link.disconnect();
    clock.advance(500);
    expect([client.received.length, client.ended, server.ended]).toEqual([20, 1, 1]);
  });

  it('ends a link in the place of losing a value, and loses offers', () => {
    const { clock, wrapped, link } = faulty({ loss: 0.1 });
    const { client, server } = link(wrapped);
    for (let i = 0; i < 100; i++) server.link.send(Uint8Array.of(i), silent);
    clock.advance(2000);
    expect([client.ended, server.ended]).toEqual([1, 1]);
    const { length } = client.received;
    expect(length).toBeLessThan(100);
    expect(client.received).toEqual(Array.from({ length }, (_, i) => toHex(Uint8Array.of(i))));
    let heard = 0;
    wrapped.central!.discover([0x1828], () => void heard++);
    clock.advance(100_000);
    expect(heard).toBeGreaterThan(1500);
    expect(heard).toBeLessThan(1950);
  });

  it('spoils structures that are heard, and can leave links alone', () => {
    const { clock, wrapped, link, air } = faulty({ loss: 1, disconnection: 0 });
    wrapped.advertising!.receive([AD_MESH_MESSAGE], () => expect.unreachable());
    air
      .join()
      .advertising.send({ type: AD_MESH_MESSAGE, data: Uint8Array.of(4) }, { count: 1, intervalMs: 20 }, silent);
    expect(() => link(wrapped)).toThrow(); // no offer is heard
    clock.advance(100);
  });
});

describe('a bridge', () => {
  it('tells which of its bearers was lost, and closes all', () => {
    const { wrapped, lose, closes } = setUp((bearer) => bearer);
    let others = 0;
    const bridge = joinBearers([{ close: () => others++ }, wrapped], new VirtualClock());
    const told: [string, number][] = [];
    bridge.lost(() => expect.unreachable())();
    bridge.lost(({ code }, index) => void told.push([code, index]));
    lose();
    bridge.close();
    expect([told, closes(), others]).toEqual([[['bearer-lost', 1]], 1, 1]);
    expect([joinBearers([{ close: silent }], new VirtualClock(), { proxies: 3 }).centrals]).toEqual([[]]);
  });

  it('scans with each of its centrals that can, and lets two parts of a node share a peer for different services', () => {
    const clock = new VirtualClock();
    const gatt = memoryGatt(clock);
    const smp = { ...MESH_PROXY_SERVICE, uuid: '8d53dc1d-1db7-4cd3-868b-8a527460aa84' };
    const peripheral = gatt.peripheral();
    for (const service of [smp, MESH_PROXY_SERVICE]) peripheral.serve(service, silent);
    const data = new Uint8Array();
    peripheral.advertise({ service: smp.uuid, name: 'Lamp', data, intervalMs: 100, privateAddress: false });
    const plain = { discover: () => silent, connect: () => silent };
    const bearers = [
      { central: gatt.central(), close: silent },
      { central: plain, close: silent },
    ];
    const { centrals } = joinBearers(bearers, clock, { proxies: 3 });
    const [proxy, other, second] = [centrals[0]!, centrals[1]!, centrals[2]!];
    expect(other.scan).toBeUndefined();
    const names: (string | null)[] = [];
    let peer = '';
    const stop = second.scan!((device) => {
      names.push(device.name);
      peer = device.peer;
    });
    clock.advance(150);
    stop();
    expect(names).toEqual(['Lamp']);
    const outcomes: string[] = [];
    const tell = (outcome: GattLink | MeshError) =>
      void outcomes.push(outcome instanceof MeshError ? outcome.message : 'open');
    proxy.connect(peer, MESH_PROXY_SERVICE, tell);
    second.connect(peer, smp, tell);
    second.connect(peer, MESH_PROXY_SERVICE, tell);
    clock.advance(500);
    expect(outcomes).toEqual([expect.stringMatching(/by another part of this node/), 'open', 'open']);
  });

  it('leaves a peer to who connects to it, until that fails, is cancelled, or the link ends', async () => {
    const { clock, wrapped } = setUp((bearer) => bearer);
    const { centrals } = joinBearers([wrapped], clock, { proxies: 2 });
    const [a, b] = [centrals[0]!, centrals[1]!];
    const heard = () => {
      const peers = new Set<string>();
      const stop = b.discover([0x1828], ({ peer }) => void peers.add(peer));
      clock.advance(300);
      stop();
      return [...peers];
    };
    const all = heard();
    const peer = all[1]!;
    a.connect(peer, MESH_PROXY_SERVICE, silent)();
    const stop = a.connect(peer, MESH_PROXY_SERVICE, () => expect.unreachable());
    b.connect(peer, MESH_PROXY_SERVICE, () => expect.unreachable())();
    const refused = new Promise<unknown>((resolve) => b.connect(peer, MESH_PROXY_SERVICE, resolve));
    clock.advance(1);
    expect(await refused).toMatchObject({ code: 'connect-failed' });
    stop();
    expect(heard()).toEqual(all);
    const failures: string[] = [];
    for (const each of [a, b]) {
      each.connect('memory-99', MESH_PROXY_SERVICE, (outcome) => void failures.push((outcome as MeshError).message));
      clock.advance(300);
    }
    expect(failures).toEqual(['no connection to memory-99', 'no connection to memory-99']);
    a.connect(peer, { ...MESH_PROXY_SERVICE, uuid: 0x1827 }, silent); // another service: b may have the one that is heard
    expect(heard()).toEqual(all);
    let link: GattLink | undefined;
    a.connect(all[0]!, MESH_PROXY_SERVICE, (outcome) => {
      link = outcome as GattLink;
      link.listen({ received: silent, disconnected: silent });
      link.send(Uint8Array.of(1), silent);
    });
    expect([heard(), link?.mtu]).toEqual([[peer], 23]);
    link?.disconnect();
    expect(heard().sort()).toEqual([...all].sort());
  });
});
