import { describe, expect, it } from 'vitest';
import type { BlobTransferParameters } from './client-contract.ts';
import { CutStore } from './testing/cut-store.ts';
import { content, FIRST_TARGET, GROUP, type Mesh, prepared } from './testing/mesh.ts';

/** Four blocks of 256 octets. */
const BYTES = content(800);
const ONE_SIZE = { minBlockSizeLog: 8, maxBlockSizeLog: 8 };
const OFF_MS = 3000;

type Options = Partial<BlobTransferParameters>;

/** A mesh of a client and two targets; the power of `node` (0 is the client) fails at its n-th write, to come back soon. */
function cutMesh(options: Options, node: number, cutAt: number, isAfter: boolean): { mesh: Mesh; store: CutStore } {
  const stores: CutStore[] = [];
  const store = (i: number): CutStore => {
    stores[i] ??= new CutStore();
    return stores[i];
  };
  const mesh = prepared({ targets: 2, store, capabilities: () => ONE_SIZE });
  const cut = store(node);
  Object.assign(cut, { cutAt: cut.writes + cutAt, isAfter });
  cut.onCut = () => mesh.clock.after(OFF_MS, () => powerOn(mesh, node, options));
  return { mesh, store: cut };
}

/** What the applications do after power-on: the sender resumes, a target takes its transfer up, or expects it anew. */
function powerOn(mesh: Mesh, node: number, options: Options): void {
  if (node === 0) {
    mesh.restartClient();
    mesh.start(BYTES, { ...options, resume: true });
    return;
  }
  const target = mesh.targets[node - 1]!;
  if (!mesh.restartTarget(target) && !target.told.includes('complete')) mesh.expect(target);
}

/** Blocks of which this receiver was sent a chunk twice. */
function blocksSentAgain({ chunks }: Mesh, address: number): Set<number> {
  const seen = new Set<string>();
  const again = new Set<number>();
  for (const { block, chunk, dst } of chunks) {
    if (dst !== address && dst !== GROUP) continue;
    const key = `${block}/${chunk}`;
    if (seen.has(key)) again.add(block);
    seen.add(key);
  }
  return again;
}

/** Cuts at every write of a node in a whole transfer, before and after it; gives how many cuts that were. */
function cutEverywhere(options: Options, node: number): number {
  for (let cuts = 0, cutAt = 1; ; cutAt++) {
    for (const isAfter of [false, true]) {
      const { mesh, store } = cutMesh(options, node, cutAt, isAfter);
      const { writes } = store;
      mesh.start(BYTES, options);
      const end = mesh.run();
      mesh.clock.advance(OFF_MS + 5000);
      const was = `write ${cutAt}, ${isAfter ? 'after' : 'before'} it`;
      if (store.writes - writes < cutAt) return cuts;
      cuts++;
      for (const target of mesh.targets) {
        expect(target.flash.content, was).toEqual(BYTES);
        expect(target.told, was).toContain('complete');
        expect(blocksSentAgain(mesh, target.address).size, was).toBeLessThanOrEqual(1);
        expect(target.flash.writes.length, was).toBeLessThanOrEqual(5);
      }
      // A target that has it and was off when it should have confirmed has forgotten the transfer: only that may be lost.
      expect(end, was).toMatchObject({ type: 'done', outcome: 'complete' });
      for (const { address, lost } of mesh.transfer!.receivers) {
        if (lost) expect(address, was).toBe(FIRST_TARGET + node - 1);
      }
    }
  }
}

describe('a power cut at every write of a whole transfer costs one block at most', () => {
  const ways: [string, Options][] = [
    ['push to a group', {}],
    ['push by unicast', { group: undefined }],
    ['pull by unicast', { mode: 'pull', group: undefined }],
    ['pull from a group', { mode: 'pull' }],
  ];

  it.each(ways)('of the client: %s', (_, options) => {
    expect(cutEverywhere(options, 0)).toBeGreaterThanOrEqual(50);
  });

  it.each(ways)('of a server: %s', (_, options) => {
    expect(cutEverywhere(options, 1)).toBeGreaterThanOrEqual(36);
  });
});
