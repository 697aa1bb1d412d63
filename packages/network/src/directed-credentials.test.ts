import { describe, expect, it } from 'vitest';
import { TestMesh } from './testing/node.ts';

const KEY = { kind: 'app', index: 0 } as const;

describe('directed credentials', () => {
  it('carry a message between nodes that have them, through a Key Refresh too', () => {
    const mesh = new TestMesh('directed');
    const [a, b] = [mesh.add({ directed: true }), mesh.add({ directed: true })];
    const send = (octet: number): void => {
      a.layer.send({ src: 1, dst: 2, key: KEY, payload: Uint8Array.of(octet), credentials: 'directed' });
      mesh.clock.advance(1000);
    };
    send(1);
    for (const { layer } of [a, b]) layer.keys.updateNetKey(0, new Uint8Array(16).fill(0x33));
    send(2);
    a.layer.keys.setPhase(0, 2);
    send(3);
    expect(b.received.map(({ payload, credentials }) => [payload[0], credentials])).toEqual([
      [1, 'directed'],
      [2, 'directed'],
      [3, 'directed'],
    ]);
  });

  it('mean nothing to a node without them, which sends by flooding instead', () => {
    const mesh = new TestMesh('directed');
    const [a, b] = [mesh.add({ directed: true }), mesh.add({})];
    a.layer.send({ src: 1, dst: 2, key: KEY, payload: Uint8Array.of(1), credentials: 'directed' });
    b.layer.send({ src: 2, dst: 1, key: KEY, payload: Uint8Array.of(2), credentials: 'directed' });
    mesh.clock.advance(1000);
    expect(b.received).toEqual([]);
    expect(a.received.map(({ credentials }) => credentials)).toEqual(['flooding']);
  });
});
