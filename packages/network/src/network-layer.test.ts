import { withFaults, withTrace } from '@meshferry/bearer';
import { MemoryStore, SeededRandom, type Store, type Write } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { appMessage, deviceKeyOf, TestMesh, type TestNode, track } from './testing/node.ts';

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
