import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { GROUP, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase, updatePhaseName } from './update-codes.ts';
import type { UpdateRunPhase } from './update-types.ts';

const NEW = toHex(NEW_ID);
const RUN_PHASES: readonly UpdateRunPhase[] = [
  'starting',
  'transferring',
  'refreshing',
  'verified',
  'applying',
  'confirming',
];

it('Cancel also goes to a target whose answer to Start was lost: it would wait for the image for ever', () => {
  const mesh = new Mesh([{}, {}]);
  const [, deaf] = mesh.targets;
  mesh.onArrival = ({ src }, to, deliver) => {
    if (to !== 1 || src !== deaf?.address) deliver();
  };
  const run = mesh.client.start({ policy: 'verify' });
  mesh.run(mesh.client, () => run.phase === 'verified');
  expect(deaf?.update.phase).toBe(UpdatePhase.transferActive);
  run.cancel();
  mesh.run();
  expect(mesh.targets.map(({ update }) => update.phase)).toEqual([UpdatePhase.idle, UpdatePhase.idle]);
});

describe('the client is killed and started again', () => {
  for (const phase of RUN_PHASES) {
    for (const delay of [0, 40, 300, 2000]) {
      it(`${delay} ms into ${phase}`, () => {
        const mesh = new Mesh([{}, {}, { holdVerification: false }]);
        const run = mesh.client.start({ group: GROUP, policy: phase === 'verified' ? 'verify' : 'apply' });
        mesh.run(mesh.client, () => run.phase === phase);
        mesh.clock.advance(delay);
        if (mesh.client.outcome !== undefined) return;
        const next = mesh.client.kill();
        mesh.clock.advance(5000);
        const saved = next.update.saved();
        expect(saved?.blobId).toBe(mesh.parameters().blobId);
        next.start({ ...saved, resume: true }, () => next.run?.phase === 'verified' && next.run.apply());
        mesh.run(next);
        expect(next.outcome).toBe('complete');
        expect(next.errors).toEqual([undefined, undefined, undefined]);
        expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
        for (const { device } of mesh.targets) {
          expect(device.calls.filter((call) => call === 'start')).toHaveLength(1);
          for (const block of [0, 256, 512]) {
            expect(device.calls.filter((call) => call === `block ${block}`)).toHaveLength(1);
          }
          expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
        }
      });
    }
  }

  it('after the targets have fallen asleep', () => {
    const mesh = new Mesh([{}, {}]);
    mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    const next = mesh.client.kill();
    mesh.clock.advance(120_000);
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([
      UpdatePhase.transferError,
      UpdatePhase.transferError,
    ]);
    // Another time-out base would be another Start: what was saved counts.
    next.start({ resume: true, timeoutBase: 9 });
    mesh.run(next);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('remembers who failed before and why', () => {
    const mesh = new Mesh([{ refuseMetadata: true }, {}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'transferring');
    const next = mesh.client.kill();
    expect(next.update.saved()?.receivers[0]?.error).toMatchObject({
      code: 'metadata-refused',
      hint: expect.any(String),
    });
    next.start({ resume: true });
    mesh.run(next);
    expect(next.errors).toEqual(['metadata-refused', undefined]);
  });

  it('while it cancels', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'transferring');
    run.cancel();
    const next = mesh.client.kill();
    next.start({ resume: true });
    mesh.run(next);
    expect(next.outcome).toBe('cancelled');
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([UpdatePhase.idle, UpdatePhase.idle]);
  });
});

describe('a target loses power and comes back', () => {
  /** What the update becomes for a target that was off for ten seconds from this Update Phase on. */
  const outcomes: readonly (readonly [number, readonly (string | undefined)[]])[] = [
    [UpdatePhase.transferActive, [undefined, 'target-lost-in-transfer']],
    [UpdatePhase.verificationSucceeded, [undefined]],
    [UpdatePhase.applyingUpdate, [undefined]],
  ];
  for (const [phase, allowed] of outcomes) {
    it(`in ${updatePhaseName(phase)}: the others are updated, and it is told apart`, () => {
      const mesh = new Mesh([{}, {}, {}]);
      const target = mesh.targets[1]!;
      mesh.client.start({ group: GROUP });
      mesh.run(mesh.client, () => target.update.phase === phase);
      // The phase was just entered: what happens in the same instant belongs to it.
      if (target.on) target.powerOff();
      mesh.clock.after(10_000, () => {
        if (!target.on) target.powerOn();
        target.update.applied(target.device.boot());
      });
      mesh.run();
      expect(mesh.client.outcome).toBe('complete');
      const [first, second, third] = mesh.client.errors;
      expect([first, third]).toEqual([undefined, undefined]);
      expect(allowed).toContain(second);
      expect(mesh.firmware[1] === NEW).toBe(second === undefined);
    });
  }

  it('in Verifying Update: it verifies again', () => {
    const mesh = new Mesh([{ holdVerification: true }, {}]);
    const target = mesh.targets[0]!;
    mesh.client.start();
    mesh.run(mesh.client, () => target.update.phase === UpdatePhase.verifyingUpdate);
    target.powerOff();
    mesh.clock.advance(3000);
    target.powerOn();
    expect(target.update.phase).toBe(UpdatePhase.verifyingUpdate);
    target.device.pending = mesh.parameters().metadata;
    target.device.endVerification(true);
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });
});
