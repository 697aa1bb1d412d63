import { MemoryStore, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { ProvisionerState } from '@meshferry/provisioning';
import { UnprovisionedScanner } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { simLabels } from './sim-label.ts';
import { CutStore } from './testing/cut-store.ts';
import { ProvisionWorld } from './testing/provision-world.ts';
import { firmware } from './testing/update-world.ts';
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

  it.each(['static', 'input,loss=0.2'])('are provisioned three at a time with oob=%s', async (oob) => {
    const run = new ProvisionWorld(`sim:targets=0,unprovisioned=3,oob=${oob}`);
    const nodes = await run.run(Promise.all([0, 1, 2].map((number) => run.provision(number))));
    await run.wait(1000);
    expect(nodes.map(({ unicastAddress }) => Number.parseInt(unicastAddress, 16))).toEqual(
      run.world.devices.map(({ address }) => address),
    );
    expect(new Set(nodes.map(({ unicastAddress }) => unicastAddress))).toEqual(new Set(['0002', '0003', '0004']));
    for (const { address } of run.world.devices) await run.run(run.network.readComposition(address));
  });

  it('are provisioned by the hundred', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=100');
    let next = 0;
    const provision = async (): Promise<void> => {
      while (next < 100) await run.provision(next++);
    };
    await run.run(Promise.all([provision(), provision(), provision(), provision()]));
    await run.wait(1000);
    expect(run.network.document.nodes).toHaveLength(101);
    expect(new Set(run.world.devices.map(({ address }) => address)).size).toBe(100);
    expect(run.world.devices.every(({ node }) => node !== undefined)).toBe(true);
    expect(run.world.clock.now).toBeLessThan(200_000);
  });

  it('wait for who is reset, and stand at another address then', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=2');
    const device = run.device(0);
    await run.run(run.provision(0));
    await run.wait(1000);
    await run.run(run.network.reset(2));
    await run.wait(1000);
    expect([device.address, device.device?.state]).toEqual([0, 'unprovisioned']);
    await run.run(run.provision(0));
    await run.wait(1000);
    // What has been used is set aside.
    expect(device.address).toBe(3);
    await run.run(run.network.readComposition(3));
  });

  it('are not provisioned with a wrong value, and can be asked again', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=1,oob=static+output');
    const oob = { staticValue: new Uint8Array(16).fill(1) };
    await expect(run.run(run.provision(0, { oob }))).rejects.toMatchObject({ code: 'confirmation-failed' });
    expect(run.device(0).device?.state).toBe('unprovisioned');
    const { user } = run.device(0);
    const shown: string[] = [];
    user.displays.subscribe(({ action, size, value }) => shown.push(`${action} ${size} ${value}`));
    await run.run(run.provision(0, { oob: { enter: user.enter } }));
    expect(shown).toEqual([expect.stringMatching(/^alphanumeric 6 [0-9A-Z]{6}$/)]);
  });

  it('have all foundation servers with models=full', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=1,models=full');
    await run.run(run.provision(0));
    await run.wait(1000);
    const { elements } = await run.run(run.network.readComposition(2));
    const servers = ['0000', '0002', '0004', '0008', '000A', '000C', '000E', '0010', '0012', '0014', '1400', '1402'];
    expect(elements[0]?.models.map(({ modelId }) => modelId)).toEqual(servers);
  });

  it.each([0, 0.1])('are found and provisioned through others that are in between, loss %s', async (loss) => {
    const uri = `sim:targets=0,unprovisioned=3,topology=line,relays=all,models=full,oob=static,loss=${loss}`;
    const run = new ProvisionWorld(uri);
    await run.run(run.provision(0));
    await run.wait(1000);
    for (const number of [1, 2]) {
      const server = run.network.to(run.device(number - 1).address);
      const found = await run.run(run.network.remote.scan(server, { seconds: 20 }));
      expect(found.map(({ uuid }) => toHex(uuid))).toEqual([toHex(run.device(number).label.uuid)]);
      const node = await run.run(run.provisionThrough(server.address, number));
      await run.wait(1000);
      expect(run.device(number).address).toBe(Number.parseInt(node.unicastAddress, 16));
      await run.run(run.network.readComposition(run.device(number).address));
    }
  });

  it('draw attention as long as a Provisioner asked them to', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=1,oob=output');
    const attention: boolean[] = [];
    run.device(0).user.displays.subscribe(() => attention.push(run.device(0).drawsAttention));
    await run.run(run.provision(0, { attentionSeconds: 30 }));
    await run.wait(1000);
    expect([...attention, run.device(0).drawsAttention]).toEqual([true, false]);
    await run.run(run.configure(2, [0x0002]));
    await run.run(run.network.health.attentionSet({ address: 2, appIndex: 0 }, 3));
    expect(run.device(0).drawsAttention).toBe(true);
    await run.wait(4000);
    expect(run.device(0).drawsAttention).toBe(false);
  });

  it('relay from the start when the URI says so', async () => {
    const run = new ProvisionWorld('sim:targets=0,unprovisioned=1,topology=line,hops=1,relays=all');
    await run.run(run.provision(0));
    await run.wait(1000);
    expect(run.device(0).node?.network.relay).toEqual({ count: 2, intervalMs: 20 });
  });

  it('are refused to a process that none of them can hear', () => {
    const open = () => new World({ sim: parseSimUri('sim:targets=3,unprovisioned=1,topology=line,link=gatt') });
    expect(open).toThrow(
      expect.objectContaining({
        code: 'no-proxy-in-reach',
        message: 'none of the 1 devices is in reach of this process',
      }),
    );
  });
});

describe('a device that was provisioned and configured', () => {
  it('takes firmware', async () => {
    const made = await firmware();
    const run = await configured('sim:targets=0,unprovisioned=2');
    const report = await run.run(run.update(made, [2, 3]));
    expect(report.targets.map(({ phase, error }) => [phase, error?.message ?? null])).toEqual(
      Array(2).fill(['applied', null]),
    );
    for (const { runningImage, firmwareId } of run.world.devices) {
      expect(toHex(runningImage ?? new Uint8Array())).toBe(toHex(made.image));
      expect(toHex(firmwareId ?? new Uint8Array())).toBe(toHex(made.firmwareId));
    }
  });

  it('leaves the network when the firmware says so, for once: provisioned again it stays', async () => {
    const store = new MemoryStore();
    const uri = 'sim:targets=0,unprovisioned=1,effect=unprovision';
    const run = await configured(uri, store);
    const report = await run.run(run.update(await firmware(), [2]));
    expect(report.targets.map(({ phase }) => phase)).toEqual(['unprovisioned']);
    expect(run.device(0).device?.state).toBe('unprovisioned');
    run.network.remove(2);
    await run.run(run.provision(0));
    run.device(0).restart(1000);
    await run.wait(2000);
    expect([run.device(0).device?.state, run.device(0).address]).toEqual(['provisioned', 3]);
    run.world.close();
    const after = new ProvisionWorld(uri, store);
    expect(after.device(0).address).toBe(3);
    expect(after.device(0).runningImage).toBeDefined();
  });

  async function configured(uri: string, store = new MemoryStore()): Promise<ProvisionWorld> {
    const run = new ProvisionWorld(uri, store);
    for (const number of run.world.devices.keys()) {
      await run.run(run.provision(number));
      await run.run(run.configure(2 + number));
    }
    return run;
  }
});

describe('a world that is killed at any write while it provisions', () => {
  it('has the device in the network with its key, or as one whose fate is asked for, or not at all', async () => {
    const uri = 'sim:targets=0,unprovisioned=1';
    const fates = new Map<string, number>();
    for (let at = 1; ; at++) {
      const store = await killedAt(at, uri);
      if (store === undefined) break;
      const run = new ProvisionWorld(uri, store);
      const { network } = run;
      const uncertain = network.state.pending.uncertain.length > 0;
      const known = network.document.nodes.length > 1;
      const isNode = run.device(0).device?.state === 'provisioned';
      const fate = [uncertain && 'uncertain', known && 'known', isNode && 'node'].filter((word) => word).join(' ');
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
      // The way out of each, and the device is in the network.
      if (uncertain && isNode) await run.run(network.recover(run.device(0).label.uuid));
      else if (uncertain) network.giveUp(run.device(0).label.uuid);
      if (!isNode) await run.run(run.provision(0));
      await run.wait(1000);
      const { address } = run.device(0);
      const node = await run.run(network.readComposition(address));
      expect(node.UUID.replaceAll('-', '').toLowerCase(), `killed at write ${at}`).toBe(
        toHex(run.device(0).label.uuid),
      );
      expect(network.document.nodes.length, `killed at write ${at}`).toBe(2);
      // An address of which nobody knows who may have used it is used no more.
      expect(address, `killed at write ${at}`).toBe(uncertain && !isNode ? 3 : 2);
      run.world.close();
    }
    expect([...fates.keys()].sort()).toEqual(['', 'known node', 'uncertain', 'uncertain node']);
  });

  /** What is left when all power fails at the `at`-th write; undefined when there are fewer. */
  async function killedAt(at: number, uri: string): Promise<MemoryStore | undefined> {
    const store = new CutStore();
    const run = new ProvisionWorld(uri, store);
    const killed = new Promise<MemoryStore>((resolve) => {
      store.cutAfter(at, () => {
        resolve(store.survived());
        // Later than the write, which is not to see its world vanish.
        queueMicrotask(() => run.world.close());
      });
    });
    const done = run.provision(0).then(() => run.wait(3000));
    return run.run(Promise.race([killed, done.then(() => undefined)]));
  }
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
