import { SeededRandom } from '@meshferry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseRelays, layOut, type Topology, type TopologyKind } from './topology.ts';

const random = (): SeededRandom => new SeededRandom(3);
const all = (topology: Topology): number[] => Array.from({ length: topology.nodes }, (_, index) => index);
const hops = (topology: Topology): number[] => all(topology).map((index) => topology.hopsTo(index));

describe('layOut', () => {
  it('puts everyone in range of everyone in a full topology', () => {
    const topology = layOut('full', 4, random());
    expect(topology.neighbours(2)).toEqual([0, 1, 3]);
    expect(hops(topology)).toEqual([0, 1, 1, 1]);
  });

  it('puts each node one hop further in a line', () => {
    expect(hops(layOut('line', 5, random()))).toEqual([0, 1, 2, 3, 4]);
  });

  it('shares the nodes of a line out over the hops asked for', () => {
    expect(hops(layOut('line', 7, random(), 3))).toEqual([0, 1, 1, 2, 2, 3, 3]);
    expect(hops(layOut('line', 7, random(), 1))).toEqual([0, 1, 1, 1, 1, 1, 1]);
  });

  it('links a grid to the sides and not across', () => {
    const topology = layOut('grid', 9, random());
    expect(topology.neighbours(4)).toEqual([1, 3, 5, 7]);
    expect(topology.hopsTo(8)).toBe(4);
  });

  it('connects all nodes by symmetric links, within the hops asked for', () => {
    const kinds = fc.constantFrom<TopologyKind>('line', 'grid', 'random');
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: 2, max: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 6 }),
        (kind, nodes, seed, most) => {
          const limit = Math.min(most, nodes - 1);
          const topology = layOut(kind, nodes, new SeededRandom(seed), limit);
          for (const a of all(topology)) {
            expect(topology.hopsTo(a)).toBeLessThanOrEqual(limit);
            for (const b of topology.neighbours(a)) {
              expect(topology.hears(a, b) && topology.hears(b, a) && a !== b).toBe(true);
            }
          }
        },
      ),
      { numRuns: 60 }, // a network laid out each, no codec
    );
  });

  it('refuses hops that do not fit', () => {
    expect(() => layOut('full', 4, random(), 2)).toThrow(expect.objectContaining({ code: 'bad-topology' }));
    expect(() => layOut('line', 4, random(), 4)).toThrow(expect.objectContaining({ code: 'bad-topology' }));
    expect(() => layOut('line', 0, random())).toThrow(expect.objectContaining({ code: 'bad-topology' }));
  });
});

describe('chooseRelays', () => {
  it('takes none, or all but this process', () => {
    const topology = layOut('line', 4, random());
    expect(all(topology).filter(chooseRelays(topology, 'none'))).toEqual([]);
    expect(all(topology).filter(chooseRelays(topology, 'all'))).toEqual([1, 2, 3]);
  });

  it('takes those first that extend the reach', () => {
    const topology = layOut('line', 5, random());
    expect(all(topology).filter(chooseRelays(topology, 3))).toEqual([1, 2, 3]);
    expect(all(topology).filter(chooseRelays(topology, 9))).toEqual([1, 2, 3, 4]);
  });
});
