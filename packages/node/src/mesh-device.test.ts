import { AD_MESH_BEACON } from '@meshferry/bearer';
import { equal, MeshError, toHex } from '@meshferry/core';
import { generateP256KeyPair } from '@meshferry/crypto';
import { refreshAddress, refreshDeviceKey } from '@meshferry/foundation';
import { type ProvisioningLink, pbGatt } from '@meshferry/provisioning';
import { describe, expect, it } from 'vitest';
import { APP_KEY, DeviceBench, LAMP, UUID } from './testing/device-bench.ts';

describe('a device', () => {
  it('is a node once it was provisioned, over PB-ADV', async () => {
    const bench = new DeviceBench();
    expect([bench.device.state, bench.device.node, bench.device.capabilities.elements]).toEqual([
      'unprovisioned',
      undefined,
      1,
    ]);
    expect(await bench.provision(0x0100)).toMatchObject({ data: { unicastAddress: 0x0100 } });
    expect(await bench.answers(0x0100)).toBe(true);
    expect([bench.device.state, bench.states, bench.device.node?.address]).toEqual([
      'provisioned',
      ['provisioned'],
      0x0100,
    ]);
  });

  it('is a node once it was provisioned over PB-GATT, and a proxy on the same peripheral', async () => {
    const bench = new DeviceBench();
    const central = bench.gatt.central();
    expect(await bench.provision(0x0100, {}, pbGatt(bench, central))).toMatchObject({ capabilities: { elements: 1 } });
    const proxies: number[] = [];
    central.discover([0x1827, 0x1828], ({ service }) => proxies.push(service));
    bench.clock.advance(10_000);
    expect(new Set(proxies)).toEqual(new Set([0x1828]));
    expect(await bench.answers(0x0100)).toBe(true);
  });

  it('takes one link at a time over all its bearers, and announces itself again when that has failed', async () => {
    const bench = new DeviceBench();
    const central = bench.gatt.central();
    const announced = (): number => {
      let heard = 0;
      const stop = central.discover([0x1827], () => heard++);
      bench.clock.advance(5000);
      stop();
      return heard;
    };
    expect(announced()).toBeGreaterThan(0);
    const linked = new Promise<ProvisioningLink | MeshError>((resolve) => bench.bearer.open(UUID, resolve));
    const link = await bench.run(linked);
    expect(announced()).toBe(0);
    const opened: unknown[] = [];
    const cancels = [bench.bearer, pbGatt(bench, central)].map((bearer) =>
      bearer.open(UUID, (outcome) => opened.push(outcome)),
    );
    bench.clock.advance(20_000);
    expect(opened).toEqual([]);
    for (const cancel of cancels) cancel();
    expect(link).not.toBeInstanceOf(MeshError);
    (link as ProvisioningLink).close('fail');
    expect(announced()).toBeGreaterThan(0);
    expect(await bench.provision(0x0101)).toMatchObject({ data: { unicastAddress: 0x0101 } });
  });

  it('leaves its network at a Config Node Reset, forgets all of it, and can be provisioned again', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await configure(bench, 0x0100);
    const [node] = [bench.device.node];
    expect(node?.network.keys.appIndexes()).toEqual([0]);
    await bench.run(bench.configuration.node.nodeReset({ address: 0x0100 }));
    await pass(bench, 1000);
    expect(bench.device.state).toBe('unprovisioned');
    expect(bench.store.keys('')).toEqual([]);
    expect(await bench.answers(0x0100)).toBe(false);
    const old = bench.deviceKeys.get(0x0100) as Uint8Array;
    await bench.provision(0x0200);
    expect(await bench.answers(0x0200)).toBe(true);
    expect(equal(old, bench.deviceKeys.get(0x0200) as Uint8Array)).toBe(false);
    expect(bench.device.node?.network.keys.appIndexes()).toEqual([]);
    expect(bench.device.node?.access.modelAt(0x0200, LAMP)?.appKeys).toEqual([]);
    expect(bench.states).toEqual(['provisioned', 'unprovisioned', 'provisioned']);
    expect(await bench.answers(0x0100)).toBe(false);
  });

  it('can be reset by hand; without a network that does nothing', async () => {
    const bench = new DeviceBench();
    bench.device.reset();
    await bench.provision(0x0100);
    await pass(bench, 100);
    bench.device.reset();
    await pass(bench, 100);
    expect(bench.states).toEqual(['provisioned', 'unprovisioned']);
    expect(await bench.provision(0x0101)).toMatchObject({ data: { unicastAddress: 0x0101 } });
  });

  it('takes a bearer in the moment between two of its lives as well', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await pass(bench, 100);
    bench.device.reset();
    const { advertising } = bench.air.join();
    bench.device.attach(advertising);
    let beacons = 0;
    bench.air.join().advertising.receive([AD_MESH_BEACON], () => beacons++);
    await pass(bench, 2500);
    // Three copies of one beacon over each of both.
    expect(beacons).toBe(6);
  });

  it('goes on as what it is after a power cut, with the keys that it was left with', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await configure(bench, 0x0100);
    bench.powerOff();
    bench.powerOn();
    expect(bench.device.state).toBe('provisioned');
    expect(bench.device.node?.access.modelAt(0x0100, LAMP)?.appKeys).toEqual([0]);
    expect(await bench.answers(0x0100)).toBe(true);
  });

  it('keeps no NetKey besides that of its node, which a Key Refresh replaces', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await pass(bench, 100);
    const text = bench.store.keys('').map((key) => new TextDecoder().decode(bench.store.get(key)));
    expect(text.filter((record) => record.includes('11'.repeat(16)))).toEqual([]);
  });

  it('joins in the middle of a Key Refresh and of an IV Update', async () => {
    const bench = new DeviceBench();
    const data = { keyRefresh: true, ivUpdate: true, ivIndex: 0x17, netKeyIndex: 3, netKey: APP_KEY };
    await bench.provision(0x0100, { dataFor: () => ({ ...data, unicastAddress: 0x0100 }) });
    await pass(bench, 100);
    const { keys, ivUpdate } = (bench.device.node as NonNullable<typeof bench.device.node>).network;
    expect([keys.netIndexes, keys.phase(3), ivUpdate.ivIndex, ivUpdate.updating]).toEqual([[3], 2, 0x17, true]);
    bench.powerOff();
    bench.powerOn();
    const after = (bench.device.node as NonNullable<typeof bench.device.node>).network;
    expect([after.keys.phase(3), after.ivUpdate.ivIndex, after.ivUpdate.updating]).toEqual([2, 0x17, true]);
  });

  it('stays unprovisioned when the OOB data are wrong, and is provisioned with the right ones', async () => {
    const staticOob = new Uint8Array(16).fill(5);
    const bench = new DeviceBench({ provisioning: { staticOob } });
    const wrong = await bench.provision(0x0100, { oob: { staticValue: staticOob.map((octet) => octet ^ 1) } });
    expect(wrong).toMatchObject({ code: 'confirmation-failed' });
    expect([bench.device.state, bench.store.keys('')]).toEqual(['unprovisioned', []]);
    expect(await bench.provision(0x0100, { oob: { staticValue: staticOob } })).not.toBeInstanceOf(MeshError);
  });

  it('draws attention, offers its records, and proves itself by a public key known out of band', async () => {
    const oobKeyPair = generateP256KeyPair({ bytes: (n) => new Uint8Array(n).fill(7), uniform: () => 0 });
    const attention: number[] = [];
    const records = new Map([[0x0012, new TextEncoder().encode('Lamp')]]);
    const bench = new DeviceBench({
      provisioning: { oobKeyPair, records, attention: (seconds) => attention.push(seconds) },
    });
    let name: Uint8Array | undefined;
    const outcome = await bench.provision(0x0100, {
      attentionSeconds: 7,
      beforeInvite: (reader, proceed) =>
        reader.read(0x0012, (read) => {
          if (read.ok) name = read.value;
          proceed({ publicKey: oobKeyPair.publicKey });
        }),
    });
    expect(outcome).not.toBeInstanceOf(MeshError);
    await pass(bench, 1000);
    expect([toHex(name as Uint8Array), attention]).toEqual([toHex(new TextEncoder().encode('Lamp')), [7, 0]]);
  });

  it('is not provisioned when its store refuses, and is when it takes writes again', async () => {
    const bench = new DeviceBench();
    bench.store.refuses = true;
    expect(await bench.provision(0x0100)).toMatchObject({ cause: { code: 'provisioning-failed' } });
    expect(bench.device.state).toBe('unprovisioned');
    bench.store.refuses = false;
    expect(await bench.provision(0x0101)).toMatchObject({ data: { unicastAddress: 0x0101 } });
    expect(await bench.answers(0x0101)).toBe(true);
  });

  it('is a node still when its store refuses the reset', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await configure(bench, 0x0100);
    bench.store.refuses = true;
    bench.device.reset();
    await pass(bench, 100);
    bench.store.refuses = false;
    expect(bench.device.state).toBe('provisioned');
    expect(await bench.answers(0x0100)).toBe(true);
    expect(bench.device.node?.network.keys.appIndexes()).toEqual([0]);
  });

  it('refuses to begin on a record that cannot be read, and leaves it as it is', async () => {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await pass(bench, 100);
    bench.powerOff();
    const broken = new Uint8Array(3);
    bench.store.batch([['node/membership', broken]]);
    expect(() => bench.powerOn()).toThrow(expect.objectContaining({ code: 'state-corrupt', hint: expect.any(String) }));
    expect(bench.store.get('node/membership')).toEqual(broken);
  });

  it('refuses to be composed of more elements than it has addresses for', async () => {
    const bench = new DeviceBench({ elements: 2 });
    await expect(bench.provision(0x0100).then(() => pass(bench, 100))).rejects.toMatchObject({
      code: 'bad-field',
      message: expect.stringContaining('1 elements and composed with 2'),
    });
  });

  it.each([false, true])('keeps no timer once it is closed (provisioned: %s)', async (provisioned) => {
    const bench = new DeviceBench();
    if (provisioned) await bench.provision(0x0100);
    else await bench.run(new Promise<void>((resolve) => bench.bearer.open(UUID, () => resolve())));
    bench.device.close();
    expect(bench.device.state).toBe('closed');
    bench.client.close();
    bench.clock.advance(600_000);
    expect(bench.clock.nextAt).toBeUndefined();
  });
});

describe('a device that is refreshed', () => {
  it('has its new device key after a restart, too, and its configuration still', async () => {
    const bench = await refreshable();
    const before = { address: 0x0100, deviceKey: bench.deviceKeys.get(0x0100)! };
    await bench.run(refreshDeviceKey(bench.refreshGround, before, bench.refreshOptions));
    expect(equal(before.deviceKey, bench.deviceKeys.get(0x0100)!)).toBe(false);
    bench.powerOff();
    bench.powerOn();
    expect(await bench.answers(0x0100)).toBe(true);
    expect(bench.device.node?.access.modelAt(0x0100, LAMP)?.appKeys).toEqual([0]);
    bench.deviceKeys.set(0x0100, before.deviceKey);
    expect(await bench.answers(0x0100)).toBe(false);
  });

  it('stands at its new address, also after a restart, without its configuration', async () => {
    const bench = await refreshable();
    await move(bench);
    for (const restarted of [false, true]) {
      if (restarted) {
        bench.powerOff();
        bench.powerOn();
      }
      expect([bench.device.node?.address, bench.device.state]).toEqual([0x0200, 'provisioned']);
      expect(await bench.answers(0x0200)).toBe(true);
      expect(bench.device.node?.network.keys.appIndexes()).toEqual([0]);
      expect(bench.device.node?.access.modelAt(0x0200, LAMP)?.appKeys).toEqual([]);
    }
    expect(await bench.answers(0x0100)).toBe(false);
    await bench.run(bench.configuration.node.nodeReset({ address: 0x0200 }));
    await pass(bench, 1000);
    expect([bench.device.state, bench.store.keys('')]).toEqual(['unprovisioned', []]);
  });

  it('stands at one of both addresses when the power fails at any write while it moves', async () => {
    const ends = new Set<number | undefined>();
    for (let at = 1; ; at++) {
      const bench = await refreshable();
      let cut = false;
      bench.store.cutAfter(at, () => {
        cut = true;
        bench.clock.after(0, () => {
          bench.powerOff();
          bench.powerOn();
        });
      });
      await move(bench);
      if (!cut) break;
      const { node } = bench.device;
      ends.add(node?.address);
      expect(await bench.answers(node?.address ?? 0), `cut after write ${at}`).toBe(true);
    }
    expect(ends).toEqual(new Set([0x0100, 0x0200]));
  });

  /** A configured node that runs for a while. */
  async function refreshable(): Promise<DeviceBench> {
    const bench = new DeviceBench();
    await bench.provision(0x0100);
    await configure(bench, 0x0100);
    return bench;
  }

  /** Whatever comes of it. */
  async function move(bench: DeviceBench): Promise<void> {
    const node = { address: 0x0100, deviceKey: bench.deviceKeys.get(0x0100)! };
    const options = { ...bench.refreshOptions, addressFor: () => 0x0200 };
    await bench.run(refreshAddress(bench.refreshGround, node, options).catch(() => {}));
    await pass(bench, 1000);
  }
});

describe('a device whose power fails at any write of its store', () => {
  it.each([0, 0.2])('is a node with the key that was kept for it, or unprovisioned; loss %s', async (loss) => {
    let cuts = 0;
    for (let at = 1; ; at++) {
      const bench = new DeviceBench({ loss, seed: `cut ${at}` });
      const lived = live(bench);
      let cut = false;
      bench.store.cutAfter(at, () => {
        cut = true;
        // Later than the write, which is not to see its device vanish.
        bench.clock.after(0, () => {
          bench.powerOff();
          bench.powerOn();
        });
      });
      const end = await bench.run(lived);
      if (!cut) {
        expect(end).toBe('reset');
        break;
      }
      cuts++;
      await pass(bench, 1000);
      const { state, node } = bench.device;
      const name = `cut after write ${at}`;
      if (state === 'provisioned') {
        expect(node?.address, name).toBe(0x0100);
        expect(await bench.answers(0x0100), name).toBe(true);
      } else {
        expect(bench.store.keys(''), name).toEqual([]);
        expect(await bench.provision(0x0200), name).toMatchObject({ data: { unicastAddress: 0x0200 } });
        expect(await bench.answers(0x0200), name).toBe(true);
      }
    }
    expect(cuts).toBeGreaterThan(10);
  });

  /** Everything that a device can live through; how far it came. */
  async function live(bench: DeviceBench): Promise<string> {
    const outcome = await bench.provision(0x0100);
    if (outcome instanceof MeshError) return outcome.code;
    try {
      await configure(bench, 0x0100);
      await bench.run(bench.configuration.node.nodeReset({ address: 0x0100 }));
      await pass(bench, 1000);
      return 'reset';
    } catch (thrown) {
      return (thrown as MeshError).code;
    }
  }
});

/** An AppKey, bound to its model. */
async function configure(bench: DeviceBench, address: number): Promise<void> {
  const { keys, models } = bench.configuration;
  await bench.run(keys.appKeyAdd({ address }, 0, 0, APP_KEY));
  await bench.run(models.appBind({ address }, address, LAMP, 0));
}

function pass(bench: DeviceBench, ms: number): Promise<void> {
  return bench.run(new Promise((resolve) => bench.clock.after(ms, resolve)));
}
