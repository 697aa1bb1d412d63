import { MemoryStore, type MeshError, type Store } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BridgingEntry, BridgingTable, bridgingEntryFault } from './bridge-table.ts';
import { FailingStore } from './testing/failing-store.ts';
import { TestMesh } from './testing/node.ts';
import { ALL_SUBNETS, BOTH_WAYS, NET } from './testing/subnets.ts';

const GROUP = 0xc001;

describe('the Bridging Table', () => {
  const table = (store: Store = new MemoryStore(), size = 16) =>
    new TestMesh('table').add({ ...ALL_SUBNETS, store, limits: { bridgingTable: size } }).layer;

  it('has its entries in order, once each; one added again has new directions', () => {
    const { bridge } = table();
    bridge.add(BOTH_WAYS);
    bridge.add({ ...BOTH_WAYS, address2: 5 });
    bridge.add({ ...BOTH_WAYS, directions: 1 });
    expect(bridge.entries).toEqual([
      { ...BOTH_WAYS, directions: 1 },
      { ...BOTH_WAYS, address2: 5 },
    ]);
    expect(bridge.tableSize).toBe(16);
  });

  it('removes by two subnets in order, and addresses of which 0 is any', () => {
    const remaining = (what: Partial<BridgingEntry>) => {
      const { bridge } = table();
      const reversed = { ...BOTH_WAYS, netKeyIndex1: 2, netKeyIndex2: 1 };
      for (const entry of [BOTH_WAYS, { ...BOTH_WAYS, address1: 7 }, { ...BOTH_WAYS, address2: 5 }, reversed]) {
        bridge.add(entry);
      }
      bridge.remove({ ...BOTH_WAYS, address1: 0, address2: 0, ...what });
      return bridge.entries.map(({ netKeyIndex1, address1, address2 }) => [netKeyIndex1, address1, address2]);
    };
    expect(remaining({})).toEqual([[2, 1, 2]]);
    expect(remaining({ address1: 1 })).toEqual([
      [1, 7, 2],
      [2, 1, 2],
    ]);
    expect(remaining({ address2: 2 })).toEqual([
      [1, 1, 5],
      [2, 1, 2],
    ]);
    expect(remaining({ address1: 7, address2: 5 })).toHaveLength(4);
    expect(remaining({ netKeyIndex1: 0 })).toHaveLength(4);
  });

  it.each<[string, Partial<BridgingEntry>, string]>([
    ['directions', { directions: 3 }, 'bad-field'],
    ['directions', { directions: 0 }, 'bad-field'],
    ['address1', { address1: GROUP }, 'bad-field'],
    ['address1', { address1: 0 }, 'bad-field'],
    ['the same subnet', { netKeyIndex2: 1 }, 'bad-field'],
    ['the same address', { address2: 1 }, 'bad-field'],
    ['both ways', { address2: GROUP }, 'bad-field'],
    ['unassigned', { directions: 1, address2: 0 }, 'bad-field'],
    ['all-nodes', { directions: 1, address2: 0xffff }, 'bad-field'],
    ['NetKey 7', { netKeyIndex1: 7 }, 'unknown-net-key'],
    ['NetKey 7', { netKeyIndex2: 7 }, 'unknown-net-key'],
  ])('refuses %s: %o', (said, what, code) => {
    const { bridge } = table();
    let thrown: unknown;
    try {
      bridge.add({ ...BOTH_WAYS, ...what });
    } catch (error) {
      thrown = error;
    }
    expect((thrown as MeshError).code).toBe(code);
    expect((thrown as MeshError).message).toContain(said);
    expect(bridge.entries).toEqual([]);
  });

  it.each([15, 0x1_0000, 16.5])('has no size of %s', (size) => {
    expect(() => table(undefined, size)).toThrow(`a Bridging Table of ${size} entries`);
  });

  it('is full at its size, for new entries alone', () => {
    const { bridge } = table();
    for (let i = 0; i < 16; i++) bridge.add({ ...BOTH_WAYS, address2: 0x100 + i });
    expect(() => bridge.add({ ...BOTH_WAYS, address2: 0x200 })).toThrow('the Bridging Table has 16 entries');
    bridge.add({ ...BOTH_WAYS, directions: 1, address2: 0x100 });
    expect(bridge.entries).toHaveLength(16);
  });

  it('loses the entries of a NetKey that is removed, for good, wherever the power fails', () => {
    for (let writes = 0; ; writes++) {
      const store = new FailingStore(Number.POSITIVE_INFINITY);
      const layer = table(store);
      layer.bridge.add(BOTH_WAYS);
      layer.bridge.add({ ...BOTH_WAYS, netKeyIndex1: 0 });
      layer.bridge.add({ ...BOTH_WAYS, netKeyIndex2: 0 });
      store.left = writes;
      try {
        layer.removeNetKey(2);
      } catch (error) {
        expect((error as MeshError).code).toBe('store-failed');
      }
      const again = table(store.survivor);
      const isThere = again.keys.netIndexes.includes(2);
      expect(again.bridge.entries).toHaveLength(isThere ? 3 : 1);
      if (!isThere) again.addNetKey(2, NET[2]!);
      expect(table(store.survivor).bridge.entries).toHaveLength(isThere ? 3 : 1);
      if (!store.failed) return;
    }
  });

  it('does not change when it cannot be written', () => {
    const store = new FailingStore(Number.POSITIVE_INFINITY);
    const { bridge } = table(store);
    bridge.add(BOTH_WAYS);
    store.left = 0;
    expect(() => bridge.add({ ...BOTH_WAYS, address2: 9 })).toThrow('no power');
    expect(() => bridge.remove(BOTH_WAYS)).toThrow('no power');
    expect(() => {
      bridge.enabled = true;
    }).toThrow('no power');
    expect(bridge.entries).toEqual([BOTH_WAYS]);
    expect(bridge.enabled).toBe(false);
  });
});

it('names for a PDU exactly the subnets of the entries that fit it, in their directions', () => {
  const few = fc.integer({ min: 1, max: 3 });
  const entry = fc
    .record({
      directions: few,
      netKeyIndex1: few,
      netKeyIndex2: few,
      address1: few,
      address2: fc.constantFrom(1, 2, 3, GROUP),
    })
    .filter((candidate) => bridgingEntryFault(candidate) === undefined);
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 12 }),
      few,
      few,
      fc.constantFrom(1, 2, 3, GROUP),
      (entries, net, src, dst) => {
        const table = new BridgingTable(new MemoryStore(), 255, () => true);
        for (const each of entries) table.add(each);
        const expected = new Set<number>();
        for (const { directions, netKeyIndex1, netKeyIndex2, address1, address2 } of table.entries) {
          if (netKeyIndex1 === net && address1 === src && address2 === dst) expected.add(netKeyIndex2);
          if (directions === 2 && netKeyIndex2 === net && address2 === src && address1 === dst)
            expected.add(netKeyIndex1);
        }
        const targets = table.targets(net, src, dst);
        return (
          new Set(targets).size === targets.length &&
          targets.every((to) => expected.has(to)) &&
          targets.length === expected.size
        );
      },
    ),
  );
});
