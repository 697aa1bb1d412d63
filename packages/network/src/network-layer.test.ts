import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { appMessage, deviceKeyOf, TestMesh, track } from './testing/node.ts';

describe('two nodes in reach', () => {
  it('deliver an unsegmented message once, however often its copies are heard', () => {
    const mesh = new TestMesh(1);
    const [a, b] = [mesh.add(), mesh.add()];
    const message = appMessage(1, 2, 11);
    const sent = track((done) => a.layer.send(message, done));
    expect(sent.outcome).toBeUndefined();
    mesh.clock.advance(1000);
    expect(sent.outcome).toBe('sent');
    expect(b.received).toEqual([
      {
        src: 1,
        dst: 2,
        key: { kind: 'app', index: 0 },
        netIndex: 0,
        credentials: 'flooding',
        ttl: 5,
        seq: 0,
        rssi: -60,
        payload: message.payload,
      },
    ]);
    expect(mesh.air.events).toBe(3);
    expect(b.layer.counters.duplicates).toBe(2);
  });

  it.each([12, 20, 21, 200, 380])('deliver a message of %i octets in segments, acknowledged', (length) => {
    const mesh = new TestMesh(2);
    const [a, b] = [mesh.add(), mesh.add()];
    const message = appMessage(1, 2, length);
    const sent = track((done) => a.layer.send(message, done));
    mesh.clock.advance(10_000);
    expect(sent.outcome).toBe('sent');
    expect(b.received.map((m) => m.payload)).toEqual([message.payload]);
  });

  it('deliver with a 64-bit TransMIC, and acknowledge one segment when asked to', () => {
    const mesh = new TestMesh(3);
    const [a, b] = [mesh.add(), mesh.add()];
    const big = { ...appMessage(1, 2, 376), szmic: true };
    const small = { ...appMessage(1, 2, 3), segmented: true };
    const outcomes = [big, small].map((message) => track((done) => a.layer.send(message, done)));
    mesh.clock.advance(10_000);
    expect(outcomes.map((o) => o.outcome)).toEqual(['sent', 'sent']);
    expect(b.received.map((m) => m.payload)).toEqual([big.payload, small.payload]);
  });
});

describe('addresses', () => {
  it('reach a group, a virtual address and all nodes; the sender too if it is in the group', () => {
    const mesh = new TestMesh(4);
    const nodes = [mesh.add(), mesh.add(), mesh.add()];
    const label = new Uint8Array(16).fill(9);
    const virtual = virtualAddress(portableCrypto, label);
    nodes[0]!.groups.add(0xc000);
    nodes[1]!.groups.add(0xc000);
    nodes[2]!.labels.set(virtual, [new Uint8Array(16), label]);
    const layer = nodes[0]!.layer;
    const outcomes = [
      track((done) => layer.send(appMessage(1, 0xc000, 100, 1), done)),
      track((done) => layer.send({ ...appMessage(1, virtual, 5, 2), label }, done)),
      track((done) => layer.send(appMessage(1, 0xffff, 5, 3), done)),
    ];
    expect(nodes[0]!.received).toEqual([]);
    mesh.clock.advance(10_000);
    expect(outcomes.map((o) => o.outcome)).toEqual(['sent', 'sent', 'sent']);
    expect(nodes.map((node) => node.received.map((m) => m.payload[0]).sort())).toEqual([
      [1, 3],
      [1, 3],
      [2, 3],
    ]);
    expect(nodes[2]!.received.find((m) => m.dst === virtual)?.label).toEqual(label);
    expect(nodes[1]!.layer.counters.sent).toBe(0); // nobody acknowledges a group message
  });

  it('of the own node stay at home', () => {
    const mesh = new TestMesh(5);
    const node = mesh.add({ elements: 3 });
    const sent = track((done) => node.layer.send(appMessage(1, 3, 300), done));
    expect(node.received).toEqual([]);
    mesh.clock.advance(0);
    expect(sent.outcome).toBe('sent');
    expect(node.received.map(({ src, dst, rssi }) => [src, dst, rssi])).toEqual([[1, 3, undefined]]);
    expect(mesh.air.events).toBe(0);
  });

  it('use the device key of the node that is configured, in both directions', () => {
    const mesh = new TestMesh(6);
    const [client, server] = [mesh.add(), mesh.add()];
    client.deviceKeys.set(2, deviceKeyOf(2));
    const key = { kind: 'device', node: 2 } as const;
    server.onReceive = () => server.layer.send({ ...appMessage(2, 1, 30), key });
    client.layer.send({ ...appMessage(1, 2, 30), key });
    mesh.clock.advance(5000);
    expect(server.received.map((m) => m.key)).toEqual([key]);
    expect(client.received.map((m) => m.key)).toEqual([key]);
  });

  it('on a subnet of their own are heard there only', () => {
    const mesh = new TestMesh(7);
    const [a, b, c] = [mesh.add(), mesh.add(), mesh.add()];
    const key = new Uint8Array(16).fill(5);
    for (const node of [a, b]) {
      node.layer.addNetKey(3, key);
      node.layer.addAppKey(7, 3, key);
    }
    a.layer.send({ ...appMessage(1, 0xffff, 5), key: { kind: 'app', index: 7 } });
    mesh.clock.advance(1000);
    expect(b.received.map((m) => [m.netIndex, m.key])).toEqual([[3, { kind: 'app', index: 7 }]]);
    expect(c.received).toEqual([]);
    expect(c.layer.counters.undecryptable).toBe(1); // the copies are not even tried
    b.layer.removeNetKey(3);
    a.layer.send({ ...appMessage(1, 0xffff, 5), key: { kind: 'app', index: 7 } });
    mesh.clock.advance(1000);
    expect(b.received.length).toBe(1);
  });
});

describe('a line of relays', () => {
  const line = { hears: (from: number, to: number) => Math.abs(from - to) === 1 };
  const relay = { count: 2, intervalMs: 20 };

  it('carries a message over seven hops and its acknowledgments back', () => {
    const mesh = new TestMesh(8, line);
    const nodes = Array.from({ length: 8 }, () => mesh.add({ relay, defaultTtl: 10 }));
    const messages = [appMessage(1, 8, 10), appMessage(1, 8, 60)];
    const outcomes = messages.map((message) => track((done) => nodes[0]!.layer.send(message, done)));
    mesh.clock.advance(30_000);
    expect(outcomes.map((o) => o.outcome)).toEqual(['sent', 'sent']);
    expect(nodes[7]!.received.map((m) => [m.payload, m.ttl])).toEqual(messages.map((m) => [m.payload, 4]));
    expect(nodes[3]!.received).toEqual([]);
    expect(nodes[3]!.layer.counters.relayed).toBeGreaterThan(5);
  });

  it('ends where the TTL ends, and at a node that is no relay', () => {
    const mesh = new TestMesh(9, line);
    const nodes = Array.from({ length: 5 }, (_, i) => mesh.add({ relay: i === 3 ? false : relay }));
    nodes[0]!.layer.send({ ...appMessage(1, 0xffff, 5, 1), ttl: 2 });
    nodes[0]!.layer.send({ ...appMessage(1, 0xffff, 5, 2), ttl: 0 });
    nodes[0]!.layer.send({ ...appMessage(1, 0xffff, 5, 3), ttl: 50 });
    mesh.clock.advance(5000);
    expect(nodes.slice(1).map((node) => node.received.map((m) => [m.payload[0], m.ttl]))).toEqual([
      [
        [1, 2],
        [2, 0],
        [3, 50],
      ],
      [
        [1, 1],
        [3, 49],
      ],
      [[3, 48]],
      [],
    ]);
    // Nobody relays twice what comes back from a neighbour.
    expect(nodes.map((node) => node.layer.counters.relayed)).toEqual([0, 2, 1, 0, 0]);
  });
});

describe('a relay in a flood', () => {
  it('drops what it cannot send on soon, sends its own message at once, and relays again when it is over', () => {
    const line = { hears: (from: number, to: number) => Math.abs(from - to) === 1 };
    const mesh = new TestMesh(11, line);
    const [source, relay, far] = [mesh.add(), mesh.add({ relay: { count: 8, intervalMs: 20 } }), mesh.add()];
    for (let i = 0; i < 40; i++) {
      source!.layer.send({ ...appMessage(1, 0xffff, 5, i), transmit: { count: 1, intervalMs: 20 } });
    }
    mesh.clock.advance(1000);
    relay!.layer.send(appMessage(2, 0xffff, 5, 99));
    mesh.clock.advance(1000);
    expect(far!.received.map((m) => m.payload[0])).toContain(99);
    mesh.clock.advance(10_000);
    const { received, relayed, relayDropped } = relay!.layer.counters;
    expect(relayDropped).toBeGreaterThan(10);
    expect(relayed + relayDropped).toBe(received);
    source!.layer.send(appMessage(1, 0xffff, 5, 77));
    mesh.clock.advance(1000);
    expect(far!.received.at(-1)?.payload[0]).toBe(77);
  });
});

describe('TTL 1, as a state may have it', () => {
  it.each([5, 50])('keeps a message of %i octets inside of its node', (length) => {
    const mesh = new TestMesh(14);
    const [a, b] = [mesh.add(), mesh.add()];
    for (const node of [a, b]) node.groups.add(0xc000);
    const outcomes = [1, 2, 0xc000].map((dst) =>
      track((done) => a.layer.send({ ...appMessage(1, dst, length), ttl: 1 }, done)),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined]);
    mesh.clock.advance(10_000);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['sent', 'sent', 'sent']);
    expect(a.received.map(({ dst }) => dst)).toEqual([1, 0xc000]);
    expect(b.received).toEqual([]);
    expect(mesh.air.events).toBe(0);
  });
});

describe('what cannot be sent', () => {
  const mesh = new TestMesh(13);
  const { layer } = mesh.add();
  const device = { kind: 'device', node: 1 } as const;
  it.each([
    ['payload of nothing', appMessage(1, 2, 0)],
    ['payload of 381 octets', appMessage(1, 2, 381)],
    ['payload of 377 octets with a long TransMIC', { ...appMessage(1, 2, 377), szmic: true }],
    ['no destination', appMessage(1, 0, 5)],
    ['foreign source', appMessage(2, 3, 5)],
    ['device key to a group', { ...appMessage(1, 0xc000, 5), key: device }],
    ['TTL 128', { ...appMessage(1, 2, 5), ttl: 128 }],
    ['virtual address without label', appMessage(1, 0x8123, 5)],
    ['label of another address', { ...appMessage(1, 0x8123, 5), label: new Uint8Array(16) }],
    ['label to a group', { ...appMessage(1, 0xc000, 5), label: new Uint8Array(16) }],
    ['SAR state out of range', { ...appMessage(1, 2, 50), sar: { segmentIntervalStep: 99 } }],
  ])('%s is refused at once', (_, message) => {
    expect(() => layer.send(message)).toThrow(expect.objectContaining({ code: 'bad-field' }));
  });

  it.each([
    ['an AppKey', { ...appMessage(1, 2, 5), key: { kind: 'app', index: 9 } as const }],
    ['an AppKey on that subnet', { ...appMessage(1, 2, 5), netIndex: 1 }],
    ['a device key', { ...appMessage(1, 2, 50), key: { kind: 'device', node: 2 } as const }],
    ['a NetKey', { ...appMessage(1, 2, 50), key: device, netIndex: 1 }],
  ])('for want of %s says no-key', (_, message) => {
    const sent = track((done) => layer.send(message, done));
    mesh.clock.advance(1);
    expect(sent.outcome).toMatchObject({ code: 'no-key' });
  });

  it('adds no second value of a key, nor an AppKey of an unknown subnet', () => {
    const codes = [
      () => layer.addNetKey(0, new Uint8Array(16)),
      () => layer.addAppKey(0, 0, new Uint8Array(16)),
      () => layer.addAppKey(1, 5, new Uint8Array(16)),
      () => layer.addNetKey(4096, new Uint8Array(16)),
      () => layer.addNetKey(1, new Uint8Array(15)),
    ].map((add) => {
      try {
        add();
        return 'none';
      } catch (thrown) {
        return (thrown as { code: string }).code;
      }
    });
    expect(codes).toEqual(['key-exists', 'key-exists', 'unknown-net-key', 'bad-key-index', 'bad-key-length']);
  });
});

describe('closing', () => {
  it('leaves no timer and no bearer behind, and says no more', () => {
    const mesh = new TestMesh(14);
    const [a, b] = [mesh.add({ relay: { count: 1, intervalMs: 20 } }), mesh.add()];
    const outcomes = [300, 5].map((length) => track((done) => a.layer.send(appMessage(1, 2, length), done)));
    b.layer.send(appMessage(2, 1, 300));
    mesh.clock.advance(200);
    a.layer.close();
    b.layer.close();
    mesh.clock.advance(1000);
    const { events } = mesh.air;
    mesh.clock.advance(60_000);
    expect(mesh.air.events).toBe(events);
    expect(mesh.clock.nextAt).toBeUndefined();
    expect(outcomes[0]?.outcome).toBeUndefined();
    expect(a.received).toEqual([]);
  });
});
