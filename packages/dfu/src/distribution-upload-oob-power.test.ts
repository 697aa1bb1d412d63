import { MemoryStore, type MeshError, ok, type Result, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase, UploadPhase as Phase } from './distribution-codes.ts';
import { Bench } from './testing/distribution-bench.ts';
import { runUntil, Scene, TO } from './testing/distribution-mesh.ts';
import { CutStore } from './testing/failing-stores.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
import { OobArchive } from './testing/oob-archive.ts';
import { ACTIVE, CURRENT, FIRMWARE, IDLE, oobBench, oobStart, REQUEST, URI, uploadGet } from './testing/oob-bench.ts';

describe('an upload out of band over a power cut', () => {
  it('goes on by itself while it fetches; a check is forgotten, its Initiator asks again', () => {
    const store = new MemoryStore();
    const first = oobBench({ store });
    oobStart(first.bench);
    const checking = copyOf(store);
    first.bench.wait(5000);
    const fetching = copyOf(store);
    first.bench.wait(20_000);

    const afterCheck = oobBench({ store: checking });
    afterCheck.bench.server.start();
    expect(uploadGet(afterCheck.bench)).toEqual({ status: 0, ...IDLE });
    expect(afterCheck.archive.calls).toEqual([]);

    const afterFetch = oobBench({ store: fetching });
    afterFetch.bench.server.start();
    expect(uploadGet(afterFetch.bench)).toMatchObject({ phase: 1, uploadType: 'oob', firmwareId: CURRENT });
    expect(oobStart(afterFetch.bench)).toMatchObject([{ status: 0, phase: 1 }]);
    afterFetch.bench.wait(20_000);
    expect(uploadGet(afterFetch.bench)).toMatchObject({ phase: 3, uploadProgress: 100 });
    expect(afterFetch.archive.calls).toEqual([`fetch ${URI}`]);
    expect(afterFetch.bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);

    const done = oobBench({ store });
    done.bench.server.start();
    expect(uploadGet(done.bench)).toEqual({ ...ACTIVE, phase: 3, uploadProgress: 100 });
  });

  it('ends in Transfer Error when there is no way out of the mesh any more', () => {
    const store = new MemoryStore();
    const { bench } = oobBench({ store });
    oobStart(bench);
    bench.wait(3000);
    const after = new Bench({ store: copyOf(store) });
    after.server.start();
    expect(uploadGet(after)).toMatchObject({ phase: 2, uploadType: 'oob', firmwareId: CURRENT });
    expect(after.slots.reservations).toEqual([]);
  });

  it('survives a cut before and after each write of the store', () => {
    const counting = new CutStore(new MemoryStore());
    whole(counting);
    expect(counting.writes).toBeGreaterThanOrEqual(5);
    for (let at = 1; at <= counting.writes; at++) {
      for (const side of ['before', 'after'] as const) {
        const store = new CutStore(new MemoryStore(), at, side);
        whole(store);
        expect(store.isCut).toBe(true);
        const { bench } = oobBench({ store: copyOf(store) });
        bench.server.start();
        if (uploadGet(bench)?.phase !== 3) {
          oobStart(bench);
          bench.wait(30_000);
        }
        expect(uploadGet(bench), `${side} write ${at}`).toMatchObject({ phase: 3, uploadProgress: 100 });
        expect(bench.slots.images.map(({ firmwareId }) => toHex(firmwareId))).toEqual([toHex(NEW_ID)]);
        expect(bench.slots.intact(0)?.read(0, IMAGE.length)).toEqual(IMAGE);
        expect(bench.slots.reservations).toEqual([]);
      }
    }
  });
});

describe('a distribution of an image that was fetched out of band', () => {
  it('updates the targets', () => {
    let archive: OobArchive | undefined;
    const mesh = new Scene([{}, {}], { archive: (clock) => (archive = new OobArchive(clock, FIRMWARE)) });
    const { client } = mesh.initiator;
    const status = mesh.initiator.answer((done: (outcome: Result<{ phase: number }, MeshError>) => void) =>
      client.uploadOobStart(TO, REQUEST, (outcome) => done(outcome.ok ? ok(outcome.value) : outcome)),
    );
    expect(status.phase).toBe(Phase.transferActive);
    runUntil(mesh.mesh, () => mesh.distributor.server.uploadPhase === Phase.transferSuccess);
    mesh.fill();
    mesh.start();
    mesh.until(DistributionPhase.completed);
    expect(mesh.mesh.firmware).toEqual([toHex(NEW_ID), toHex(NEW_ID)]);
    expect(archive?.calls).toHaveLength(2);
  });
});

function whole(store: MemoryStore): void {
  const { bench } = oobBench({ store });
  bench.server.start();
  oobStart(bench);
  bench.wait(30_000);
}

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  copy.batch(store.keys('').map((key) => [key, store.get(key) ?? null]));
  return copy;
}
