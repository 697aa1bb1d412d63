import { describe, expect, it } from 'vitest';
import {
  content,
  expectOnlyLost,
  expectWhole,
  FIRST_TARGET,
  GROUP,
  lostOf,
  type Mesh,
  prepared,
} from './testing/mesh.ts';

const BYTES = content(20_000);
const LABEL = Uint8Array.from({ length: 16 }, (_, i) => 0x70 + i);

/** Chunks by where they went. */
function chunksTo(mesh: Mesh): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { dst } of mesh.chunks) counts.set(dst, (counts.get(dst) ?? 0) + 1);
  return counts;
}

describe('a transfer to a virtual address', () => {
  it.each([
    ['push', 0],
    ['push', 0.1],
    ['pull', 0],
    ['pull', 0.1],
  ] as const)('reaches all that subscribe to its label (%s, loss %d)', (mode, loss) => {
    const mesh = prepared({ targets: 4, loss, label: LABEL });
    mesh.start(BYTES, { mode });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    expect(lostOf(mesh)).toEqual([]);
    expect(mesh.virtual >> 14).toBe(2);
    const counts = chunksTo(mesh);
    const toAll = counts.get(mesh.virtual) ?? 0;
    expect(toAll).toBeGreaterThan(loss === 0 ? mesh.chunks.length - 1 : mesh.chunks.length / 2);
    expect(mesh.targets[0]!.server.model.subscriptions).toEqual([{ address: mesh.virtual, label: LABEL }]);
  });

  it('reaches those by unicast that subscribe to another label', () => {
    const mesh = prepared({ targets: 3, label: LABEL });
    mesh.targets[1]!.server.model.overwriteSubscriptions([Uint8Array.from(LABEL, (octet) => octet ^ 1)]);
    mesh.start(BYTES);
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    expect(chunksTo(mesh).get(FIRST_TARGET + 1)).toBeGreaterThan(0);
  });

  it('goes on in another process', () => {
    const mesh = prepared({ targets: 2, label: LABEL });
    mesh.start(BYTES);
    mesh.runUntil((event) => event.type === 'block' && event.number === 2);
    mesh.clock.advance(500);
    mesh.restartClient();
    mesh.start(BYTES, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    expect([...chunksTo(mesh).keys()]).toEqual([mesh.virtual]);
  });
});

describe('the last chunks of a transfer to a group', () => {
  it.each(['push', 'pull'] as const)('go by unicast to the few that miss them (%s)', (mode) => {
    // One of six misses every third PDU: of a long chunk to the group it would always miss some segment.
    const loss = mode === 'push' ? 0.33 : 0.5;
    const mesh = prepared({ targets: 6, loss: (_, to) => (to === 3 ? loss : 0) });
    mesh.start(BYTES, { mode, ...(mode === 'push' && { chunkSize: 185 }) });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    const counts = chunksTo(mesh);
    expect(counts.get(GROUP)).toBeGreaterThan(0);
    expect(counts.get(FIRST_TARGET + 2)).toBeGreaterThan(0);
    for (const i of [0, 1, 3, 4, 5]) expect(counts.get(FIRST_TARGET + i)).toBeUndefined();
  });

  it.each(['push', 'pull'] as const)('go by unicast to one that is not subscribed (%s)', (mode) => {
    const mesh = prepared({ targets: 3 });
    mesh.targets[1]!.server.model.unsubscribe(GROUP);
    mesh.start(BYTES, { mode });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    expect(chunksTo(mesh).get(GROUP)).toBeGreaterThan(0);
    expect(chunksTo(mesh).get(FIRST_TARGET + 1)).toBeGreaterThan(0);
  });
});

describe('where a transfer cannot go', () => {
  const label = LABEL;
  it.each([
    ['a unicast address as group', { group: 0x0200 }, 'bad-address'],
    ['a receiver that is a group', { receivers: [{ address: 0xc001 }] }, 'bad-address'],
    ['a virtual address without its label', { group: 0x8123 }, 'bad-label-uuid'],
    ['a label cut short', { group: 0x8123, label: label.slice(1) }, 'bad-label-uuid'],
    ['a label for a group', { group: GROUP, label }, 'bad-label-uuid'],
    ['a label for nothing', { group: undefined, label }, 'bad-label-uuid'],
    ['chunks of no octets', { chunkSize: 0 }, 'bad-field'],
    ['chunks larger than a message', { chunkSize: 378 }, 'bad-field'],
    ['half a block size', { blockSizeLog: 6.5 }, 'bad-field'],
    ['blocks larger than a BLOB', { blockSizeLog: 33 }, 'bad-field'],
  ])('%s', (_, options, code) => {
    const mesh = prepared({ targets: 1 });
    expect(() => mesh.start(BYTES, options)).toThrow(expect.objectContaining({ code }));
  });

  it('a receiver that is named twice is served once', () => {
    const mesh = prepared({ targets: 2 });
    const receivers = [0, 1, 0].map((i) => ({ address: FIRST_TARGET + i }));
    const transfer = mesh.start(BYTES, { receivers });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(transfer.receivers.map(({ address, lost }) => [address, lost])).toEqual([
      [FIRST_TARGET, false],
      [FIRST_TARGET + 1, false],
    ]);
  });
});

describe('block and chunk sizes that the caller fixes', () => {
  it.each(['push', 'pull'] as const)('are used in %s mode, who does not take them is lost', (mode) => {
    const capabilities = (i: number) => ({ minBlockSizeLog: 6, maxChunksNumber: i === 2 ? 8 : 256 });
    const mesh = prepared({ targets: 3, capabilities });
    mesh.start(BYTES, { mode, blockSizeLog: 10, chunkSize: 50 });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectOnlyLost(mesh, 2, BYTES);
    expect(lostOf(mesh)[0]).toMatchObject({ lostIn: 'capabilities', error: { code: 'receiver-unfit' } });
    expect(lostOf(mesh)[0]?.error?.message).toBe(
      '0x0102 takes blocks of no more than 8 chunks, chunks of no more than 377 octets: Invalid Chunk Size',
    );
    expect(mesh.events.find(({ type }) => type === 'capabilities')).toMatchObject({
      blockSizeLog: 10,
      maxChunkSize: 50,
    });
    expect(Math.max(...mesh.chunks.map(({ chunk }) => chunk))).toBe(20);
  });

  it('are kept when another process goes on', () => {
    const mesh = prepared({ targets: 1, capabilities: () => ({ minBlockSizeLog: 6 }) });
    mesh.start(BYTES, { blockSizeLog: 10, chunkSize: 50 });
    mesh.runUntil((event) => event.type === 'block' && event.number === 3);
    mesh.restartClient();
    mesh.start(BYTES, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expectWhole(mesh.targets[0]!, BYTES);
    expect(mesh.targets[0]!.flash.writes).toHaveLength(20);
  });
});

describe('a Low Power node', () => {
  it('that is declared gets its chunks in pull mode and by itself, although it offers push too', () => {
    const mesh = prepared({ targets: 2 });
    mesh.start(BYTES, { receivers: [{ address: FIRST_TARGET, lowPower: true }, { address: FIRST_TARGET + 1 }] });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    for (const target of mesh.targets) expectWhole(target, BYTES);
    expect(mesh.events.find(({ type }) => type === 'capabilities')).toMatchObject({ mode: 'pull' });
    expect(chunksTo(mesh).get(GROUP)).toBeUndefined();
  });

  it('is given time for its answers: it is not asked again before it can have got the request', () => {
    const mesh = prepared({ targets: 1 });
    mesh.targets[0]!.deaf = true;
    const asked: number[] = [];
    const { send } = mesh.client.model;
    mesh.client.model.send = ((...told: Parameters<typeof send>) => {
      asked.push(mesh.clock.now);
      return send(...told);
    }) as typeof send;
    mesh.start(BYTES, { receivers: [{ address: FIRST_TARGET, lowPower: true }], group: undefined });
    mesh.clock.advance(20_000);
    expect(asked.length).toBeGreaterThan(3);
    for (const [i, at] of asked.entries()) if (i > 0) expect(at - asked[i - 1]!).toBeGreaterThanOrEqual(3000);
  });
});
