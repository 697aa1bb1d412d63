import { describe, expect, it } from 'vitest';
import { isFree } from './addresses.ts';
import type { NetworkDocument, NodeEntry } from './model.ts';
import {
  bindAppKey,
  clearHeartbeats,
  requireModel,
  setBindings,
  setPublication,
  setSubscriptions,
  subscribe,
  unbindAppKey,
  unsubscribe,
} from './model-records.ts';
import { addNodeAppKey, addNodeNetKey, removeNodeAppKey, removeNodeNetKey } from './node-keys.ts';
import {
  addNode,
  provisionedNode,
  removeNode,
  replaceNode,
  requireNode,
  updateNode,
  withComposition,
} from './nodes.ts';
import { validateNetworkDocument } from './read.ts';
import { octets, sample } from './testing/samples.ts';

const full = sample();
const device = {
  uuid: octets(0x11),
  name: 'New',
  address: 0x0310,
  elements: 2,
  deviceKey: octets(0x22),
  secure: true,
  netIndex: 0,
};
const valid = (document: NetworkDocument): NetworkDocument => {
  expect(validateNetworkDocument(document)).toEqual([]);
  return document;
};

describe('a node that was provisioned', () => {
  it('is in the document with its key before its composition is known', () => {
    const document = valid(addNode(full, provisionedNode(full, device)));
    expect(requireNode(document, 0x0310)).toEqual({
      UUID: '11111111-1111-1111-1111-111111111111',
      name: 'New',
      unicastAddress: '0310',
      deviceKey: '22222222222222222222222222222222',
      security: 'secure',
      netKeys: [{ index: 0, updated: false }],
      appKeys: [],
      configComplete: false,
      excluded: false,
      elements: [
        { index: 0, location: '0000', models: [] },
        { index: 1, location: '0000', models: [] },
      ],
    });
  });

  it('has the new key when it joined in phase 2', () => {
    const netKeys = full.netKeys.map((key) => ({ ...key, phase: 2 as const, oldKey: key.key }));
    expect(provisionedNode({ ...full, netKeys }, device).netKeys).toEqual([{ index: 0, updated: true }]);
    expect(() => provisionedNode(full, { ...device, netIndex: 9 })).toThrow('no NetKey 9');
  });

  it('makes its subnet insecure if it is', () => {
    const secured = { ...full, netKeys: full.netKeys.map((key) => ({ ...key, minSecurity: 'secure' as const })) };
    const document = addNode(secured, provisionedNode(secured, { ...device, secure: false }));
    expect(document.netKeys.map(({ minSecurity }) => minSecurity)).toEqual(['insecure', 'secure']);
    expect(addNode(secured, provisionedNode(secured, device)).netKeys).toBe(secured.netKeys);
  });

  it('is refused where another one is, and beyond the unicast addresses', () => {
    const at =
      (address: number): (() => unknown) =>
      () =>
        addNode(full, provisionedNode(full, { ...device, address }));
    expect(at(0x01ff)).toThrow('overlaps node 0200');
    expect(at(0x0201)).toThrow('overlaps node 0200');
    expect(at(0x7fff)).toThrow('does not fit');
  });
});

describe('a node that goes', () => {
  it('leaves its addresses excluded and its scenes without it', () => {
    const document = valid(removeNode(full, 0x0200, 5));
    expect(document.nodes).toHaveLength(4);
    expect(document.networkExclusions?.at(-1)).toEqual({ ivIndex: 5, addresses: ['0200', '0201'] });
    expect(document.scenes[0]?.addresses).toEqual([]);
    for (const [ivIndex, expected] of [
      [5, false],
      [6, false],
      [7, true],
    ] as const) {
      expect(isFree(document, { address: 0x0200, count: 2 }, ivIndex)).toBe(expected);
    }
    expect(() => removeNode(document, 0x0200, 5)).toThrow('no node 0x0200');
  });

  it('to another address leaves the old ones excluded', () => {
    const lamp = requireNode(full, 0x0200);
    const document = valid(replaceNode(full, 0x0200, { ...lamp, unicastAddress: '0201' }, 5));
    expect(document.networkExclusions?.at(-1)).toEqual({ ivIndex: 5, addresses: ['0200'] });
    expect(document.scenes[0]?.addresses).toEqual(['0201']);
    expect(() => replaceNode(full, 0x0200, { ...lamp, unicastAddress: '020F' }, 5)).toThrow('overlaps node 0210');
  });
});

describe('the record of a node', () => {
  it('takes what its composition says, and keeps what was known of its models', () => {
    const lamp = { ...requireNode(full, 0x0200), 'x-room': 3 };
    const after = withComposition(lamp, {
      cid: 0x0059,
      pid: 2,
      vid: 3,
      crpl: 64,
      features: 0b1001,
      elements: [{ location: 0x0100, sigModels: [0, 0x1000, 0x1200], vendorModels: [0x0059_0001, 0x0000_0007] }],
    });
    expect(after).toMatchObject({ cid: '0059', pid: '0002', vid: '0003', crpl: '0040', 'x-room': 3 });
    expect(after.features).toEqual({ relay: 1, proxy: 2, friend: 2 });
    expect(after.elements[0]?.models.map(({ modelId }) => modelId)).toEqual([
      '0000',
      '1000',
      '1200',
      '00590001',
      '00000007',
    ]);
    expect(after.elements[0]?.models[1]).toBe(lamp.elements[0]?.models[10]);
    expect(after.elements[0]?.name).toBe('Main');
    expect(after.elements).toHaveLength(1);
  });

  it('changes in the members that are named, and shares the rest', () => {
    const document = updateNode(full, 0x0200, { name: 'Hall', defaultTTL: undefined });
    const lamp = requireNode(document, 0x0200);
    expect(lamp.name).toBe('Hall');
    expect('defaultTTL' in lamp).toBe(false);
    expect(lamp.elements).toBe(requireNode(full, 0x0200).elements);
    expect(document.nodes[0]).toBe(full.nodes[0]);
    expect(updateNode(full, 0x0200, { name: 'Lamp 1' })).toBe(full);
    expect(clearHeartbeats(full, 0x0200).nodes[2]?.heartbeatPub).toBeUndefined();
  });

  it('has keys added and removed, with what hangs on them', () => {
    const sensor = (document: NetworkDocument): NodeEntry => requireNode(document, 0x0210);
    const added = valid(addNodeNetKey(full, 0x0200, 1));
    expect(requireNode(added, 0x0200).netKeys).toEqual([
      { index: 0, updated: false },
      { index: 1, updated: false },
    ]);
    expect(addNodeNetKey(added, 0x0200, 1)).toBe(added);
    expect(addNodeAppKey(full, 0x0210, 2, true).nodes[3]?.appKeys[2]).toEqual({ index: 2, updated: true });
    expect(() => addNodeNetKey(full, 0x0200, 5)).toThrow('no NetKey 5');
    expect(() => addNodeAppKey(full, 0x0200, 5)).toThrow('no AppKey 5');

    const without = valid(removeNodeNetKey(full, 0x0210, 1));
    expect(sensor(without).appKeys.map(({ index }) => index)).toEqual([0, 1]);
    expect(sensor(without).elements[0]?.models[2]).toMatchObject({ bind: [0] });
    expect(sensor(without).elements[0]?.models[2]?.publish).toBeUndefined();
    expect(valid(removeNodeNetKey(full, 0x0200, 0)).nodes[2]?.heartbeatPub).toBeUndefined();
    expect(sensor(removeNodeAppKey(full, 0x0210, 0)).elements[0]?.models[3]?.publish).toBeUndefined();
  });
});

describe('the record of a model', () => {
  const place = { node: 0x0200, element: 0, modelId: '1000' };

  it('takes bindings to keys of the node', () => {
    const document = valid(bindAppKey(full, place, 1));
    expect(requireModel(document, place).bind).toEqual([0, 1]);
    expect(bindAppKey(document, place, 1)).toBe(document);
    expect(() => bindAppKey(full, place, 2)).toThrow('AppKey 2 in node 0200');
    expect(requireModel(setBindings(full, place, [1]), place).bind).toEqual([1]);
    const unbound = requireModel(unbindAppKey(full, place, 0), place);
    expect(unbound.bind).toEqual([]);
    expect(unbound.publish).toBeUndefined();
  });

  it('takes subscriptions and a publication', () => {
    expect(requireModel(subscribe(full, place, 'C001'), place).subscribe).toHaveLength(3);
    expect(subscribe(full, place, 'C000')).toBe(full);
    expect(requireModel(unsubscribe(full, place, 'C000'), place).subscribe).toEqual([
      'F4A002C7FB1E4CA0A469A021DE0DB875',
    ]);
    expect(requireModel(setSubscriptions(full, place, ['C001', 'C001']), place).subscribe).toEqual(['C001']);
    const publish = { ...requireModel(full, place).publish!, ttl: 3 };
    expect(requireModel(valid(setPublication(full, place, publish)), place).publish?.ttl).toBe(3);
    expect('publish' in requireModel(setPublication(full, place, undefined), place)).toBe(false);
  });

  it('is refused where there is none', () => {
    expect(() => requireModel(full, { ...place, element: 5 })).toThrow('no model 1000 on element 5');
    expect(() => requireModel(full, { ...place, modelId: '1001' })).toThrow('no model 1001');
  });
});
