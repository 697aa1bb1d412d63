import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase } from './distribution-codes.ts';
import { runUntil, Scene } from './testing/distribution-mesh.ts';
import { DISTRIBUTOR_SELF } from './testing/distributor-node.ts';
import { GROUP, IMAGE, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

const NEW = toHex(NEW_ID);

describe('a Distributor that is in its own receivers list', () => {
  for (const multicast of [0, GROUP]) {
    it(`updates the others and confirms them, then itself, ${multicast === 0 ? 'by unicast' : 'by group'}`, () => {
      const scene = new Scene([{}, { bootMs: 20_000 }], { self: {} });
      const { self } = scene.distributor;
      scene.prepare();
      scene.start({ multicast });
      runUntil(scene.mesh, () => self?.calls.includes('apply') === true);
      expect(scene.mesh.firmware).toEqual([NEW, NEW]);
      const confirmed = scene.distributor.server.receivers.map(({ retrievedUpdatePhase }) => retrievedUpdatePhase);
      expect(confirmed.slice(1)).toEqual([UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
      scene.until(Phase.completed);
      expect(scene.receiverPhases).toEqual(Array(3).fill(UpdatePhase.applySuccess));
      expect(toHex(self?.firmwareId ?? new Uint8Array(0))).toBe(NEW);
      expect(self?.running).toEqual(IMAGE);
      // After the restart it goes on from Applying Update.
      expect(scene.distributor.phases).toEqual([Phase.completed]);
    });
  }

  it('gets the image from its own slots: nothing of it goes over the air to itself', () => {
    const scene = new Scene([{}], { self: {} });
    const chunks = new Map<number, number>();
    scene.prepare();
    scene.mesh.onArrival = ({ payload }, to, deliver) => {
      if (payload[0] === 0x66) chunks.set(to, (chunks.get(to) ?? 0) + 1);
      deliver();
    };
    scene.start();
    scene.until(Phase.completed);
    expect([...chunks.keys()]).toEqual([0x0100]);
    expect(scene.distributor.self?.calls).toEqual(['start', 'begin', 'block 0', 'verify', 'apply']);
  });

  it('can be the only one', () => {
    const scene = new Scene([], { self: {} });
    scene.prepare();
    scene.start();
    scene.until(Phase.completed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.applySuccess]);
    expect(scene.distributor.server.receivers[0]).toMatchObject({ address: DISTRIBUTOR_SELF, transferProgress: 100 });
  });

  it('says so when its own bootloader goes back to the old image; the others stay updated', () => {
    const scene = new Scene([{}], { self: { failBoot: true } });
    scene.prepare();
    scene.start();
    scene.until(Phase.completed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.applyFailed, UpdatePhase.applySuccess]);
  });

  it('waits with all for Apply when the policy says so, also over a restart', () => {
    const scene = new Scene([{}], { self: {} });
    scene.prepare();
    scene.start({ updatePolicy: 'verifyOnly' });
    scene.until(Phase.transferSuccess);
    scene.distributor.powerCycle();
    expect(scene.phase).toBe(Phase.transferSuccess);
    scene.apply();
    scene.until(Phase.completed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
  });

  it('refuses its own image and updates the others', () => {
    const scene = new Scene([{}, {}], { self: { refuseMetadata: true } });
    scene.prepare();
    scene.start();
    scene.until(Phase.completed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.idle, UpdatePhase.applySuccess, UpdatePhase.applySuccess]);
    expect(scene.distributor.self?.calls).toEqual([]);
  });

  it('is cancelled like the others', () => {
    const scene = new Scene([{}], { self: {} });
    scene.prepare();
    scene.start({ updatePolicy: 'verifyOnly' });
    scene.until(Phase.transferSuccess);
    scene.cancel();
    expect(scene.phase).toBe(Phase.idle);
    expect(scene.receiverPhases).toEqual([UpdatePhase.transferCanceled, UpdatePhase.transferCanceled]);
    expect(scene.distributor.self?.calls).toContain('abandoned');
  });
});
