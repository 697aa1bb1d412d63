import { describe, expect, it } from 'vitest';
import { blocksOf, content, expectWhole, lostOf, type Mesh, prepared } from './testing/mesh.ts';

/** Five blocks of 4096 octets. */
const BYTES = content(20_000);

/** Another client process has brought the first blocks to this target alone. */
function bring(mesh: Mesh, index: number, blocks: number, mode: 'push' | 'pull'): void {
  const receivers = [{ address: mesh.targets[index]!.address }];
  mesh.start(BYTES, { mode, receivers, resume: true });
  const { server } = mesh.targets[index]!;
  while (server.blobSize === undefined || server.blocksNotReceived.length > 5 - blocks) mesh.clock.step();
  mesh.restartClient();
}

describe('a transfer that is resumed', () => {
  it.each(['push', 'pull'] as const)(
    'brings the union of what its receivers miss, each block once to each (%s)',
    (mode) => {
      for (const forgets of [false, true]) {
        const mesh = prepared({ targets: 3, capabilities: () => ({ minBlockSizeLog: 12 }) });
        bring(mesh, 0, 3, mode);
        bring(mesh, 1, 1, mode);
        bring(mesh, 2, 2, mode);
        // Not a record of its own: the servers say what they have.
        if (forgets) mesh.clientStore.batch([['blob/transfer', null]]);
        const before = blocksOf(mesh).length;
        mesh.clock.advance(60_000);
        mesh.start(BYTES, { resume: true });
        expect(mesh.run()).toMatchObject({ outcome: 'complete' });
        expect(lostOf(mesh)).toEqual([]);
        for (const target of mesh.targets) {
          expectWhole(target, BYTES);
          expect([...target.flash.writes].sort((a, b) => a - b)).toEqual([0, 4096, 8192, 12_288, 16_384]);
        }
        const announced = blocksOf(mesh).slice(before);
        expect(announced.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
      }
    },
  );

  it.each(['push', 'pull'] as const)('announces no block that all of its receivers have (%s)', (mode) => {
    const mesh = prepared({ targets: 2, capabilities: () => ({ minBlockSizeLog: 12 }) });
    for (const i of [0, 1]) bring(mesh, i, 5, mode);
    const before = blocksOf(mesh).length;
    mesh.start(BYTES, { resume: true });
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(blocksOf(mesh)).toHaveLength(before);
    for (const target of mesh.targets) expectWhole(target, BYTES);
  });

  it('after it was suspended again and again, with a target gone each time', () => {
    const mesh = prepared({ targets: 3, loss: 0.02, timeoutBase: 0 });
    const transfer = mesh.start(BYTES);
    for (const [i, target] of mesh.targets.entries()) {
      mesh.runUntil((event) => event.type === 'block' && event.number >= i);
      mesh.clock.advance(1500);
      target.deaf = true;
      transfer.suspend();
      mesh.clock.advance(30_000);
      target.deaf = false;
      transfer.resume();
    }
    expect(mesh.run()).toMatchObject({ outcome: 'complete' });
    expect(lostOf(mesh)).toEqual([]);
    for (const target of mesh.targets) {
      expectWhole(target, BYTES);
      expect(new Set(target.flash.writes).size).toBe(target.flash.writes.length);
    }
  });
});
