import { sourceOf } from '@meshferry/blob';
import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase, UploadPhase } from './distribution-codes.ts';
import { fillReceivers, startDistribution } from './distribution-initiator.ts';
import { metadataOf } from './testing/device.ts';
import { InitiatorNode, runUntil, Scene, startOf, TO } from './testing/distribution-mesh.ts';
import { DistributorNode } from './testing/distributor-node.ts';
import { GROUP, IMAGE, NEW_ID } from './testing/mesh.ts';
import { UpdateEffect, UpdatePhase, UpdateStatus } from './update-codes.ts';

const NEW = toHex(NEW_ID);

describe('targets with different effects in one distribution', () => {
  it.each([0, GROUP])('are each confirmed in their own way (destination %s)', (multicast) => {
    const scene = new Scene([
      { effect: UpdateEffect.unchanged },
      { effect: UpdateEffect.compositionChangedWithoutRemoteProvisioning },
      { effect: UpdateEffect.compositionChangedWithRemoteProvisioning },
      { effect: UpdateEffect.unprovisioned },
      { effect: UpdateEffect.unprovisioned, leaves: false },
    ]);
    scene.prepare();
    scene.start({ multicast, timeoutBase: 0 });
    scene.until(Phase.completed);
    const { applySuccess, applyFailed, applyingUpdate } = UpdatePhase;
    // Of who has left the network nothing was heard since it applied.
    expect(scene.receiverPhases).toEqual([applySuccess, applySuccess, applySuccess, applyingUpdate, applyFailed]);
    expect(scene.mesh.targets.map(({ on }) => on)).toEqual([true, true, true, false, true]);
    expect(scene.mesh.firmware).toEqual(Array(5).fill(NEW));
  });
});

describe('two Distributors with the same targets', () => {
  it('do not disturb each other: the second is told that they are busy', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start();
    runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.progress > 0));
    const second = secondDistributor(scene);
    runUntil(scene.mesh, () => second.server.phase === Phase.failed);
    expect(
      second.server.receivers.map(({ retrievedUpdatePhase, updateStatus }) => [retrievedUpdatePhase, updateStatus]),
    ).toEqual(Array(2).fill([UpdatePhase.unknown, UpdateStatus.wrongPhase]));
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
    expect(scene.receiverPhases).toEqual([UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
  });

  it('share the targets when they start at the same moment: each is updated once', () => {
    const scene = new Scene([{}, {}, {}, {}]);
    scene.prepare();
    const second = secondDistributor(scene, { reverse: true });
    scene.start();
    runUntil(scene.mesh, () => [scene.phase, second.server.phase].every((phase) => phase >= 4 && phase <= 5));
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW, NEW]);
    for (const { device } of scene.mesh.targets)
      expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
    const successes = [...scene.receiverPhases, ...second.server.receivers.map((r) => r.retrievedUpdatePhase)].filter(
      (phase) => phase === UpdatePhase.applySuccess,
    );
    expect(successes).toHaveLength(4);
  });

  it('that ends by Cancel leaves those alone that the other one works on', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start();
    runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.progress > 0));
    const second = secondDistributor(scene);
    runUntil(scene.mesh, () => second.server.receivers.every(({ updateStatus }) => updateStatus !== 0));
    const other = new InitiatorNode(scene.mesh, 0x0032);
    const outcome = other.outcome<unknown>((done) =>
      other.client.cancel({ address: SECOND, appIndex: 0 }, (ended) => done(ended)),
    );
    expect(outcome.ok).toBe(true);
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
  });
});

describe('an image that is replaced during its upload', () => {
  const other = IMAGE.map((octet) => octet ^ 0xff);
  const long = Uint8Array.from({ length: 8000 }, (_, i) => (i * 29) & 0xff);
  const uploadOf = (image: Uint8Array) => ({ metadata: metadataOf(image, NEW_ID), source: sourceOf(image) });

  it('by Cancel and a new upload: nothing of the old one is in it, though its sender goes on', () => {
    const scene = new Scene([]);
    const replaced = long.map((octet) => octet ^ 0x55);
    scene.upload({ ...uploadOf(long), blobId: 1n });
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress > 40);
    const second = new InitiatorNode(scene.mesh, 0x0030);
    second.outcome<unknown>((done) => second.client.uploadCancel(TO, (ended) => done(ended)));
    scene.uploadEvents.length = 0;
    scene.upload({ ...uploadOf(replaced), blobId: 2n }, second);
    runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === UploadPhase.transferSuccess);
    expect(scene.distributor.slots.images).toMatchObject([
      { firmwareId: NEW_ID, metadata: metadataOf(replaced, NEW_ID) },
    ]);
    expect(scene.distributor.slots.intact(0)?.read(0, long.length)).toEqual(replaced);
  });

  it('under the same firmware id after Transfer Error: it begins from its first block', () => {
    const scene = new Scene([]);
    const replaced = long.map((octet) => octet ^ 0x55);
    scene.upload({ ...uploadOf(long), blobId: 1n });
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress > 40);
    scene.initiator.powerOff();
    runUntil(scene.mesh, () => scene.distributor.server.uploadPhase === UploadPhase.transferError);
    scene.uploadEvents.length = 0;
    scene.upload({ ...uploadOf(replaced), blobId: 2n }, new InitiatorNode(scene.mesh, 0x0030));
    expect(scene.uploaded().ok).toBe(true);
    expect(scene.distributor.slots.intact(0)?.read(0, long.length)).toEqual(replaced);
    expect(scene.distributor.slots.reservations).toEqual([]);
  });

  it('behind the back of its sender: no target applies the mixture', () => {
    const scene = new Scene([{}, {}]);
    let isReplaced = false;
    const source = {
      size: IMAGE.length,
      read: (offset: number, length: number) => (isReplaced ? other : IMAGE).subarray(offset, offset + length),
    };
    scene.upload({ source });
    runUntil(scene.mesh, () => scene.distributor.server.uploadProgress > 40);
    isReplaced = true;
    expect(scene.uploaded().ok).toBe(true);
    scene.fill();
    scene.start();
    scene.until(Phase.failed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.verificationFailed, UpdatePhase.verificationFailed]);
    expect(scene.mesh.firmware).toEqual(['590001', '590001']);
  });

  it('while an older one is distributed: what is distributed stays the same', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start();
    runUntil(scene.mesh, () => scene.mesh.targets.every(({ blob }) => blob.progress > 0));
    const outcome = scene.initiator.outcome<unknown>((done) =>
      scene.initiator.client.firmwareDelete(TO, NEW_ID, (ended) => done(ended)),
    );
    expect(outcome).toMatchObject({ ok: true, value: { status: 7 } });
    scene.upload({ ...uploadOf(other), firmwareId: Uint8Array.of(0x59, 0, 7) });
    scene.until(Phase.completed);
    for (const { device } of scene.mesh.targets) expect(device.running).toEqual(IMAGE);
  });

  it('in the store while it is distributed: what was hashed is what is sent', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start();
    const { store } = scene.distributor;
    store.batch(store.keys('slots/data/').map((key) => [key, new Uint8Array(256).fill(9)]));
    scene.until(Phase.completed);
    for (const { device } of scene.mesh.targets) expect(device.running).toEqual(IMAGE);
  });
});

const SECOND = 0x0012;

/** Another Distributor that has the image, with an Initiator of its own that starts it at once. */
function secondDistributor(scene: Scene, { reverse = false } = {}): DistributorNode {
  const { mesh } = scene;
  const second = new DistributorNode(mesh, { address: SECOND });
  second.slots.add(NEW_ID, metadataOf(IMAGE, NEW_ID), IMAGE);
  const { client } = new InitiatorNode(mesh, 0x0031);
  const to = { address: SECOND, appIndex: 0 };
  const addresses = mesh.targets.map(({ address }) => address);
  if (reverse) addresses.reverse();
  const receivers = addresses.map((address) => ({ address, imageIndex: 0 }));
  fillReceivers(client, to, receivers, {}, () => startDistribution(client, to, startOf(), () => {}));
  return second;
}
