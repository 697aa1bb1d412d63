import { MemoryStore, MeshError, toHex, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase } from './distribution-codes.ts';
import { Scene } from './testing/distribution-mesh.ts';
import { ClientNode, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase as Phase } from './update-codes.ts';
import type { UpdateRunPhase } from './update-types.ts';

/* Updates that end before their end; see bad-endings.test.ts for the others. */

const NEW = toHex(NEW_ID);
const OLD = '590001';
const INFORMATION_GET = '8308';

describe('cancelled', () => {
  const phases = ['starting', 'transferring', 'suspended', 'refreshing', 'verified'] as const;

  it.each(phases)('in %s: every target is Idle, nothing is applied', (phase) => {
    const mesh = new Mesh([{ holdVerification: phase === 'refreshing' }, {}]);
    const run = mesh.client.start({ policy: 'verify' });
    if (phase === 'suspended') mesh.run(mesh.client, () => run.suspend());
    mesh.run(mesh.client, () => run.phase === phase);
    if (phase === 'starting') mesh.clock.advance(150);
    if (phase === 'transferring') mesh.clock.advance(1000);
    if (phase === 'suspended') mesh.clock.advance(60_000);
    const done: string[] = [];
    run.cancel(() => done.push('first'));
    run.cancel(() => done.push('second'));
    mesh.run();
    expect(done).toEqual(['first', 'second']);
    expect(mesh.client.outcome).toBe('cancelled');
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([Phase.idle, Phase.idle]);
    expect(mesh.firmware).toEqual([OLD, OLD]);
    for (const receiver of run.receivers)
      expect(receiver).toMatchObject({ phase: Phase.transferCanceled, error: undefined });
    expect(mesh.client.update.saved()).toBeUndefined();
    expect([run.suspend(), run.resume(), run.apply()]).toEqual([false, false, false]);
    run.cancel(() => done.push('late'));
    expect(done).toHaveLength(3);
    // The next update finds nothing of this one.
    mesh.targets[0]!.device.endVerification(false);
    mesh.client.start({ blobId: 2n, policy: 'apply' });
    mesh.run(mesh.client, () => mesh.client.outcome === 'complete' || mesh.targets[0]!.update.phase > 2);
  });

  it('in applying: who applies has its new firmware, and is not called cancelled', () => {
    const mesh = new Mesh([{ bootMs: 90_000 }, {}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => !mesh.targets[0]!.on);
    run.cancel();
    mesh.run();
    expect(mesh.client.outcome).toBe('cancelled');
    expect(run.receivers[0]).toMatchObject({ phase: Phase.applyingUpdate, error: { code: 'target-silent' } });
    mesh.clock.advance(100_000);
    expect(mesh.firmware[0]).toBe(NEW);
  });

  it('in applying, before the target was told: it stays with what it has', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'applying');
    run.cancel();
    mesh.run();
    expect(run.receivers.map(({ phase }) => phase)).toEqual([Phase.transferCanceled, Phase.transferCanceled]);
    expect(mesh.firmware).toEqual([OLD, OLD]);
  });

  it('in confirming: who is confirmed stays so', () => {
    const mesh = new Mesh([{}, {}]);
    const held: (() => void)[] = [];
    mesh.onArrival = ({ payload }, to, deliver) => {
      if (to === 0x0101 && toHex(payload).startsWith(INFORMATION_GET)) held.push(deliver);
      else deliver();
    };
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.receivers[0]?.phase === Phase.applySuccess);
    run.cancel();
    mesh.run();
    expect(mesh.client.outcome).toBe('cancelled');
    expect(run.receivers.map(({ phase }) => phase)).toEqual([Phase.applySuccess, Phase.transferCanceled]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('while a target is silent: ends all the same, and says who may still hold the update', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => run.phase === 'transferring');
    mesh.targets[1]!.powerOff();
    run.cancel();
    mesh.run();
    expect(mesh.client.outcome).toBe('cancelled');
    expect(mesh.client.errors).toEqual([undefined, 'target-silent']);
  });
});

describe('suspended', () => {
  it('over the server time-out: the targets have given up by then, come back, and get what they miss', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    run.suspend();
    mesh.clock.advance(3_600_000);
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([Phase.transferError, Phase.transferError]);
    run.resume();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'block 0')).toHaveLength(1);
  });

  it('by the silence of all: those who were silent come back when it is resumed, those who refused do not', () => {
    const mesh = new Mesh([{}, {}, { refuseMetadata: true }]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => mesh.targets[1]!.device.calls.includes('block 0'));
    for (const target of mesh.targets) target.powerOff();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    for (const target of mesh.targets) target.powerOn();
    run.resume();
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined, 'metadata-refused']);
    expect(mesh.firmware).toEqual([NEW, NEW, OLD]);
  });
});

describe('two Distributors at once', () => {
  const other = (mesh: Mesh): ClientNode => new ClientNode(mesh, undefined, 2);

  it('the second finds the targets busy, disturbs nothing, and cancels nothing', () => {
    const mesh = new Mesh([{}, {}]);
    const second = other(mesh);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'transferring');
    second.start({ blobId: 2n });
    mesh.run(second);
    expect([second.outcome, second.errors]).toEqual(['failed', ['target-busy', 'target-busy']]);
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('at the same moment: each target is updated by one of them, the other is told', () => {
    const mesh = new Mesh([{}, {}, {}, {}], { seed: 'two' });
    const second = other(mesh);
    mesh.client.start();
    second.start({ blobId: 2n, receivers: [...mesh.parameters().receivers].reverse() });
    mesh.run();
    mesh.run(second);
    expect(mesh.firmware).toEqual(Array(4).fill(NEW));
    const [first, reversed] = [mesh.client.errors, [...second.errors].reverse()];
    first.forEach((error, i) => {
      expect([error, reversed[i]].sort()).toEqual(['target-busy', undefined]);
    });
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
  });

  it('one that cancels the other’s update: that one is told that the targets left it', () => {
    const mesh = new Mesh([{}, {}]);
    const second = other(mesh);
    const run = mesh.client.start({ policy: 'verify' });
    mesh.run(mesh.client, () => run.phase === 'verified');
    for (const { address } of mesh.targets) second.update.updateCancel(address, 0, () => {});
    mesh.run(second, () => mesh.targets.every(({ update }) => update.phase === Phase.idle));
    run.apply();
    mesh.run();
    expect(mesh.client.outcome).toBe('failed');
    expect(mesh.client.errors).toEqual(['apply-failed', 'apply-failed']);
    expect(mesh.firmware).toEqual([OLD, OLD]);
  });
});

describe('trouble of the own node', () => {
  const phases: readonly UpdateRunPhase[] = ['starting', 'transferring', 'refreshing', 'applying', 'confirming'];

  /** The error that the update was suspended with. */
  const suspendedBy = (client: ClientNode): string[] =>
    client.events.flatMap((event) =>
      event.type === 'phase' && event.phase === 'suspended' ? [event.error?.code ?? 'no error'] : [],
    );

  it.each(phases)('the radio fails in %s: no target is blamed, and the next process goes on', (phase) => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ timeoutBase: 0, rebootMs: 30_000 });
    mesh.run(mesh.client, () => run.phase === phase);
    mesh.client.detach();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    expect(suspendedBy(mesh.client)).toEqual(['bearer-closed']);
    expect(mesh.client.errors).toEqual([undefined, undefined]);
    expect(mesh.client.update.saved()?.phase).toBe(phase);
    const next = mesh.client.kill();
    next.start({ ...next.update.saved(), resume: true });
    mesh.run(next);
    expect(next.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('the radio comes back: the update goes on where it stood', () => {
    const mesh = new Mesh([{ holdVerification: true }, {}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => run.phase === 'refreshing');
    mesh.client.detach();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    mesh.client.attach();
    expect(run.resume()).toBe(true);
    expect(run.phase).toBe('refreshing');
    mesh.targets[0]!.device.pending = mesh.parameters().metadata;
    mesh.targets[0]!.device.endVerification(true);
    mesh.run();
    expect(mesh.client.errors).toEqual([undefined, undefined]);
  });

  it('a radio that is away for a moment is not noticed', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'refreshing');
    mesh.client.detach();
    mesh.clock.advance(8000);
    mesh.client.attach();
    mesh.run();
    expect(suspendedBy(mesh.client)).toEqual([]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('cancelled without a radio: it ends', () => {
    const mesh = new Mesh([{}]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => run.phase === 'transferring');
    mesh.client.detach();
    run.cancel();
    mesh.run();
    expect(mesh.client.outcome).toBe('cancelled');
  });

  it('given up after the radio failed: the next process tells the targets', () => {
    const mesh = new Mesh([{ holdVerification: true }]);
    const run = mesh.client.start({ timeoutBase: 0 });
    mesh.run(mesh.client, () => run.phase === 'refreshing');
    mesh.client.detach();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    expect(run.apply()).toBe(true);
    expect(mesh.client.update.saved()).toMatchObject({ phase: 'refreshing', policy: 'apply' });
    run.cancel();
    const next = mesh.client.kill();
    expect(next.update.saved()?.phase).toBe('canceling');
    next.start({ ...next.update.saved(), resume: true });
    mesh.run(next);
    expect(next.outcome).toBe('cancelled');
    expect(mesh.targets[0]!.update.phase).toBe(Phase.idle);
  });

  it('a Distributor that loses its AppKey while it applies goes on when it has it again', () => {
    const scene = new Scene([{}, { bootMs: 30_000 }]);
    scene.prepare();
    scene.start();
    scene.until(DistributionPhase.applyingUpdate);
    scene.distributor.unbind(0);
    scene.mesh.clock.advance(600_000);
    expect(scene.phase).toBe(DistributionPhase.applyingUpdate);
    scene.distributor.updates.model.bind(0);
    scene.until(DistributionPhase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
  });

  it.each(phases)(
    'the store is full in %s: nothing is relied upon that is not in it, and nothing is thrown',
    (phase) => {
      const mesh = new Mesh([{}, {}]);
      const store = new FullStore();
      const client = mesh.client.kill(store);
      const run = client.start();
      mesh.run(client, () => run.phase === phase);
      store.isFull = true;
      mesh.run(client, () => run.phase === 'suspended');
      expect(suspendedBy(client)).toEqual(['store-failed']);
      store.isFull = false;
      run.resume();
      mesh.run(client);
      expect(client.errors).toEqual([undefined, undefined]);
      expect(mesh.firmware).toEqual([NEW, NEW]);
      for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'apply')).toHaveLength(1);
    },
  );

  it('the store is full when it is cancelled: the targets are told all the same', () => {
    const mesh = new Mesh([{}, {}]);
    const store = new FullStore();
    const client = mesh.client.kill(store);
    const run = client.start();
    mesh.run(client, () => run.phase === 'transferring');
    store.isFull = true;
    run.cancel();
    mesh.run(client);
    expect(client.outcome).toBe('cancelled');
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual([Phase.idle, Phase.idle]);
  });

  it('another transfer has the BLOB Transfer Client: the update waits until it is resumed', () => {
    const mesh = new Mesh([{}]);
    const parameters = mesh.parameters();
    const other = mesh.client.blob.start({ ...parameters, blobId: 9n, receivers: [{ address: 0x0700 }] }, () => {});
    const run = mesh.client.start();
    mesh.run(mesh.client, () => run.phase === 'suspended');
    expect(suspendedBy(mesh.client)).toEqual(['blob-busy']);
    other.cancel();
    mesh.run(mesh.client, () => run.resume() || run.phase === 'starting');
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
  });
});

/** A medium that takes no more of the update's records for a while. */
class FullStore extends MemoryStore {
  isFull = false;

  override batch(writes: Iterable<Write>): void {
    const all = [...writes];
    if (this.isFull && all.some(([key]) => key.startsWith('update/'))) {
      throw new MeshError('store-failed', 'no space left on the device', { hint: 'Make room.' });
    }
    super.batch(all);
  }
}
