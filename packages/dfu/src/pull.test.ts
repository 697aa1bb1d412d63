import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase } from './distribution-codes.ts';
import { Scene } from './testing/distribution-mesh.ts';
import { GROUP, IMAGE, Mesh, NEW_ID } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

const NEW = toHex(NEW_ID);

describe('an update in pull mode', () => {
  it.each([
    ['by unicast', undefined, 0],
    ['by unicast, 10 % loss', undefined, 0.1],
    ['by group', GROUP, 0],
  ] as const)('goes through all steps %s', (_, group, loss) => {
    const mesh = new Mesh([{}, {}, {}], { loss });
    mesh.client.start(group === undefined ? { mode: 'pull' } : { mode: 'pull', group });
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
    expect(mesh.client.errors).toEqual([undefined, undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW, NEW]);
    for (const { device } of mesh.targets) expect(device.running).toEqual(IMAGE);
    expect(modesOf(mesh)).toEqual(['pull']);
  });

  it.each([40, 300, 2000])('goes on in that mode when the client was killed %i ms into the transfer', (delay) => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ mode: 'pull' });
    mesh.run(mesh.client, () => run.phase === 'transferring');
    mesh.clock.advance(delay);
    const next = mesh.client.kill();
    const saved = next.update.saved();
    expect(saved?.mode).toBe('pull');
    next.start({ ...saved, resume: true });
    mesh.run(next);
    expect(next.errors).toEqual([undefined, undefined]);
    expect(mesh.firmware).toEqual([NEW, NEW]);
  });

  it('goes on after a suspension', () => {
    const mesh = new Mesh([{}, {}]);
    const run = mesh.client.start({ mode: 'pull' });
    mesh.run(mesh.client, () => mesh.targets.every(({ device }) => device.calls.includes('block 0')));
    run.suspend();
    mesh.clock.advance(100_000);
    expect(mesh.targets.map(({ update }) => update.phase)).toEqual(Array(2).fill(UpdatePhase.transferError));
    run.resume();
    mesh.run();
    expect(mesh.firmware).toEqual([NEW, NEW]);
    for (const { device } of mesh.targets) expect(device.calls.filter((call) => call === 'block 0')).toHaveLength(1);
  });

  it('finds a target whose power failed with its last block there verifying it', () => {
    const mesh = new Mesh([{}]);
    mesh.client.start({ mode: 'pull' });
    const [target] = mesh.targets;
    mesh.run(mesh.client, () => target?.blob.blocksNotReceived.length === 0 && target.blob.blobSize !== undefined);
    expect(target?.update.phase).toBe(UpdatePhase.transferActive);
    target?.powerOff();
    target?.powerOn();
    expect(target?.device.calls).toContain('verify');
    mesh.run();
    expect(mesh.client.outcome).toBe('complete');
    expect(mesh.firmware).toEqual([NEW]);
  });
});

describe('a distribution in pull mode', () => {
  it.each([0, GROUP])('updates all targets, multicast address %i', (multicast) => {
    const scene = new Scene();
    scene.prepare();
    expect(scene.start({ multicast, transferMode: 'pull' })).toMatchObject({ status: 0, transferMode: 'pull' });
    scene.until(DistributionPhase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW, NEW]);
  });

  it('goes on after the Distributor lost its power', () => {
    const scene = new Scene([{}, {}]);
    scene.prepare();
    scene.start({ transferMode: 'pull' });
    scene.mesh.clock.advance(5000);
    scene.distributor.powerOff();
    scene.mesh.clock.advance(3000);
    scene.distributor.powerOn();
    scene.until(DistributionPhase.completed);
    expect(scene.mesh.firmware).toEqual([NEW, NEW]);
  });
});

function modesOf({ client }: Mesh): string[] {
  return client.events.flatMap((event) =>
    event.type === 'blob' && event.event.type === 'capabilities' ? [event.event.mode] : [],
  );
}
