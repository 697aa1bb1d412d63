import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase } from './distribution-codes.ts';
import { cancelDistribution, freeDistributor, suspendDistribution } from './distribution-initiator.ts';
import { runUntil, Scene, TO } from './testing/distribution-mesh.ts';
import { UpdatePhase } from './update-codes.ts';

describe('cancelling a distribution', () => {
  const cases: readonly [name: string, prepare: (scene: Scene) => void][] = [
    ['Idle', () => {}],
    [
      'Transfer Active',
      (scene) => {
        scene.start();
        runUntil(scene.mesh, () => scene.distributor.updates.running?.phase === 'transferring');
      },
    ],
    [
      'Transfer Suspended',
      (scene) => {
        scene.start();
        runUntil(scene.mesh, () => scene.distributor.updates.running?.phase === 'transferring');
        scene.ask((done) => suspendDistribution(scene.initiator.client, TO, done));
      },
    ],
    [
      'Transfer Success',
      (scene) => {
        scene.start({ updatePolicy: 'verifyOnly' });
        scene.until(Phase.transferSuccess);
      },
    ],
    [
      'Completed',
      (scene) => {
        scene.start();
        scene.until(Phase.completed);
      },
    ],
  ];
  for (const [name, prepare] of cases) {
    it(`works in ${name}: the targets forget it, the list stays`, () => {
      const scene = new Scene();
      scene.prepare();
      prepare(scene);
      expect(scene.ask((done) => cancelDistribution(scene.initiator.client, TO, done)).phase).toBe(Phase.idle);
      expect(scene.phase).toBe(Phase.idle);
      expect(scene.distributor.server.receivers).toHaveLength(3);
      for (const { update } of scene.mesh.targets) expect(update.phase).toBe(UpdatePhase.idle);
      expect(scene.distributor.updates.saved()).toBeUndefined();
      scene.start();
      scene.until(Phase.completed);
    });
  }

  it('is answered twice in Applying Update: Canceling at once, Idle when the targets know', () => {
    const scene = new Scene([{ bootMs: 20_000 }, {}]);
    scene.prepare();
    scene.start();
    scene.until(Phase.applyingUpdate);
    scene.mesh.heard.length = 0;
    let first: number | undefined;
    scene.initiator.client.cancel(TO, (outcome) => {
      first = outcome.ok ? outcome.value.phase : undefined;
    });
    scene.until(Phase.idle);
    scene.mesh.clock.advance(5000);
    const statuses = scene.mesh.heard.filter(({ src, hex }) => src === TO.address && hex.startsWith('831d'));
    expect(first).toBe(Phase.cancelingUpdate);
    expect([...new Set(statuses.map(({ hex }) => hex.slice(4, 8)))]).toEqual(['0006', '0000']);
  });

  it('ends by time when a target is dead', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start({ timeoutBase: 0 });
    runUntil(scene.mesh, () => scene.distributor.updates.running?.phase === 'transferring');
    scene.mesh.targets[0]?.powerOff();
    scene.ask((done) => cancelDistribution(scene.initiator.client, TO, done));
    expect(scene.mesh.targets[1]?.update.phase).toBe(UpdatePhase.idle);
  });

  it('frees a Distributor that has finished, and leaves one alone that works', () => {
    const scene = new Scene();
    const { client } = scene.initiator;
    scene.prepare();
    expect(scene.ask((done) => freeDistributor(client, TO, done)).phase).toBe(Phase.idle);
    scene.start();
    const outcome = scene.initiator.outcome((done: Parameters<typeof freeDistributor>[2]) =>
      freeDistributor(client, TO, done),
    );
    expect(outcome).toMatchObject({ ok: false, error: { code: 'distributor-busy' } });
    scene.until(Phase.completed);
    expect(scene.ask((done) => freeDistributor(client, TO, done)).phase).toBe(Phase.idle);
  });
});
