import { describe, expect, it } from 'vitest';
import { octetsOf } from './forms.ts';
import {
  beginKeyRefresh,
  completeKeyRefresh,
  markKeyUpdated,
  nodesWithoutNewKeys,
  switchToNewKeys,
} from './key-refresh.ts';
import {
  addAppKey,
  addNetKey,
  freeKeyIndex,
  removeAppKey,
  removeNetKey,
  renameAppKey,
  renameNetKey,
  requireNetKey,
} from './keys.ts';
import type { NetworkDocument } from './model.ts';
import { updateNode } from './nodes.ts';
import { validateNetworkDocument } from './read.ts';
import { octets, sample } from './testing/samples.ts';

const full = sample();
const timestamp = '2026-04-24T08:30:00Z';

describe('keys', () => {
  it('are added with an index of their own', () => {
    const index = freeKeyIndex(full.netKeys);
    const more = addNetKey(full, { name: 'Third', index, key: octets(1), timestamp });
    const document = addAppKey(more, {
      name: 'App',
      index: freeKeyIndex(more.appKeys),
      key: octets(2),
      boundNetKey: index,
    });
    expect(document.netKeys[2]).toMatchObject({ index: 2, key: '01'.repeat(16), phase: 0, minSecurity: 'secure' });
    expect(document.appKeys[3]).toMatchObject({ index: 3, boundNetKey: 2 });
    expect(validateNetworkDocument(document)).toEqual([]);
    expect(() => addNetKey(full, { name: '', index: 1, key: octets(1), timestamp })).toThrow('has NetKey 1 already');
    expect(() => addNetKey(full, { name: '', index: 4096, key: octets(1), timestamp })).toThrow('not 0 to 4095');
    expect(() => addAppKey(full, { name: '', index: 9, key: octets(1), boundNetKey: 9 })).toThrow('no NetKey 9');
    expect(() => addNetKey(full, { name: '', index: 9, key: new Uint8Array(15), timestamp })).toThrow('16 octets');
    expect(() => freeKeyIndex(Array.from({ length: 4096 }, (_, i) => ({ index: i })))).toThrow('all 4096');
  });

  it('are renamed, and removed when nothing uses them', () => {
    expect(renameNetKey(full, 1, 'G').netKeys[1]?.name).toBe('G');
    expect(renameAppKey(full, 1, 'G').appKeys[1]?.name).toBe('G');
    expect(() => removeNetKey(full, 0)).toThrow('node 0001 has it');
    expect(() => removeAppKey(full, 2)).toThrow('node 0210 has it');
    const idle = { ...full, nodes: [] };
    expect(() => removeNetKey(idle, 1)).toThrow('AppKey 2 is bound to it');
    const left = removeNetKey(removeAppKey(idle, 2), 1);
    expect(left.netKeys).toHaveLength(1);
    expect(() => removeNetKey({ ...left, appKeys: [] }, 0)).toThrow('the only one');
    expect(() => removeAppKey(left, 2)).toThrow(
      expect.objectContaining({ hint: 'It has 0 ("Lights"), 1 ("Firmware update").' }),
    );
    expect(() => removeAppKey({ ...left, appKeys: [] }, 2)).toThrow('no AppKey 2');
  });
});

describe('key refresh', () => {
  const target = sample('network-key-refresh.json');
  const fresh = (index: number): Uint8Array => octetsOf(target.appKeys[index]?.key as string);
  const begin = (document: NetworkDocument): NetworkDocument =>
    beginKeyRefresh(document, {
      netIndex: 0,
      key: octetsOf(target.netKeys[0]?.key as string),
      appKeys: new Map([
        [0, fresh(0)],
        [1, fresh(1)],
      ]),
      timestamp,
    });

  it('goes from the sample network to the sample in phase 1, and on', () => {
    let document = begin(updateNode({ ...full, meshName: target.meshName }, 0x0210, {}));
    for (const [i, node] of target.nodes.entries()) {
      const address = Number.parseInt(node.unicastAddress, 16);
      if (node.excluded) document = updateNode(document, address, { excluded: true });
      for (const key of node.netKeys)
        if (key.updated) document = markKeyUpdated(document, address, { netKey: key.index });
      for (const key of node.appKeys)
        if (key.updated) document = markKeyUpdated(document, address, { appKey: key.index });
      expect(document.nodes[i]).toEqual(node);
    }
    expect(document).toEqual(target);

    const switched = switchToNewKeys(document, 0, '2026-04-24T09:00:00Z');
    expect(switched.netKeys[0]).toEqual({ ...target.netKeys[0], phase: 2, timestamp: '2026-04-24T09:00:00Z' });
    const done = completeKeyRefresh(switched, 0, '2026-04-24T10:00:00Z');
    expect(done.netKeys[0]).toEqual({
      ...full.netKeys[0],
      key: target.netKeys[0]?.key,
      timestamp: '2026-04-24T10:00:00Z',
    });
    expect(done.appKeys.every((key) => key.oldKey === undefined)).toBe(true);
    expect(done.nodes.every((node) => [...node.netKeys, ...node.appKeys].every((key) => !key.updated))).toBe(true);
    expect(validateNetworkDocument(done)).toEqual([]);
  });

  it('knows which nodes still lack a new key', () => {
    expect(nodesWithoutNewKeys(full, 0)).toEqual([]);
    let document = begin(full);
    expect(nodesWithoutNewKeys(document, 0)).toHaveLength(5);
    document = markKeyUpdated(document, 0x0300, { netKey: 0 });
    expect(nodesWithoutNewKeys(document, 0)).toHaveLength(4);
    document = markKeyUpdated(document, 0x0001, { netKey: 0 });
    expect(nodesWithoutNewKeys(document, 0)).toHaveLength(4);
    document = markKeyUpdated(document, 0x0001, { appKey: 0 });
    expect(nodesWithoutNewKeys(document, 0).map((node) => node.name)).toEqual(['Gateway', 'Lamp 1', 'Sensor']);
    document = updateNode(document, 0x0200, { excluded: true });
    expect(nodesWithoutNewKeys(document, 0)).toHaveLength(2);
  });

  it('takes one step after the other', () => {
    expect(() => switchToNewKeys(full, 0, timestamp)).toThrow('phase 0 of the key refresh, not 1');
    expect(() => completeKeyRefresh(full, 0, timestamp)).toThrow('not 1 or 2');
    expect(() => begin(target)).toThrow('phase 1 of the key refresh, not 0');
    const foreign = { netIndex: 0, key: octets(1), appKeys: new Map([[2, octets(2)]]), timestamp };
    expect(() => beginKeyRefresh(full, foreign)).toThrow('no AppKey 2 is bound to NetKey 0');
    expect(requireNetKey(completeKeyRefresh(target, 0, timestamp), 0).phase).toBe(0);
  });
});
