import { MemoryStore, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { ProvisionerState } from '@meshferry/provisioning';
import { UnprovisionedScanner } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { simLabels } from './sim-label.ts';
import { ProvisionWorld } from './testing/provision-world.ts';
import { parseSimUri } from './uri.ts';
import { World } from './world.ts';

describe('unprovisioned devices of a simulated world', () => {
  it('announce themselves over PB-ADV by the UUIDs of their labels, and rarely', () => {
    const { world, heard } = scan('sim:targets=0,unprovisioned=5,oob=static');
    world.clock.advance(10_000);
    const uuids = simLabels(world.sim).map(({ uuid }) => toHex(uuid));
    expect(heard()).toEqual(uuids.map((uuid) => `${uuid} adv 8000`).sort());
    for (const uuid of uuids) expect(uuid).toMatch(/^.{12}4.{3}[89ab].{15}$/);
    expect(simLabels(parseSimUri('sim:unprovisioned=5,seed=2')).map(({ uuid }) => toHex(uuid))).not.toEqual(uuids);
    // Three copies of a beacon each three seconds or so.
    expect(world.radio.stats.events / 5 / 10).toBeLessThan(1.2);
  });

  it('announce themselves over PB-GATT as well to a process that is attached by it', () => {
    const { world, heard } = scan('sim:targets=0,unprovisioned=2,link=gatt');
    world.clock.advance(3000);
    const uuids = simLabels(world.sim).map(({ uuid }) => toHex(uuid));
    expect(heard()).toEqual(uuids.map((uuid) => `${uuid} gatt 0000`).sort());
  });

  it.each([
    ['none', ['none']],
    ['static', ['static']],
    ['publickey', ['none']],
    ['output', ['output']],
    ['input', ['input']],
    ['static+publickey+output+input', ['static']],
    ['output+publickey', ['output']],
    ['input,loss=0.2', ['input']],
    ['output,loss=0.2', ['output']],
    ['static,link=gatt', ['static']],
    ['none,radio=ideal', ['none']],
  ])('are provisioned with oob=%s', async (oob) => {
    const states: (ProvisionerState | 'linking')[] = [];
    const run = new ProvisionWorld(`sim:targets=0,unprovisioned=1,oob=${oob}`);
    const device = run.device(0);
    const node = await run.run(run.provision(0, { attentionSeconds: 5, onState: (state) => states.push(state) }));
    expect(node).toMatchObject({ unicastAddress: '0002', security: oob.includes('publickey') ? 'secure' : 'insecure' });
    expect(states.includes('wait-user')).toBe(oob.startsWith('output'));
    expect(states.includes('wait-input-complete')).toBe(oob.startsWith('input'));
    await run.wait(1000);
    expect(device.address).toBe(2);
    const { elements } = await run.run(run.network.readComposition(2));
    expect(elements).toHaveLength(1);
  });

  it('are a node for good: the next world on the same store finds it so, and its peer, too', async () => {
    const store = new MemoryStore();
    const uri = 'sim:targets=0,unprovisioned=2';
    const before = new ProvisionWorld(uri, store);
    await before.run(before.provision(1));
    before.world.close();
    const after = new ProvisionWorld(uri, store);
    expect(after.world.devices.map(({ address }) => address)).toEqual([0, 2]);
    const node = await after.run(after.network.readComposition(2));
    expect(node.elements[0]?.models.map(({ modelId }) => modelId)).toEqual(['0000', '0002', '1400', '1402']);
  });
});

function scan(uri: string) {
  const world = new World({ sim: parseSimUri(uri), self: () => null });
  const { clock, advertising, central } = world;
  const scanner = new UnprovisionedScanner({
    clock,
    crypto: portableCrypto,
    ...(advertising && { advertising }),
    ...(central && { central }),
  });
  const heard = (): string[] =>
    scanner.devices
      .map(
        ({ uuid, bearer, oobInformation }) =>
          `${toHex(uuid)} ${bearer} ${toHex(Uint8Array.of(oobInformation >> 8, oobInformation & 0xff))}`,
      )
      .sort();
  return { world, heard };
}
