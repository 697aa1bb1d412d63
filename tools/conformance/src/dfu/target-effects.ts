import assert from 'node:assert/strict';
import { MemoryStore, toHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { EffectWorld, firmware, NODE } from '../testing/effect-world.ts';

/** Vendor model 0x0059:0x0000, which comes with the new firmware, as the composition data shows it. */
const NEW_MODEL = '59000000';

/** An update to the end; gives page 0 and the list of before. */
async function updated(
  world: EffectWorld,
  effect: number,
): Promise<{ readonly page: string; readonly list: readonly string[]; readonly id: string }> {
  const made = await firmware();
  const page = (await world.page(0)) as string;
  const list = (await world.list()) as readonly string[];
  const receiver = await world.update(made);
  assert.deepEqual([receiver.phase, receiver.effect, receiver.error], [8, effect, undefined]);
  assert.equal(toHex(world.target.runningImage ?? new Uint8Array(0)), toHex(made.image));
  return { page, list, id: toHex(made.firmwareId) };
}

export const targetEffects: readonly Case[] = [
  specified('FU/EFFECT/01', 'unchanged: same node, same composition, new firmware id', async () => {
    const world = new EffectWorld('none');
    const { page, list, id } = await updated(world, 0);
    assert.equal(await world.page(0), page);
    // There is no page 128: the highest one below it is answered.
    assert.equal(Number((await world.page(128))?.split(' ')[0]) < 128, true);
    assert.notDeepEqual(list, [id]);
    assert.deepEqual(await world.list(), [id]);
    assert.equal(world.target.address, NODE);
  }),
  specified(
    'FU/EFFECT/02',
    'changed, no remote provisioning: the old composition until it is provisioned again',
    async () => {
      const store = new MemoryStore();
      const world = new EffectWorld('composition-norpr', store);
      const { page, id } = await updated(world, 1);
      assert.equal(await world.page(0), page);
      assert.equal(Number((await world.page(128))?.split(' ')[0]) < 128, true);
      assert.deepEqual(await world.list(), [id]);
      world.target.restart(100);
      await world.run(new Promise<void>((resolve) => void world.world.clock.after(5000, resolve)));
      assert.equal(await world.page(0), page, 'also after a power cut');
      world.target.node?.access.reset();
      world.world.close();
      const after = new EffectWorld('composition-norpr', store);
      assert.equal((await after.page(0))?.endsWith(NEW_MODEL), true, 'provisioned again');
      assert.equal(page.endsWith(NEW_MODEL), false);
    },
  ),
  specified('FU/EFFECT/03', 'changed, remote provisioning: page 128 shows the new one until a refresh', async () => {
    const world = new EffectWorld('composition');
    const { page, id } = await updated(world, 2);
    assert.equal(await world.page(0), page, 'the old one');
    const announced = (await world.page(128)) as string;
    assert.equal(announced.startsWith('128 '), true);
    assert.equal(announced.endsWith(NEW_MODEL) && !page.endsWith(NEW_MODEL), true, 'the new one');
    assert.equal((await world.page(129))?.startsWith('129 '), true);
    assert.deepEqual(await world.list(), [id]);
    await world.refresh();
    assert.equal(await world.page(0), `0 ${announced.slice(4)}`);
    assert.deepEqual(await world.list(), [id], 'it is still configured');
  }),
  specified('FU/EFFECT/04', 'unprovisioned: it leaves the network and answers nothing any more', async () => {
    const store = new MemoryStore();
    const world = new EffectWorld('unprovision', store);
    await updated(world, 3);
    assert.equal(await world.page(0), undefined);
    assert.equal(await world.list(), undefined);
    world.world.close();
    const after = new EffectWorld('unprovision', store);
    assert.equal(await after.page(0), undefined, 'also after a power cut');
    assert.equal(after.target.role, undefined);
  }),
];
