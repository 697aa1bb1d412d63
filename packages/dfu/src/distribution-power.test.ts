import { MemoryStore, type Store, toHex, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase, UploadPhase } from './distribution-codes.ts';
import { applyDistribution, cancelDistribution, fillReceivers } from './distribution-initiator.ts';
import { runUntil, Scene, startOf, TO } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

const NEW = toHex(NEW_ID);

describe('a Distributor that restarts', () => {
  it('stands in Transfer Suspended after Transfer Active, and resumes by the same Start', () => {
    const scene = transferring();
    restart(scene);
    expect(scene.phase).toBe(Phase.transferSuspended);
    expect(scene.distributor.server.receivers).toHaveLength(3);
    expect(() => scene.start({ timeoutBase: 9 })).toThrow('busy with a distribution');
    expect(scene.start().phase).toBe(Phase.transferActive);
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('resumes by itself when it shall', () => {
    const scene = transferring({ resumeAtStart: true });
    restart(scene);
    expect(scene.phase).toBe(Phase.transferActive);
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('sends no block again that all targets have', () => {
    const scene = transferring();
    runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.blocksNotReceived.length === 1));
    restart(scene);
    for (const { device } of scene.mesh.targets) device.calls.length = 0;
    scene.start();
    scene.until(Phase.completed);
    for (const { device } of scene.mesh.targets) {
      expect(device.calls.filter((call) => call.startsWith('block'))).toEqual(['block 512']);
      expect(device.running).toEqual(IMAGE);
    }
  });

  it('can be cancelled while it is suspended after the restart', () => {
    const scene = transferring();
    restart(scene);
    scene.ask((done) => cancelDistribution(scene.initiator.client, TO, done));
    expect(scene.phase).toBe(Phase.idle);
    for (const { update } of scene.mesh.targets) expect(update.phase).toBe(UpdatePhase.idle);
  });

  it('stays in Transfer Success and applies afterwards', () => {
    const scene = new Scene();
    scene.prepare();
    scene.start({ updatePolicy: 'verifyOnly' });
    scene.until(Phase.transferSuccess);
    restart(scene);
    expect(scene.phase).toBe(Phase.transferSuccess);
    scene.mesh.clock.advance(60_000);
    expect(scene.ask((done) => applyDistribution(scene.initiator.client, TO, done)).phase).toBe(Phase.applyingUpdate);
    scene.until(Phase.completed);
    expect(scene.distributor.phases).toEqual([Phase.applyingUpdate, Phase.completed]);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('goes on applying and confirms', () => {
    const scene = new Scene([{}, { bootMs: 30_000 }, {}]);
    scene.prepare();
    scene.start();
    scene.until(Phase.applyingUpdate);
    scene.mesh.clock.advance(5000);
    restart(scene);
    expect(scene.phase).toBe(Phase.applyingUpdate);
    scene.until(Phase.completed);
    expect(scene.receiverPhases).toEqual(Array(3).fill(UpdatePhase.applySuccess));
    expect(scene.mesh.targets.map(({ device }) => device.calls.filter((call) => call === 'apply').length)).toEqual([
      1, 1, 1,
    ]);
  });

  it('goes on cancelling', () => {
    const scene = transferring();
    scene.initiator.client.cancel(TO, () => {});
    scene.until(Phase.cancelingUpdate);
    restart(scene);
    expect(scene.phase).toBe(Phase.cancelingUpdate);
    scene.until(Phase.idle);
    for (const { update } of scene.mesh.targets) expect(update.phase).toBe(UpdatePhase.idle);
  });

  it('keeps the outcome and the list of a finished distribution', () => {
    const scene = new Scene();
    scene.prepare();
    scene.start();
    scene.until(Phase.completed);
    const before = scene.distributor.server.receivers;
    restart(scene);
    expect(scene.phase).toBe(Phase.completed);
    expect(scene.distributor.server.receivers).toEqual(before);
    expect(scene.distributor.slots.images).toHaveLength(1);
  });

  it('loses nothing at any write of the store, from the upload to Completed, and updates no target twice', () => {
    const writes = writesOf([{}, {}]);
    expect(writes).toBeGreaterThan(20);
    for (let at = 1; at <= writes; at++) {
      const scene = new Scene([{}, {}], { resumeAtStart: true });
      const cut = new CutStore(scene.distributor.store, at);
      try {
        restart(scene, cut);
      } catch {
        restart(scene);
      }
      while (scene.phase !== Phase.completed) proceed(scene, cut);
      expect(scene.mesh.firmware, `cut at write ${at}`).toEqual([NEW, NEW]);
      for (const { device } of scene.mesh.targets) {
        expect(
          device.calls.filter((call) => call === 'apply'),
          `cut at write ${at}`,
        ).toHaveLength(1);
      }
    }
  });
});

function transferring(traits = {}): Scene {
  const scene = new Scene([{}, {}, {}], traits);
  scene.prepare();
  scene.start();
  runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.progress > 0));
  return scene;
}

function restart(scene: Scene, store?: Store): void {
  scene.distributor.powerOff();
  if (store !== undefined) scene.distributor.store = store;
  scene.distributor.powerOn();
}

/** Writes of a whole upload and distribution. */
function writesOf(targets: readonly TargetTraits[]): number {
  const scene = new Scene(targets, { resumeAtStart: true });
  const counted = new CutStore(scene.distributor.store, Number.POSITIVE_INFINITY);
  restart(scene, counted);
  scene.prepare();
  scene.start();
  scene.until(Phase.completed);
  return counted.writes;
}

class PowerCut extends Error {}

/** A store on which the power fails at one write: that one and all later ones do not happen, nor what follows them. */
class CutStore extends MemoryStore {
  writes = 0;
  readonly #at: number;

  constructor(from: Store, at: number) {
    super();
    super.batch(from.keys('').map((key): Write => [key, from.get(key) ?? null]));
    this.#at = at;
  }

  get isCut(): boolean {
    return this.writes >= this.#at;
  }

  override batch(writes: Iterable<Write>): void {
    this.writes++;
    if (this.isCut) throw new PowerCut();
    super.batch(writes);
  }
}

/** What an Initiator does that finds the Distributor in any state; it does not know of the power cut, and tries again. */
function proceed(scene: Scene, cut: CutStore): void {
  const { mesh, initiator, distributor } = scene;
  const isOff = () => cut.isCut && distributor.store === cut;
  const wait = (isSo: () => boolean): void => {
    for (;;) {
      try {
        runUntil(mesh, () => isOff() || isSo());
      } catch (thrown) {
        if (!(thrown instanceof PowerCut)) throw thrown;
        // The dead process still has timers on this clock.
        if (!isOff()) continue;
      }
      if (!isOff()) return;
      restart(scene);
    }
  };
  scene.uploadEvents.length = 0;
  scene.upload({ blobId: 5n, resume: distributor.server.uploadPhase === UploadPhase.transferError });
  wait(() => scene.uploadEvents.at(-1)?.type === 'done');
  const last = scene.uploadEvents.at(-1);
  if (last?.type === 'done' && !last.outcome.ok) return;
  if (scene.phase === Phase.idle) {
    let isAnswered = false;
    const answered = () => {
      isAnswered = true;
    };
    const receivers = mesh.targets.map(({ address }) => ({ address, imageIndex: 0 }));
    fillReceivers(initiator.client, TO, receivers, {}, answered);
    wait(() => isAnswered);
    isAnswered = false;
    initiator.client.start(TO, startOf(), answered);
    wait(() => isAnswered);
  } else wait(() => scene.phase === Phase.completed);
}
