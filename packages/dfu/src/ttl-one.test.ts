import { expect, it } from 'vitest';
import { Scene, startOf, TO } from './testing/distribution-mesh.ts';
import { Mesh } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

// A TTL of 1 is a legal value in all messages that hold one, with which no message leaves a node.

it('a Target that is told to answer with TTL 1 takes the update, and is silent', () => {
  const mesh = new Mesh([{}]);
  mesh.onArrival = ({ payload }, _, deliver) => {
    // Firmware Update Start: the TTL follows the opcode.
    if (payload[0] === 0x83 && payload[1] === 0x0d) payload = payload.with(2, 1);
    deliver(payload);
  };
  mesh.client.start();
  mesh.run();
  expect(mesh.client.errors).toEqual(['target-silent']);
  expect(mesh.targets[0]?.update.phase).toBe(UpdatePhase.transferActive);
  mesh.client.update.updateCancel(0x0100, 0, () => {});
  mesh.clock.advance(20_000);
  expect(mesh.targets[0]?.update.phase).toBe(UpdatePhase.idle);
});

it('a Distributor that is told to distribute with TTL 1 finds all targets silent', () => {
  const scene = new Scene();
  scene.upload();
  scene.uploaded();
  const receivers = scene.receivers.map((address) => ({ address, imageIndex: 0 }));
  const { client } = scene.initiator;
  scene.initiator.answer((done) => client.receiversAdd(TO, receivers, done));
  const start = startOf({ distributionTtl: 1 });
  expect(scene.initiator.answer((done) => client.start(TO, start, done))).toMatchObject({ status: 0, phase: 1 });
  scene.mesh.clock.advance(120_000);
  expect(scene.initiator.answer((done) => client.get(TO, done))).toMatchObject({ phase: 5 });
});
