import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase } from './distribution-codes.ts';
import { applyDistribution, fillReceivers, startDistribution, suspendDistribution } from './distribution-initiator.ts';
import { type WatchEvent, watchDistribution } from './distribution-watch.ts';
import { InitiatorNode, runUntil, Scene, startOf, TO } from './testing/distribution-mesh.ts';
import { GROUP, IMAGE, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

const NEW = toHex(NEW_ID);
const OLD = '590001';

describe('a distribution', () => {
  for (const multicast of [0, GROUP]) {
    it(`updates all targets by itself, ${multicast === 0 ? 'by unicast' : 'by group'}, and tells how far it is`, () => {
      const scene = new Scene();
      scene.prepare();
      const status = scene.start({ multicast });
      expect(status).toMatchObject({ status: 0, phase: Phase.transferActive, multicastAddress: multicast });
      const events = scene.watch();
      const last = events.at(-1);
      if (last?.type !== 'ended') throw new Error(`ended with ${last?.type}`);
      expect(last.report.status.phase).toBe(Phase.completed);
      expect(last.report.receivers).toEqual(
        scene.mesh.targets.map(({ address }) => ({
          address,
          retrievedUpdatePhase: UpdatePhase.applySuccess,
          updateStatus: 0,
          transferStatus: 0,
          transferProgress: 100,
          imageIndex: 0,
        })),
      );
      expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
      for (const { device } of scene.mesh.targets) expect(device.running).toEqual(IMAGE);
      expect(scene.distributor.phases).toEqual([Phase.transferActive, Phase.applyingUpdate, Phase.completed]);
    });
  }

  it('goes to the subscribers of a Label UUID, and shows its virtual address', () => {
    const scene = new Scene();
    const label = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    for (const { update } of scene.mesh.targets) update.model.subscribe(label);
    scene.prepare();
    const { multicastAddress = 0 } = scene.start({ multicast: label });
    expect(multicastAddress >> 14).toBe(0b10);
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('waits for Apply after the verification when the policy says so', () => {
    const scene = new Scene();
    const { client } = scene.initiator;
    scene.prepare();
    scene.start({ updatePolicy: 'verifyOnly', multicast: GROUP });
    expect(endOf(scene.watch())).toBe(Phase.transferSuccess);
    scene.mesh.clock.advance(600_000);
    expect(scene.mesh.firmware).toEqual([OLD, OLD, OLD]);
    expect(scene.receiverPhases).toEqual(Array(3).fill(UpdatePhase.verificationSucceeded));
    expect(scene.ask((done) => applyDistribution(client, TO, done)).phase).toBe(Phase.applyingUpdate);
    expect(endOf(scene.watch())).toBe(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('comes through a radio that loses a tenth of everything', () => {
    const scene = new Scene([{}, {}, {}], { loss: 0.1 });
    scene.prepare();
    scene.start({ multicast: GROUP, timeoutBase: 5 });
    expect(endOf(scene.watch())).toBe(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('completes when one target refuses and one is not there, and the list says why', () => {
    const scene = new Scene([{}, { refuseMetadata: true }, {}]);
    scene.mesh.targets[2]?.powerOff();
    scene.prepare();
    scene.start({ timeoutBase: 0 });
    scene.until(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, OLD, OLD]);
    expect(
      scene.distributor.server.receivers.map((receiver) => [receiver.retrievedUpdatePhase, receiver.updateStatus]),
    ).toEqual([
      [UpdatePhase.applySuccess, 0],
      [UpdatePhase.idle, 5],
      [UpdatePhase.unknown, 3],
    ]);
  });

  it('fails when nobody takes the image, and starts again with the same list and the same parameters', () => {
    const scene = new Scene([{ failVerification: true }, { failVerification: true }]);
    scene.prepare();
    scene.start();
    scene.until(Phase.failed);
    expect(scene.receiverPhases).toEqual([UpdatePhase.verificationFailed, UpdatePhase.verificationFailed]);
    expect(scene.start().phase).toBe(Phase.transferActive);
    expect(scene.receiverPhases).toEqual([UpdatePhase.unknown, UpdatePhase.unknown]);
    scene.until(Phase.failed);
  });

  it('pauses and goes on', () => {
    const scene = new Scene();
    const { client } = scene.initiator;
    scene.prepare();
    scene.start({ timeoutBase: 0 });
    runUntil(scene.mesh, () => scene.distributor.updates.running?.phase === 'transferring');
    expect(scene.ask((done) => suspendDistribution(client, TO, done)).phase).toBe(Phase.transferSuspended);
    scene.mesh.clock.advance(120_000);
    expect(scene.phase).toBe(Phase.transferSuspended);
    expect(scene.start({ timeoutBase: 0 }).phase).toBe(Phase.transferActive);
    expect(endOf(scene.watch())).toBe(Phase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('is suspended when all targets fall silent in the transfer, and goes on when they are back', () => {
    const scene = new Scene([{}]);
    scene.prepare();
    scene.start({ timeoutBase: 0 });
    runUntil(scene.mesh, () => (scene.mesh.targets[0]?.blob.progress ?? 0) > 0);
    scene.mesh.targets[0]?.powerOff();
    expect(endOf(scene.watch())).toBe(Phase.transferSuspended);
    scene.mesh.targets[0]?.powerOn();
    scene.start({ timeoutBase: 0 });
    expect(endOf(scene.watch())).toBe(Phase.completed);
  });

  it('refuses Start by list, AppKey and image, in this order', () => {
    const scene = new Scene();
    const { client } = scene.initiator;
    const wrong = { imageIndex: 5, appKeyIndex: 7 };
    const refusal = (start = {}) => {
      const outcome = scene.initiator.outcome((done: Parameters<typeof startDistribution>[3]) =>
        startDistribution(client, TO, startOf(start), done),
      );
      return outcome.ok ? undefined : outcome.error.code;
    };
    expect(refusal(wrong)).toBe('receivers-list-empty');
    scene.fill();
    expect(refusal(wrong)).toBe('app-key-unknown-to-distributor');
    expect(refusal({ imageIndex: 5 })).toBe('image-not-on-distributor');
    expect(scene.phase).toBe(Phase.idle);
    scene.upload();
    scene.uploaded();
    expect(refusal({ imageIndex: 1 })).toBe('image-not-on-distributor');
    expect(refusal()).toBeUndefined();
    expect(refusal({ timeoutBase: 9 })).toBe('distributor-busy');
    expect(refusal(wrong)).toBe('app-key-unknown-to-distributor');
  });

  it('does not distribute an image whose octets have changed in the store', () => {
    const scene = new Scene();
    scene.prepare();
    const key = scene.distributor.store.keys('slots/data/')[1] as string;
    scene.distributor.store.batch([[key, new Uint8Array(scene.distributor.store.get(key)?.length ?? 0)]]);
    expect(() => scene.start()).toThrow('internal error');
    expect(scene.phase).toBe(Phase.idle);
  });

  it('tells a watcher that leaves nothing, and one that comes later everything', () => {
    const scene = new Scene();
    scene.prepare();
    scene.start();
    const events: WatchEvent[] = [];
    const leave = watchDistribution(scene.initiator.client, TO, {}, (event) => events.push(event));
    runUntil(scene.mesh, () => events.length === 1);
    leave();
    scene.initiator.powerOff();
    scene.until(Phase.completed);
    expect(events).toHaveLength(1);
    const late = new InitiatorNode(scene.mesh, 0x0030);
    watchDistribution(late.client, TO, { pageSize: 2 }, (event) => events.push(event));
    runUntil(scene.mesh, () => events.length === 2);
    const last = events[1];
    expect(last).toMatchObject({ type: 'ended', report: { status: { phase: Phase.completed } } });
    expect(last?.type === 'ended' && last.report.receivers.map(({ address }) => address)).toEqual([256, 257, 258]);
  });

  it('asks on while the Distributor is silent, more and more seldom, until it is lost', () => {
    const scene = new Scene();
    scene.prepare();
    scene.start();
    scene.distributor.powerOff();
    const events = scene.watch();
    expect(events.slice(0, -1).every(({ type }) => type === 'silent')).toBe(true);
    expect(events.length).toBeGreaterThan(3);
    expect(events.length).toBeLessThan(12);
    expect(events.at(-1)).toMatchObject({ type: 'lost', error: { code: 'distributor-silent' } });
  });
});

describe('filling the receivers list', () => {
  it('says when the list is full, and after how many', () => {
    const scene = new Scene([], { maxReceivers: 8 });
    const receivers = Array.from({ length: 10 }, (_, i) => ({ address: 0x0200 + i, imageIndex: 0 }));
    const progress: number[] = [];
    const outcome = scene.initiator.outcome<number>((done) =>
      fillReceivers(scene.initiator.client, TO, receivers, { progress: (added) => progress.push(added) }, done),
    );
    expect(outcome).toMatchObject({ ok: false, error: { code: 'receivers-full' } });
    expect(progress).toEqual([3, 6]);
    expect(scene.distributor.server.receivers).toHaveLength(8);
  });

  it('replaces what was in the list, in messages of any size', () => {
    const scene = new Scene([]);
    for (const perMessage of [1, 3, 100]) {
      const receivers = Array.from({ length: 20 }, (_, i) => ({ address: 0x0200 + perMessage + i, imageIndex: i }));
      const count = scene.initiator.answer<number>((done) =>
        fillReceivers(scene.initiator.client, TO, receivers, { perMessage }, done),
      );
      expect(count).toBe(20);
      expect(scene.distributor.server.receivers).toMatchObject(receivers);
    }
  });

  it('refuses groups and doubles before anything is sent', () => {
    const scene = new Scene([]);
    const fill = (...addresses: number[]) => {
      const receivers = addresses.map((address) => ({ address, imageIndex: 0 }));
      return () => fillReceivers(scene.initiator.client, TO, receivers, {}, () => {});
    };
    expect(fill(0xc000)).toThrow('0xc000 is no unicast address');
    expect(fill(5, 6, 5)).toThrow('0x0005 is there twice');
  });
});

function endOf(events: readonly WatchEvent[]): number | undefined {
  const last = events.at(-1);
  return last?.type === 'ended' ? last.report.status.phase : undefined;
}
