import { fromHex, toHex } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Feature } from './features.ts';
import { decodeHeartbeat, encodeHeartbeat, hopsOf } from './heartbeat-message.ts';
import {
  decodePeriodLog,
  decodePublicationCountLog,
  encodePublicationCountLog,
  encodeSubscriptionCountLog,
  encodeSubscriptionPeriodLog,
  type HeartbeatPublicationState,
} from './heartbeat-states.ts';
import { TestMesh } from './testing/node.ts';
import { ScriptedNode } from './testing/scripted-node.ts';
import { hex, transport } from './testing/vectors.ts';

const { heartbeat: vectors } = transport;
const relay = { count: 2, intervalMs: 20 };

describe('heartbeat messages', () => {
  it.each(vectors.messages)('$pdu received with TTL $rxTtl', (v) => {
    const parameters = fromHex(v.pdu).subarray(1);
    const decoded = decodeHeartbeat(parameters);
    const fields = { initTtl: hex(v.initTtl), features: hex(v.features) };
    expect(decoded).toEqual({ ok: true, value: fields });
    expect(hopsOf(fields.initTtl, hex(v.rxTtl))).toBe(v.hops);
    if (parameters[0]! < 0x80) expect(encodeHeartbeat(fields)).toEqual(parameters);
  });

  it('decode to what was encoded; other lengths are none', () => {
    const any = fc.record({ initTtl: fc.nat(127), features: fc.nat(0xffff) });
    fc.assert(
      fc.property(any, fc.uint8Array({ maxLength: 12 }), (heartbeat, octets) => {
        expect(decodeHeartbeat(encodeHeartbeat(heartbeat))).toEqual({ ok: true, value: heartbeat });
        expect(decodeHeartbeat(octets).ok).toBe(octets.length === 3);
      }),
    );
    expect(hopsOf(3, 4)).toBeUndefined();
  });
});

describe('logarithmic states', () => {
  it.each(vectors.publicationCountLogSet)('publication CountLog $countLogInSet is $counter', (v) => {
    expect(decodePublicationCountLog(hex(v.countLogInSet))).toBe(v.counter);
  });
  it.each(vectors.publicationCountLogStatus)('publication count $counter shows as $countLogInStatus', (v) => {
    expect(encodePublicationCountLog(v.counter)).toBe(hex(v.countLogInStatus));
  });
  it.each(vectors.publicationPeriodLog)('PeriodLog $periodLog is $seconds s', (v) => {
    expect(decodePeriodLog(hex(v.periodLog))).toBe(v.seconds);
    expect(encodeSubscriptionPeriodLog(v.seconds)).toBe(hex(v.periodLog));
  });
  it.each(vectors.subscriptionCountLog)('subscription count $count shows as $countLogInStatus', (v) => {
    expect(encodeSubscriptionCountLog(v.count)).toBe(hex(v.countLogInStatus));
  });
  it('have prohibited values', () => {
    expect([0x12, 0xfe, -1].map(decodePublicationCountLog)).toEqual([undefined, undefined, undefined]);
    expect([0x12, 0xff, -1].map(decodePeriodLog)).toEqual([undefined, undefined, undefined]);
    expect([0.5, 1.9, 7].map(encodeSubscriptionPeriodLog)).toEqual([1, 1, 3]);
  });
});

const PUBLICATION: HeartbeatPublicationState = {
  destination: 0xffff,
  count: 3,
  periodLog: 3,
  ttl: 7,
  features: 0,
  netIndex: 0,
};

/** Times (s) and parameters of the Heartbeats that a scripted node has sent since the last call. */
function heartbeats(scripted: ScriptedNode): [number, string][] {
  return scripted.take().map(({ at, pdu }) => {
    if (pdu.format !== 'unsegmented-control' || pdu.opcode !== 0x0a) throw new Error(pdu.format);
    return [at / 1000, toHex(pdu.parameters)];
  });
}

describe('heartbeat publication', () => {
  it('sends at once and in each period, as often as the count says', () => {
    const scripted = new ScriptedNode({ relay });
    const { heartbeats: states } = scripted.node.layer;
    states.publication = PUBLICATION;
    scripted.clock.advance(5000);
    expect(states.publication).toEqual({ ...PUBLICATION, count: 1 });
    scripted.clock.advance(100_000);
    expect(heartbeats(scripted)).toEqual([
      [0, '070001'],
      [4, '070001'],
      [8, '070001'],
    ]);
    expect(states.publication.count).toBe(0);
    states.publication = { ...PUBLICATION, count: 0xffff, periodLog: 1 };
    scripted.clock.advance(9_500);
    expect([heartbeats(scripted).length, states.publication.count]).toEqual([10, 0xffff]);
    states.publication = { ...PUBLICATION, destination: 0 };
    scripted.clock.advance(100_000);
    expect([heartbeats(scripted), states.publication]).toEqual([[], { ...PUBLICATION, ...OFF }]);
  });

  it('goes on after a restart, and ends with its NetKey', () => {
    const scripted = new ScriptedNode();
    scripted.node.layer.keys.addNetKey(4, new Uint8Array(16));
    scripted.node.layer.heartbeats.publication = { ...PUBLICATION, netIndex: 4, count: 0xffff };
    scripted.node.layer.close();
    const again = new ScriptedNode({ store: scripted.node.store });
    again.clock.advance(4500);
    expect(again.bearer.sent.length).toBe(2);
    again.node.layer.keys.removeNetKey(4);
    again.clock.advance(100_000);
    expect([again.bearer.sent.length, again.node.layer.heartbeats.publication.destination]).toEqual([2, 0]);
  });

  it('is triggered by a feature that it names, whatever its count', () => {
    const scripted = new ScriptedNode();
    const { layer } = scripted.node;
    const features = Feature.relay | Feature.lowPower;
    layer.heartbeats.publication = { ...PUBLICATION, count: 0, features };
    layer.relay = relay;
    layer.relay = { count: 1, intervalMs: 10 }; // in use already
    layer.features.set('friend', true); // not asked for
    layer.features.set('lowPower', true);
    layer.relay = false;
    scripted.clock.advance(100_000);
    expect(heartbeats(scripted).map(([, parameters]) => parameters)).toEqual(['070001', '07000d', '07000c']);
    expect(layer.heartbeats.publication.count).toBe(0);
  });

  it('with TTL 1 never leaves the node', () => {
    const scripted = new ScriptedNode();
    scripted.node.layer.heartbeats.publication = { ...PUBLICATION, ttl: 1 };
    scripted.clock.advance(20_000);
    expect(scripted.bearer.sent).toEqual([]);
  });

  it.each([
    ['a virtual destination', { destination: 0x8000 }],
    ['PeriodLog 0x12', { periodLog: 0x12 }],
    ['TTL 128', { ttl: 128 }],
    ['a count of 17 bits', { count: 0x10000 }],
    ['features of 17 bits', { features: 0x10000 }],
  ])('refuses %s', (_, wrong) => {
    const { heartbeats: states } = new ScriptedNode().node.layer;
    expect(() => {
      states.publication = { ...PUBLICATION, ...wrong };
    }).toThrow(expect.objectContaining({ code: 'bad-field' }));
    expect(states.publication.destination).toBe(0);
  });
});

const OFF = { destination: 0, count: 0, periodLog: 0, ttl: 0 };

describe('heartbeat subscription', () => {
  const heartbeat = (initTtl: number) =>
    ({ format: 'unsegmented-control', opcode: 0x0a, parameters: encodeHeartbeat({ initTtl, features: 0 }) }) as const;

  it('counts what comes from the source to the destination until its period is over', () => {
    const scripted = new ScriptedNode();
    const { heartbeats: states } = scripted.node.layer;
    expect(states.subscription).toEqual({ source: 0, destination: 0, period: 0, count: 0, minHops: 0, maxHops: 0 });
    states.subscribe(5, 0xc123, 4);
    expect(states.subscription).toEqual({
      source: 5,
      destination: 0xc123,
      period: 8,
      count: 0,
      minHops: 0x7f,
      maxHops: 0,
    });
    scripted.say(heartbeat(7), { src: 5, dst: 0xc123, ttl: 5 });
    scripted.say(heartbeat(7), { src: 5, dst: 0xc123, ttl: 7 });
    scripted.say(heartbeat(7), { src: 5, dst: 0xc123, ttl: 9 }); // impossible
    scripted.say(heartbeat(7), { src: 6, dst: 0xc123, ttl: 2 });
    scripted.say(heartbeat(7), { src: 5, dst: 0xc124, ttl: 2 });
    scripted.say(heartbeat(7), { src: 5, dst: 1, ttl: 2 });
    scripted.say({ ...heartbeat(7), parameters: new Uint8Array(4) }, { src: 5, dst: 0xc123, ttl: 2 });
    scripted.clock.advance(3500);
    expect(states.subscription).toMatchObject({ period: 4.5, count: 2, minHops: 1, maxHops: 3 });
    scripted.clock.advance(4500);
    scripted.say(heartbeat(9), { src: 5, dst: 0xc123, ttl: 2 });
    expect(states.subscription).toMatchObject({ source: 5, period: 0, count: 2, minHops: 1, maxHops: 3 });
    states.subscribe(0, 0xc123, 4);
    expect(states.subscription).toMatchObject({ source: 0, destination: 0, period: 0, count: 2 });
  });

  it('is to the own primary address as well; other addresses are refused', () => {
    const scripted = new ScriptedNode({ elements: 2 });
    const { heartbeats: states } = scripted.node.layer;
    states.subscribe(5, 1, 0x11);
    scripted.say(heartbeat(3), { src: 5, ttl: 3 });
    expect(states.subscription.count).toBe(1);
    for (const [source, destination, periodLog] of [
      [5, 2, 1],
      [5, 0x8001, 1],
      [0xc000, 1, 1],
      [5, 1, 0x12],
    ] as const) {
      expect(() => states.subscribe(source, destination, periodLog)).toThrow(
        expect.objectContaining({ code: 'bad-field' }),
      );
    }
    expect(states.subscription.count).toBe(1);
  });

  it('stops counting at 0xFFFF', () => {
    const scripted = new ScriptedNode();
    const { heartbeats: states } = scripted.node.layer;
    states.subscribe(5, 1, 0x11);
    const parameters = encodeHeartbeat({ initTtl: 5, features: 0 });
    for (let i = 0; i < 0x10005; i++) states.receive({ parameters, src: 5, dst: 1, ttl: 5 });
    expect(states.subscription.count).toBe(0xffff);
  });
});

describe('heartbeat hop counts', () => {
  it('in a line of eight nodes are the distances; by two ways, the shortest', () => {
    let detour = false;
    const line = (from: number, to: number) =>
      Math.abs(from - to) === 1 || (detour && Math.min(from, to) === 0 && Math.max(from, to) === 5);
    const mesh = new TestMesh('heartbeats', { hears: line });
    const nodes = Array.from({ length: 8 }, () => mesh.add({ relay }));
    for (const node of nodes.slice(1)) node.layer.heartbeats.subscribe(1, 0xffff, 0x11);
    nodes[0]!.layer.heartbeats.publication = { ...PUBLICATION, count: 5, ttl: 20 };
    mesh.clock.advance(30_000);
    const hops = () =>
      nodes.slice(1).map((node) => {
        const { count, minHops, maxHops } = node.layer.heartbeats.subscription;
        return [count, minHops, maxHops];
      });
    expect(hops()).toEqual([1, 2, 3, 4, 5, 6, 7].map((distance) => [5, distance, distance]));
    detour = true;
    nodes[0]!.layer.heartbeats.publication = { ...PUBLICATION, count: 2, ttl: 20 };
    mesh.clock.advance(30_000);
    expect(hops().map(([count, min]) => [count, min])).toEqual([1, 2, 3, 2, 1, 2, 3].map((min) => [7, min]));
  });
});
