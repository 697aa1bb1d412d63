import { decodeComposition, decodeModelsMetadata, encodeComposition, Model } from '@meshferry/access';
import { describe, expect, it } from 'vitest';
import { LargeCompositionDataGet, LargeCompositionDataStatus } from './large-composition-data-messages.ts';
import { FoundationModelId } from './model-ids.ts';
import { CLIENT, Pair, SERVER, TO } from './testing/mesh-1-1.ts';

const metadata = [{ metadataId: 0x0001, metadata: new Uint8Array(120).fill(0x59) }];

/** 60 elements of three models, with 600 octets of composition data, and metadata of 8 of them. */
const elements = () =>
  Array.from({ length: 60 }, (_, i) => [
    new Model({ id: 0x1000 + i, name: `S ${i}`, ...(i < 8 ? { metadata } : {}) }),
    new Model({ id: 0x0059_0001, name: `V ${i}` }),
  ]);

describe('Large Composition Data models', () => {
  it('read pages that no message has room for, whole, on an air that loses a tenth', async () => {
    const pair = new Pair({ elements });
    const { large } = pair.clients;
    pair.loss = 0.1;
    const page0 = await pair.until(large.compositionDataPage(TO, 0));
    expect(page0.page).toBe(0);
    expect(page0.data.length).toBeGreaterThan(373);
    expect(page0.data).toEqual(encodeComposition(pair.server.access.composition));
    const decoded = decodeComposition(page0.data);
    expect(decoded.ok && decoded.value.composition.elements).toHaveLength(61);
    expect((await pair.until(large.compositionDataPage(TO, 0xff))).page).toBe(1);
    const tests = await pair.until(large.modelsMetadataPage(TO, 0xff));
    expect(tests.page).toBe(0);
    const told = decodeModelsMetadata(tests.data);
    expect(told.ok && told.value.slice(1, 10).map(({ sigModels }) => sigModels.length)).toEqual([
      1, 1, 1, 1, 1, 1, 1, 1, 0,
    ]);
  });

  it('answer any offset, also beyond the end, with as much as fits', async () => {
    const pair = new Pair({ elements });
    const { large } = pair.clients;
    const { data } = await pair.until(large.compositionDataPage(TO, 0));
    for (const offset of [0, 1, 372, data.length - 1, data.length, 0xffff]) {
      const part = await pair.until(large.compositionDataGet(TO, 100, offset));
      expect(part).toEqual({ page: 1, offset, totalSize: expect.any(Number), data: expect.anything() });
      const zero = await pair.until(large.compositionDataGet(TO, 0, offset));
      expect(zero).toEqual({ page: 0, offset, totalSize: data.length, data: data.slice(offset, offset + 373) });
    }
    const beyond = await pair.until(large.modelsMetadataGet(TO, 0, 0xffff));
    expect(beyond.data).toHaveLength(0);
  });

  it('show the elements that the next term brings after an update: pages 128 and up, and the metadata', async () => {
    const remote = () => new Model({ id: FoundationModelId.remoteProvisioningServer, name: 'Remote Provisioning' });
    const pair = new Pair({ models: () => [remote()], elements: () => elements().slice(0, 2) });
    const { large } = pair.clients;
    const before = await pair.until(large.compositionDataPage(TO, 0));
    const same = await pair.until(large.compositionDataPage(TO, 128));
    expect(same).toEqual({ page: 128, data: before.data });
    // Firmware with more elements, which is announced as: composition changes, Remote Provisioning is supported.
    pair.restart({ elements });
    const now = encodeComposition(pair.server.access.composition);
    expect(await pair.until(large.compositionDataPage(TO, 0))).toEqual(before);
    expect(await pair.until(large.compositionDataPage(TO, 128))).toEqual({ page: 128, data: now });
    expect((await pair.until(large.compositionDataPage(TO, 0xff))).page).toBe(129);
    const old = await pair.until(large.modelsMetadataPage(TO, 0));
    const next = await pair.until(large.modelsMetadataPage(TO, 128));
    expect([old.page, next.page]).toEqual([0, 128]);
    const shapes = [old, next]
      .map(({ data }) => decodeModelsMetadata(data))
      .map((page) => page.ok && page.value.length);
    expect(shapes).toEqual([3, 61]);
    pair.server.access.refreshComposition();
    expect(await pair.until(large.compositionDataPage(TO, 0))).toEqual({ page: 0, data: now });
    expect((await pair.until(large.modelsMetadataPage(TO, 0))).data).toEqual(next.data);
  });
});

describe('a client that reads from another kind of node', () => {
  /** Answers in place of the node. */
  function answering(answer: (offset: number, asked: number) => { page: number; totalSize: number; data: Uint8Array }) {
    const pair = new Pair();
    let asked = 0;
    pair.server.access.receive = (message) => {
      const get = LargeCompositionDataGet.decode(message.payload);
      if (!get.ok) return;
      const { offset } = get.value;
      const payload = LargeCompositionDataStatus.encode({ offset, ...answer(offset, asked++) });
      pair.server.network.send({ src: SERVER, dst: CLIENT, key: { kind: 'device', node: SERVER }, payload });
    };
    return { read: () => pair.until(pair.clients.large.compositionDataPage(TO, 0)), asked: () => asked };
  }
  const page = Uint8Array.from({ length: 100 }, (_, i) => i);

  it('takes parts of any size', async () => {
    const { read } = answering((offset) => ({ page: 0, totalSize: 100, data: page.slice(offset, offset + 7) }));
    expect(await read()).toEqual({ page: 0, data: page });
  });

  it('begins again when the page changes meanwhile', async () => {
    const { read, asked } = answering((offset, count) => ({
      page: 0,
      totalSize: count === 1 ? 90 : 100,
      data: page.slice(offset, offset + 60),
    }));
    expect(await read()).toEqual({ page: 0, data: page });
    expect(asked()).toBe(4);
  });

  it('takes an empty page', async () => {
    const { read } = answering(() => ({ page: 0, totalSize: 0, data: new Uint8Array(0) }));
    expect(await read()).toEqual({ page: 0, data: new Uint8Array(0) });
  });

  it.each([
    ['parts that are more than the page', () => ({ page: 0, totalSize: 10, data: page })],
    ['no octets before the end', (offset: number) => ({ page: 0, totalSize: 100, data: page.slice(offset, 50) })],
    [
      'another size each time',
      (_: number, count: number) => ({ page: 0, totalSize: 50 + count, data: page.slice(0, 9) }),
    ],
  ])('gives up on %s', async (_, answer) => {
    await expect(answering(answer).read()).rejects.toMatchObject({ code: 'page-unreadable' });
  });
});
