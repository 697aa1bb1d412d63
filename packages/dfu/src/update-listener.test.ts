import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { Mesh, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';
import type { Update } from './update-types.ts';

const NEW = toHex(NEW_ID);
/** One refuses, so that the loss of a target is among the events; the image is there at another. */
const TARGETS: readonly TargetTraits[] = [{}, { refuseMetadata: true }, {}];

/** Does something within each event of a whole update in turn, and hands over what came of it. */
function withinEachEvent(act: (run: Update) => void, check: (mesh: Mesh, where: string) => void): void {
  let which = 0;
  for (; ; which++) {
    const mesh = new Mesh(TARGETS);
    let count = 0;
    let where = '';
    mesh.client.start({}, (event) => {
      if (count++ !== which) return;
      where = `event ${which}, ${event.type} in ${mesh.client.run?.phase}`;
      act(mesh.client.run as Update);
    });
    mesh.clock.advance(600_000);
    if (which >= count) break;
    check(mesh, where);
  }
  expect(which).toBeGreaterThan(30);
}

describe('who listens may do within any event', () => {
  it('cancel: it ends so, and no target is left with the update', () => {
    let cancelled = 0;
    withinEachEvent(
      (run) => run.cancel(),
      (mesh, where) => {
        if (mesh.client.outcome === 'cancelled') cancelled++;
        else expect(mesh.client.outcome, where).toBe('complete');
        expect(mesh.client.update.saved(), where).toBeUndefined();
        expect(mesh.client.update.running, where).toBeUndefined();
        for (const { update } of mesh.targets) expect(update.phase, where).toBe(Phase.idle);
      },
    );
    expect(cancelled).toBeGreaterThan(15);
  });

  it('stop: not a word more, and it is resumed from the store', () => {
    withinEachEvent(
      (run) => run.stop(),
      (mesh, where) => {
        const saved = mesh.client.update.saved();
        expect(mesh.client.update.running, where).toBeUndefined();
        if (saved !== undefined) {
          mesh.client.start({ ...saved, resume: true });
          mesh.run();
          expect(mesh.client.outcome, where).toBe('complete');
        }
        expect(mesh.firmware, where).toEqual([NEW, '590001', NEW]);
        for (const { device } of mesh.targets) {
          expect(device.calls.filter((call) => call === 'apply').length, where).toBeLessThanOrEqual(1);
        }
      },
    );
  });

  it('suspend and resume at once, or apply', () => {
    for (const act of [(run: Update) => run.suspend() && run.resume(), (run: Update) => run.apply()]) {
      withinEachEvent(act, (mesh, where) => {
        expect(mesh.client.outcome, where).toBe('complete');
        expect(mesh.client.errors, where).toEqual([undefined, 'metadata-refused', undefined]);
        expect(mesh.firmware, where).toEqual([NEW, '590001', NEW]);
        const ends = mesh.client.events.filter(({ type }) => type === 'done');
        expect(ends, where).toHaveLength(1);
      });
    }
  });
});

describe('before anything was sent', () => {
  it.each(['verified', 'applying', 'transferring', 'suspended'] as const)(
    'a resumed update that stands in %s takes requests, and runs each step once',
    (phase) => {
      const mesh = new Mesh([{ bootMs: 30_000 }, {}]);
      const run = mesh.client.start({ policy: phase === 'verified' ? 'verify' : 'apply' });
      if (phase === 'suspended') mesh.run(mesh.client, () => run.suspend());
      mesh.run(mesh.client, () => run.phase === phase);
      const next = mesh.client.kill();
      const resumed = next.start({ ...next.update.saved(), resume: true });
      expect([resumed.phase, resumed.apply(), resumed.resume()]).toEqual([
        phase,
        phase !== 'applying',
        phase === 'suspended',
      ]);
      mesh.run(next);
      expect(next.errors).toEqual([undefined, undefined]);
      expect(next.events.filter(({ type }) => type === 'done')).toHaveLength(1);
      const entered = next.phases.filter((each) => each === 'confirming');
      expect(entered).toHaveLength(1);
      for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
    },
  );

  it('a resumed transfer may be suspended', () => {
    const mesh = new Mesh([{}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'transferring');
    const next = mesh.client.kill();
    const resumed = next.start({ ...next.update.saved(), resume: true });
    expect(resumed.suspend()).toBe(true);
    const heard = mesh.heard.length;
    mesh.clock.advance(300_000);
    expect([resumed.phase, mesh.heard.length]).toEqual(['suspended', heard]);
    resumed.resume();
    mesh.run(next);
    expect(mesh.firmware).toEqual([NEW]);
  });
});
