import { decodeComposition } from '@meshferry/access';
import { MemoryStore, toHex } from '@meshferry/core';
import { UpdateEffect, UpdatePhase } from '@meshferry/dfu';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { TargetWorld } from './testing/target-world.ts';
import { firmware } from './testing/update-world.ts';

const TARGET = 0x0100;
const { applySuccess } = UpdatePhase;
let made: MadeFirmware;
let next: MadeFirmware;

beforeAll(async () => {
  made = await firmware(1500);
  next = await firmware(1500, 2);
});

/** Models by element, of a page as it is on the air. */
function models(data: Uint8Array): string[] {
  const page = decodeComposition(data);
  if (!page.ok) throw new Error(page.error.reason);
  return page.value.composition.elements.map(({ sigModels, vendorModels }) =>
    [...sigModels, ...vendorModels].map((id) => id.toString(16)).join(' '),
  );
}

const SAMPLE = '0 2 1400 1402';
const REFRESHABLE = '0 2 4 1400 1402';

describe('a target whose composition stays (effect 0)', () => {
  it('is the same node with the new firmware id, and has no page 128', async () => {
    const run = new TargetWorld('sim:targets=1,radio=ideal');
    const [receiver] = await run.update(made, [{ address: TARGET }]);
    expect(receiver).toMatchObject({ phase: applySuccess, effect: UpdateEffect.unchanged });
    expect(run.world.targets[0]?.role?.update.phase).toBe(UpdatePhase.idle);
    expect(models((await run.page(TARGET, 0)).data)).toEqual([SAMPLE]);
    expect((await run.page(TARGET, 128)).page).toBe(1);
  });
});

describe('a target with a new composition that cannot be taken over remotely (effect 1)', () => {
  it('shows its old composition on all pages until somebody provisions it again', async () => {
    const run = new TargetWorld('sim:targets=2,radio=ideal,effect=composition-norpr,adds=element');
    const before = await run.page(TARGET, 0);
    const [receiver] = await run.update(made, [{ address: TARGET }]);
    const effect = UpdateEffect.compositionChangedWithoutRemoteProvisioning;
    expect(receiver).toMatchObject({ phase: applySuccess, effect });
    expect(toHex((await run.page(TARGET, 0)).data)).toBe(toHex(before.data));
    expect((await run.page(TARGET, 255)).page).toBe(1);
    expect(run.world.targets[0]?.node?.access.elementCount, 'of its software').toBe(2);
    // The address that its new element would have is that of another node, which can still be heard and talked to.
    expect(models((await run.page(TARGET + 1, 0)).data)).toEqual([SAMPLE]);
    expect((await run.update(next, [{ address: TARGET + 1 }]))[0]).toMatchObject({ phase: applySuccess });
  });

  it('is what its software is when it was provisioned again', async () => {
    const store = new MemoryStore();
    const run = new TargetWorld('sim:targets=1,radio=ideal,effect=composition-norpr', store);
    await run.update(made, [{ address: TARGET }]);
    run.world.targets[0]?.node?.access.reset();
    run.world.close();
    const after = new TargetWorld('sim:targets=1,radio=ideal,effect=composition-norpr', store);
    expect(models((await after.page(TARGET, 0)).data)).toEqual([`${SAMPLE} 590000`]);
  });
});

describe('a target with a new composition that can be taken over remotely (effect 2)', () => {
  const effect = UpdateEffect.compositionChangedWithRemoteProvisioning;

  it('shows the new one on page 128 until a Node Composition Refresh makes it current', async () => {
    const store = new MemoryStore();
    const run = new TargetWorld('sim:targets=1,radio=ideal,effect=composition,models=full', store);
    const before = await run.page(TARGET, 0);
    const relations = await run.page(TARGET, 1);
    const metadata = await run.run(run.large.modelsMetadataPage({ address: TARGET }, 0));
    const [receiver] = await run.update(made, [{ address: TARGET }]);
    expect(receiver).toMatchObject({ phase: applySuccess, effect });
    expect(toHex((await run.page(TARGET, 0)).data)).toBe(toHex(before.data));
    expect(toHex((await run.page(TARGET, 1)).data)).toBe(toHex(relations.data));
    const announced = await run.page(TARGET, 128);
    expect(announced.page).toBe(128);
    expect(models(announced.data)).toEqual([`${models(before.data)[0]} 590000`]);
    expect((await run.page(TARGET, 129)).page).toBe(129);
    const next128 = await run.run(run.large.modelsMetadataPage({ address: TARGET }, 128));
    expect([next128.page, toHex(next128.data)]).toEqual([128, toHex(metadata.data)]);

    const refreshed = await run.refresh(TARGET);
    expect(toHex(refreshed.composition)).toBe(toHex(announced.data));
    expect(toHex((await run.page(TARGET, 0)).data)).toBe(toHex(announced.data));
    // Its configuration is kept: it can be updated again at once, and what is new can be bound.
    await run.bind(TARGET, TARGET, [0x0059_0000]);
    expect((await run.update(next, [{ address: TARGET }]))[0]).toMatchObject({ phase: applySuccess });
    expect(models((await run.page(TARGET, 128)).data)).toEqual([`${models(before.data)[0]} 590000 590001`]);
    expect(models((await run.page(TARGET, 0)).data)).toEqual([`${models(before.data)[0]} 590000`]);
  });

  it('gets room for its new element by a Node Address Refresh', async () => {
    const run = new TargetWorld('sim:targets=2,radio=ideal,effect=composition,adds=element');
    await run.update(made, [{ address: TARGET }]);
    expect(models((await run.page(TARGET, 0)).data)).toEqual([REFRESHABLE]);
    expect(models((await run.page(TARGET, 128)).data)).toEqual([REFRESHABLE, '590000']);
    expect(models((await run.page(TARGET + 1, 0)).data), 'a neighbour by address').toEqual([REFRESHABLE]);

    const refreshed = await run.refresh(TARGET, 0x0200);
    expect(models(refreshed.composition)).toEqual([REFRESHABLE, '590000']);
    expect(run.world.targets[0]?.address).toBe(0x0200);
    await expect(run.page(TARGET, 0)).rejects.toMatchObject({ code: 'no-response' });
    // It is not configured any more; bound anew it takes firmware at its new address, and its second element is there.
    expect((await run.update(next, [{ address: 0x0200 }]))[0]?.phase).not.toBe(applySuccess);
    await run.bind(0x0200, 0x0200, [0x1400, 0x1402]);
    await run.bind(0x0200, 0x0201, [0x0059_0000]);
    expect((await run.update(next, [{ address: 0x0200 }]))[0]).toMatchObject({ phase: applySuccess });
    expect(models((await run.page(0x0200, 0)).data)).toEqual([REFRESHABLE, '590000']);
    expect(models((await run.page(0x0200, 128)).data)).toEqual([REFRESHABLE, '590000', '590001']);
  });

  it('has its new element after a Node Composition Refresh when there is room behind it', async () => {
    const store = new MemoryStore();
    const run = new TargetWorld('sim:targets=1,radio=ideal,effect=composition,adds=element', store);
    await run.update(made, [{ address: TARGET }]);
    const refreshed = await run.refresh(TARGET);
    expect(models(refreshed.composition)).toEqual([REFRESHABLE, '590000']);
    expect(run.world.targets[0]?.node?.network.elements).toBe(2);
    await run.bind(TARGET, TARGET + 1, [0x0059_0000]);
    const update = await run.update(next, [{ address: TARGET }]);
    expect(update[0], 'its configuration is kept').toMatchObject({ phase: applySuccess });
    run.world.targets[0]?.restart(1000);
    await run.wait(2000);
    expect(models((await run.page(TARGET, 0)).data)).toEqual([REFRESHABLE, '590000']);
    expect(run.world.targets[0]?.node?.network.elements).toBe(2);
  });

  it('can be refreshed after power cuts as well, and stands at its new address for good', async () => {
    const store = new MemoryStore();
    const uri = 'sim:targets=1,radio=ideal,effect=composition,adds=element';
    const run = new TargetWorld(uri, store);
    await run.update(made, [{ address: TARGET }]);
    run.world.targets[0]?.restart(1000);
    await run.wait(2000);
    expect(models((await run.page(TARGET, 128)).data)).toEqual([REFRESHABLE, '590000']);
    await run.refresh(TARGET, 0x0200);
    run.world.targets[0]?.restart(1000);
    await run.wait(2000);
    expect(models((await run.page(0x0200, 0)).data)).toEqual([REFRESHABLE, '590000']);
    run.world.close();
    expect(new TargetWorld(uri, store).world.targets[0]?.address).toBe(0x0200);
  });
});

describe('a target that leaves its network (effect 3)', () => {
  it('is silent for good', async () => {
    const store = new MemoryStore();
    const uri = 'sim:targets=2,radio=ideal,effect=unprovision';
    const run = new TargetWorld(uri, store);
    const [receiver] = await run.update(made, [{ address: TARGET }]);
    expect(receiver).toMatchObject({ phase: applySuccess, effect: UpdateEffect.unprovisioned, error: undefined });
    run.world.close();
    const after = new TargetWorld(uri, store);
    await expect(after.page(TARGET, 0)).rejects.toMatchObject({ code: 'no-response' });
    expect(after.world.targets[0]?.runningImage).toBeDefined();
  });
});
