import { fromHex, MemoryStore, toHex, VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { decodeProfiles } from './composition-profiles.ts';
import { decodeRelations } from './composition-relations.ts';
import { Model } from './model.ts';
import { node } from './testing/lamp.ts';

const profiles = [
  {
    profileId: 0x1600,
    versionX: 1,
    versionY: 2,
    versionZ: 3,
    elementOffsets: [0, 1],
    additionalData: Uint8Array.of(0xaa, 0xbb),
  },
];
const model = (id: number): Model => new Model({ id, name: `Model ${id}` });

describe('composition of a node', () => {
  it('shows in page 1 what the models say of each other', () => {
    // The worked example of page 1: B extends A, X extends V; B and C correspond, X and Y correspond.
    const a = model(0x1000);
    const v = model(0x0059_0001);
    const c = model(0x1002);
    const b = new Model({ id: 0x1001, name: 'B', extends: [a], corresponds: [c] });
    const y = model(0x0059_0003);
    const x = new Model({ id: 0x0059_0002, name: 'X', extends: [v], corresponds: [y] });
    const layer = node(new VirtualClock(), 0x10, [
      [v, a, b],
      [x, c, y],
    ]);
    const { page, data } = layer.compositionPage(1);
    expect(page).toBe(1);
    expect(toHex(data)).toBe('02010005000000010201000501170101');
    x.subscribe(0xc001);
    expect(v.subscriptions).toEqual([]);
  });

  it('joins groups of correspondence that are told piece by piece', () => {
    const a = model(0x1000);
    const b = new Model({ id: 0x1001, name: 'B', corresponds: [a] });
    const c = model(0x1002);
    const d = new Model({ id: 0x1003, name: 'D', corresponds: [c, b] });
    const alone = model(0x1004);
    const { data } = node(new VirtualClock(), 0x10, [[a, b, c, d, alone]]).compositionPage(1);
    const decoded = decodeRelations(data);
    expect(decoded.ok && decoded.value[0]?.sigModels.map((each) => each.correspondingGroup)).toEqual([
      0,
      0,
      0,
      0,
      undefined,
    ]);
  });

  it('answers an absent page with the largest present one below it', () => {
    const pagesOf = (models: readonly Model[], more: Parameters<typeof node>[3]): number[] => {
      const layer = node(new VirtualClock(), 0x10, [models], more);
      return [0, 1, 2, 127, 128, 129, 130, 255].map((asked) => layer.compositionPage(asked).page);
    };
    expect(pagesOf([], {})).toEqual([0, 1, 1, 1, 1, 1, 1, 1]);
    expect(pagesOf([], { profiles })).toEqual([0, 1, 2, 2, 2, 2, 2, 2]);
    expect(pagesOf([model(0x0004)], {})).toEqual([0, 1, 1, 1, 128, 129, 129, 129]);
    expect(pagesOf([model(0x0004)], { profiles })).toEqual([0, 1, 2, 2, 128, 129, 130, 130]);
    const layer = node(new VirtualClock(), 0x10, [[]], { profiles });
    expect(decodeProfiles(layer.compositionPage(2).data)).toEqual({ ok: true, value: profiles });
  });

  it('shortens page 0 to whole elements, others to what fits', () => {
    const elements = Array.from({ length: 40 }, (_, i) => [model(0x1000 + i), model(0x2000 + i), model(0x3000 + i)]);
    const layer = node(new VirtualClock(), 0x10, elements);
    const whole = layer.compositionPage(0).data;
    expect(whole).toHaveLength(10 + 40 * 10);
    expect(layer.compositionPage(0, 378).data).toEqual(whole.slice(0, 370));
    expect(layer.compositionPage(1, 50).data).toHaveLength(50);
  });

  it('stays for the term when the software changes; pages from 128 on tell of the next term', () => {
    const store = new MemoryStore();
    const start = (models: readonly Model[]): ReturnType<typeof node> =>
      node(new VirtualClock(), 0x10, [[model(0x0004), ...models]], { store });
    const old = start([]).compositionPage(0).data;
    const layer = start([model(0x1000)]);
    const now = layer.compositionPage0();
    expect(now).not.toEqual(old);
    expect(layer.compositionPage(0).data).toEqual(old);
    expect(layer.compositionPage(128).data).toEqual(now);
    layer.refreshComposition();
    expect(layer.compositionPage(0).data).toEqual(now);
    expect(start([]).compositionPage(0).data).toEqual(now);
  });

  it('keeps what its models tell of themselves for the term, as the pages of the composition', () => {
    const store = new MemoryStore();
    const health = (tests: number): Model =>
      new Model({ id: 0x0002, name: 'Health', metadata: [{ metadataId: 1, metadata: Uint8Array.of(0x59, 0, tests) }] });
    const vendor = (): Model => new Model({ id: 0x0059_0001, name: 'V', metadata: health(9).metadata });
    const start = (models: readonly Model[]): ReturnType<typeof node> =>
      node(new VirtualClock(), 0x10, [[model(0x0001), ...models], []], { store });
    const page0 = '0100' + '0200' + '01' + '03000100590001' + '0000';
    const next = '0101' + '0200' + '01' + '03000100590002' + '59000100' + '01' + '03000100590009' + '0000';
    const first = start([health(1)]);
    expect(toHex(first.metadataPage(0).data)).toBe(page0);
    expect(first.metadataPage(0xff).page).toBe(0);
    const second = start([model(0x0004), vendor(), health(2)]);
    expect([0, 127, 128, 255].map((asked) => second.metadataPage(asked).page)).toEqual([0, 0, 128, 128]);
    expect(toHex(second.metadataPage(0).data)).toBe(page0);
    expect(toHex(second.metadataPage(128).data)).toBe(next);
    second.refreshComposition();
    expect(toHex(second.metadataPage(0).data)).toBe(next);
    second.reset();
    expect(store.keys('')).toEqual([]);
  });

  it('is not there before the node is complete', () => {
    const layer = node(new VirtualClock(), 0x10, [[]]);
    expect(layer.modelAt(0x10, 0x1000)).toBeUndefined();
    expect(layer.modelAt(0x11, 0x1000)).toBeUndefined();
  });
});

it('reads element offsets of the other sign when they alone point to a model', () => {
  // Element 1 extends model 0 of element 0: −1 by the specification, +1 in what some nodes send.
  expect(decodeRelations(fromHex('010000' + '01000407'))).toMatchObject({
    ok: true,
    value: [{}, { sigModels: [{ extends: [{ elementOffset: -1, modelIndex: 0 }] }] }],
  });
  expect(decodeRelations(fromHex('010000' + '01000401'))).toMatchObject({
    ok: true,
    value: [{}, { sigModels: [{ extends: [{ elementOffset: -1, modelIndex: 0 }] }] }],
  });
  // Both point to a model: the sign of the specification counts.
  expect(decodeRelations(fromHex('010000' + '01000401' + '010000'))).toMatchObject({
    ok: true,
    value: [{}, { sigModels: [{ extends: [{ elementOffset: 1, modelIndex: 0 }] }] }, {}],
  });
});
