import { sourceOf } from '@meshferry/blob';
import { MemoryStore, toHex } from '@meshferry/core';
import { UpdatePhase } from '@meshferry/dfu';
import type { MadeFirmware } from '@meshferry/firmware';
import { describe, expect, it } from 'vitest';
import { type Moment, NodeCutStore } from './testing/node-cut-store.ts';
import { ProvisionWorld } from './testing/provision-world.ts';
import { firmware } from './testing/update-world.ts';

const URI = 'sim:targets=0,unprovisioned=1,effect=unprovision,radio=ideal,block=9';
const DEVICE = 'sim/device/0000/';
const MOMENTS: readonly Moment[] = ['before', 'after'];

describe('a device that leaves the network by its new firmware and loses power meanwhile', () => {
  it('has left in the end, runs the image, and stays where it is provisioned then', async () => {
    const made = await firmware(600);
    const verified = await verifiedDevice(made);
    let points = 0;
    for (let at = 1; ; at++) {
      let isOver = false;
      for (const moment of MOMENTS) {
        const store = new NodeCutStore(DEVICE);
        store.batch(verified.keys('').map((key) => [key, verified.get(key) ?? null]));
        isOver = !(await leaves(store, made, at, moment));
        if (!isOver) points++;
      }
      if (isOver) break;
    }
    expect(points).toBeGreaterThan(16);
  });
});

/** What a whole network holds when its only device has verified the image. */
async function verifiedDevice(made: MadeFirmware): Promise<MemoryStore> {
  const store = new MemoryStore();
  const run = new ProvisionWorld(URI, store);
  await run.run(run.provision(0));
  await run.run(run.configure(2));
  await run.run(
    new Promise<void>((resolve) => {
      const parameters = {
        receivers: [{ address: 2, imageIndex: 0 }],
        ...{ appIndex: 0, ttl: 0xff, timeoutBase: 1, blobId: 1n, policy: 'verify' as const },
        ...{ metadata: made.metadata, firmwareId: made.firmwareId, source: sourceOf(made.image) },
      };
      run.role.update.update(parameters, (event) => {
        if (event.type === 'phase' && event.phase === 'verified') resolve();
      });
    }),
  );
  run.world.close();
  return store;
}

/** The rest of the update, with the power cut at the `at`-th write of the device; false when there were fewer. */
async function leaves(store: NodeCutStore, made: MadeFirmware, at: number, moment: Moment): Promise<boolean> {
  const run = new ProvisionWorld(URI, store);
  const node = run.device(0);
  const { clock } = run.world;
  let isCut = false;
  store.cutAt(at, moment, () => {
    isCut = true;
    clock.after(0, () => {
      node.powerOff();
      store.revive();
      clock.after(3000, () => node.powerOn());
    });
  });
  const saved = run.role.update.saved();
  if (saved === undefined) throw new Error('no update is saved');
  const outcome = await run.run(
    new Promise((resolve) => {
      const update = run.role.update.update(
        { ...saved, source: sourceOf(made.image), policy: 'apply', resume: true },
        (event) => {
          if (event.type === 'done') resolve(update.receivers[0]?.phase);
        },
      );
    }),
  );
  const name = `cut ${moment} write ${at}`;
  expect(outcome, name).toBe(UpdatePhase.applySuccess);
  await run.wait(20_000);
  expect(node.device?.state, name).toBe('unprovisioned');
  expect(toHex(node.runningImage ?? new Uint8Array()), name).toBe(toHex(made.image));
  expect(store.keys(`${DEVICE}device/`), name).toEqual([]);
  if (!isCut) return false;
  run.network.remove(2);
  await run.run(run.provision(0));
  node.restart(1000);
  await run.wait(2000);
  expect([node.device?.state, node.address], name).toEqual(['provisioned', 3]);
  run.world.close();
  return true;
}
