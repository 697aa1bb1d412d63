import { describe, expect, it } from 'vitest';
import { partialExport } from './partial-export.ts';
import { addProvisioner } from './provisioners.ts';
import { readNetworkDocument, validateNetworkDocument } from './read.ts';
import { sample } from './testing/samples.ts';
import { writeNetworkDocument } from './write.ts';

const full = sample();
const guest = sample('network-partial-guest.json');

describe('a partial export', () => {
  it('for a guest is what the sample has', () => {
    const [provisioner] = guest.provisioners;
    const document = addProvisioner({ ...full, meshName: guest.meshName }, provisioner!);
    const part = partialExport(document, { netKeys: [1], provisioners: [provisioner!.UUID], groups: ['C001'] });
    expect(JSON.parse(writeNetworkDocument(part))).toEqual(JSON.parse(writeNetworkDocument(guest)));
  });

  it('has the groups that its models use, with their parents, and all fixed ones', () => {
    const part = partialExport(full, { netKeys: [1] });
    expect(part.groups.map(({ address }) => address)).toEqual([
      'C000',
      'C001',
      'C100',
      'F4A002C7FB1E4CA0A469A021DE0DB875',
    ]);
    const everybody = {
      ...full,
      nodes: full.nodes.map((node) => ({
        ...node,
        elements: node.elements.map((element) => ({
          ...element,
          models: element.models.map((model) => ({ ...model, subscribe: ['FFFE'] })),
        })),
      })),
    };
    expect(partialExport(everybody, { netKeys: [1], groups: [] }).nodes[0]?.elements[0]?.models[0]?.subscribe).toEqual([
      'FFFE',
    ]);
  });

  it('of everything keeps everything but the device keys', () => {
    const part = partialExport(full, { netKeys: [0, 1], groups: 'all', scenes: 'all' });
    const nodes = full.nodes.map(({ deviceKey: _, ...node }) => node);
    expect(part).toEqual({ ...full, partial: true, nodes });
    expect(partialExport(full, { netKeys: [0, 1], groups: 'all', scenes: 'all', deviceKeys: 'all' })).toEqual({
      ...full,
      partial: true,
    });
    const some = partialExport(full, { netKeys: [0, 1], deviceKeys: (node) => node.name === 'Lamp 1' });
    expect(some.nodes.filter(({ deviceKey }) => deviceKey !== undefined)).toHaveLength(1);
  });

  it('has heartbeats and scenes only of what is exported', () => {
    const part = partialExport(full, { netKeys: [0], nodes: [0x0100, 0x0300] });
    expect(part.nodes.map(({ name }) => name)).toEqual(['Gateway', 'Unconfigured']);
    expect(part.nodes[0]?.heartbeatSub).toBeUndefined();
    expect(part.scenes).toEqual([]);
    expect(partialExport(full, { netKeys: [0], nodes: [0x0100], scenes: [1] }).scenes).toEqual([
      { ...full.scenes[0], addresses: [] },
    ]);
    expect(partialExport(full, { netKeys: [0], groups: [] }).nodes[2]?.heartbeatPub).toBeUndefined();
    expect(partialExport(full, { netKeys: [0], appKeys: [1] }).appKeys.map(({ index }) => index)).toEqual([1]);
  });

  it('leaves out the node of a provisioner that is left out', () => {
    const part = partialExport(full, { netKeys: [0], provisioners: ['CDC75985-78B8-484B-AB49-90A6DC0470DC'] });
    expect(part.nodes.map(({ name }) => name)).not.toContain('Phone');
    expect(validateNetworkDocument(part)).toEqual([]);
  });

  it('of nothing is refused', () => {
    expect(() => partialExport(full, { netKeys: [7] })).toThrow('no NetKey');
    expect(() => partialExport(full, { netKeys: [0], provisioners: [] })).toThrow('no provisioner');
  });

  it('of an old document that was read leniently has none of its loose ends', () => {
    const loose = {
      ...full,
      nodes: full.nodes.map((node) => ({ ...node, appKeys: [...node.appKeys, { index: 9, updated: false }] })),
    };
    const read = readNetworkDocument(loose, { lenient: true });
    if (!read.ok) throw new Error('not read');
    const text = writeNetworkDocument(partialExport(read.value.document, { netKeys: [0, 1] }));
    expect(readNetworkDocument(text).ok).toBe(true);
  });
});
