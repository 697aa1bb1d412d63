import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase } from './distribution-codes.ts';
import { applyDistribution, cancelDistribution } from './distribution-initiator.ts';
import { runUntil, Scene, TO } from './testing/distribution-mesh.ts';
import { IMAGE, NEW_ID } from './testing/mesh.ts';
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

  it('shows how far each receiver was, before it goes on', () => {
    const scene = transferring();
    const progress = () => scene.distributor.server.receivers.map(({ transferProgress }) => transferProgress);
    runUntil(scene.mesh, () => progress().every((percent) => percent >= 66));
    scene.suspend();
    const before = scene.distributor.server.receivers;
    restart(scene);
    expect(scene.distributor.server.receivers).toEqual(before);
  });

  it('does not send an image that was damaged meanwhile, and can still be cancelled', () => {
    const scene = transferring();
    const { store } = scene.distributor;
    const [key = ''] = store.keys('slots/data/');
    store.batch([[key, new Uint8Array(store.get(key)?.length ?? 0)]]);
    restart(scene);
    expect(() => scene.start()).toThrow('internal error');
    expect(scene.phase).toBe(Phase.transferSuspended);
    scene.cancel();
    expect(scene.phase).toBe(Phase.idle);
    for (const { update } of scene.mesh.targets) expect(update.phase).toBe(UpdatePhase.idle);
  });

  it('applies what the targets have verified although its own copy is damaged', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start({ updatePolicy: 'verifyOnly' });
    scene.until(Phase.transferSuccess);
    const { store } = scene.distributor;
    store.batch(store.keys('slots/data/').map((key) => [key, null]));
    restart(scene);
    scene.apply();
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
  });

  it('keeps the error of a failed distribution, and starts it again with the same list', () => {
    const scene = new Scene([{ failVerification: true }]);
    scene.prepare();
    scene.start();
    scene.until(Phase.failed);
    restart(scene);
    expect(scene.phase).toBe(Phase.failed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.verificationFailed]);
    expect(scene.start().phase).toBe(Phase.transferActive);
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
});

function transferring(traits = {}): Scene {
  const scene = new Scene([{}, {}, {}], traits);
  scene.prepare();
  scene.start();
  runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.progress > 0));
  return scene;
}

function restart(scene: Scene): void {
  scene.distributor.powerOff();
  scene.distributor.powerOn();
}
