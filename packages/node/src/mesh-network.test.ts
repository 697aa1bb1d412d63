import { hexNumber, octetsOf, readNetworkDocument, writeNetworkDocument } from '@meshferry/cdb';
import { MemoryStore, type MeshError, toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { configureNode } from './profile-apply.ts';
import { MODEL, NetworkBench, uuidOf } from './testing/network-bench.ts';

const code = (expected: string) => expect.objectContaining({ code: expected, hint: expect.stringMatching(/\w/) });

describe('a device', () => {
  it('becomes a node of the document, at the next free address', async () => {
    const bench = new NetworkBench({ devices: 2, elements: 2 });
    const first = await bench.provision(0, { name: 'Hall' });
    const second = await bench.provision(1);
    expect([first, second].map(({ unicastAddress }) => unicastAddress)).toEqual(['0002', '0004']);
    expect(first).toMatchObject({ name: 'Hall', security: 'insecure', netKeys: [{ index: 0, updated: false }] });
    bench.clock.advance(1000);
    expect(bench.devices.map(({ node }) => node?.address)).toEqual([2, 4]);
    expect(bench.network.document.nodes).toHaveLength(3);
    expect(bench.network.state.pending.all).toEqual([]);
    expect(readNetworkDocument(writeNetworkDocument(bench.network.document)).ok).toBe(true);
    bench.close();
  });

  it('is one of several that are provisioned at a time, and none gets the address of another', async () => {
    const bench = new NetworkBench({ devices: 6, elements: 3 });
    const all = bench.devices.map((_, i) => bench.network.provision({ uuid: uuidOf(i), bearer: bench.bearer }).node);
    const nodes = await bench.run(Promise.all(all));
    const addresses = nodes.map(({ unicastAddress }) => hexNumber(unicastAddress)).sort((a, b) => a - b);
    expect(addresses).toEqual([2, 5, 8, 11, 14, 17]);
    bench.close();
  });

  it('with a static OOB value is let in with that alone, and may try again', async () => {
    const staticOob = new Uint8Array(16).fill(7);
    const bench = new NetworkBench({ staticOob });
    const wrong = bench.provision(0, { oob: { staticValue: new Uint8Array(16).fill(8) } });
    await expect(wrong).rejects.toEqual(code('confirmation-failed'));
    expect(bench.network.state.pending.all).toEqual([]);
    expect(bench.network.document.nodes).toHaveLength(1);
    const node = await bench.provision(0, { oob: { staticValue: staticOob } });
    expect(node.unicastAddress).toBe('0002');
    bench.close();
  });

  it('that is not there is reported, and its address stays free', async () => {
    const bench = new NetworkBench({ devices: 1 });
    await expect(bench.provision(9)).rejects.toEqual(code('link-open-failed'));
    expect((await bench.provision(0)).unicastAddress).toBe('0002');
    bench.close();
  });

  it('with the UUID of a node is refused', async () => {
    const bench = new NetworkBench();
    await bench.provision(0);
    await expect(bench.provision(0)).rejects.toEqual(code('uuid-known'));
    bench.close();
  });

  it('is not provisioned twice at a time', async () => {
    const bench = new NetworkBench();
    const first = bench.network.provision({ uuid: uuidOf(0), bearer: bench.bearer });
    const second = bench.network.provision({ uuid: uuidOf(0), bearer: bench.bearer });
    await expect(bench.run(second.node)).rejects.toEqual(code('already-provisioning'));
    expect((await bench.run(first.node)).unicastAddress).toBe('0002');
    bench.close();
  });

  it('can be given up while its link is being opened', async () => {
    const bench = new NetworkBench();
    const provisioning = bench.network.provision({ uuid: uuidOf(5), bearer: bench.bearer });
    bench.clock.advance(100);
    provisioning.cancel();
    await expect(provisioning.node).rejects.toEqual(expect.objectContaining({ code: 'cancelled' }));
    expect((await bench.provision(0)).unicastAddress).toBe('0002');
    bench.close();
  });

  it('finds no address when all are taken', async () => {
    const bench = new NetworkBench({ elements: 3 });
    const { network } = bench;
    const { document } = network;
    const provisioners = document.provisioners.map((one) => ({
      ...one,
      allocatedUnicastRange: [{ lowAddress: '0001', highAddress: '0003' }],
    }));
    network.change({ ...document, provisioners });
    await expect(bench.provision(0)).rejects.toEqual(code('addresses-exhausted'));
    bench.clock.advance(5000);
    expect(bench.devices[0]?.state).toBe('unprovisioned');
    bench.close();
  });
});

describe('a device of which it is not known whether it took its data', () => {
  /** It falls silent as soon as they have been sent: or it is only the provisioner that hears no more. */
  async function uncertain(deviceFails: boolean) {
    const bench = new NetworkBench();
    const provisioning = bench.network.provision({
      uuid: uuidOf(0),
      bearer: bench.bearer,
      onState: (state) => {
        if (state !== 'wait-complete') return;
        if (deviceFails) bench.clock.after(1, () => bench.devices[0]?.close());
        else bench.deaf = true;
      },
    });
    const error: MeshError = await bench.run(provisioning.node).then(
      () => undefined as never,
      (thrown) => thrown,
    );
    bench.deaf = false;
    return { bench, error };
  }

  it('keeps its address, and the way out is told', async () => {
    const { bench, error } = await uncertain(true);
    expect(error).toEqual(code('provisioning-uncertain'));
    expect(error.hint).toContain('--recover');
    expect(error.hint).toContain('--give-up');
    expect(bench.network.state.pending.uncertain).toMatchObject([{ address: 2, elements: 1 }]);
    await expect(bench.provision(0)).rejects.toEqual(code('provisioning-uncertain'));
    await expect(bench.run(bench.network.recover(uuidOf(0)))).rejects.toEqual(code('no-response'));
    expect(bench.network.state.pending.uncertain).toHaveLength(1);
    bench.close();
  });

  it('comes into the document when it answers with its key', async () => {
    const { bench, error } = await uncertain(false);
    expect(error).toEqual(code('provisioning-uncertain'));
    bench.clock.advance(10_000);
    expect(bench.devices[0]?.node?.address).toBe(2);
    const node = await bench.run(bench.network.recover(uuidOf(0)));
    expect(node).toMatchObject({ unicastAddress: '0002', cid: '0059' });
    expect(bench.network.document.nodes).toHaveLength(2);
    expect(bench.network.state.pending.all).toEqual([]);
    bench.close();
  });

  it('can be given up: its address is set aside', async () => {
    const { bench } = await uncertain(true);
    bench.network.giveUp(uuidOf(0));
    expect(bench.network.state.pending.all).toEqual([]);
    expect(bench.network.document.networkExclusions).toEqual([{ ivIndex: 0, addresses: ['0002'] }]);
    expect(() => bench.network.giveUp(uuidOf(0))).toThrow(code('not-pending'));
    await expect(bench.run(bench.network.recover(uuidOf(0)))).rejects.toEqual(code('not-pending'));
    bench.close();
  });
});

describe('a node', () => {
  it('is configured as a profile says, and not touched when it is so already', async () => {
    const bench = new NetworkBench({ elements: 2 });
    await bench.provision(0);
    const label = new Uint8Array(16).fill(0xab);
    const profile = {
      defaultTtl: 7,
      networkTransmit: { count: 2, intervalMs: 30 },
      relay: { count: 3, intervalMs: 40 },
      beacon: true,
      gattProxy: true,
      models: [
        {
          model: MODEL,
          bind: [0],
          subscribe: [0xc000, label],
          publish: {
            to: 0xc001,
            appKey: 0,
            ttl: 5,
            friendship: false,
            periodMs: 10_000,
            retransmit: { count: 3, intervalMs: 100 },
          },
        },
        { model: 0x0002, bind: [0] },
      ],
    };
    const changes = await bench.run(configureNode(bench.network, 2, profile));
    expect(changes).toEqual([
      'Default TTL 7',
      'Network Transmit 2 × 30 ms',
      'Relay on, 3 × 40 ms',
      'Secure Network beacons on',
      'GATT Proxy on',
      'AppKey 0 added',
      ...[2, 3].flatMap((element) => [
        `model 0x00010002 of 0x000${element} bound to AppKey 0`,
        `model 0x00010002 of 0x000${element} subscribed to 0xc000`,
        `model 0x00010002 of 0x000${element} subscribed to abababababababababababababababab`,
        `model 0x00010002 of 0x000${element} publishes to 0xc001`,
      ]),
      'model 0x0002 of 0x0002 bound to AppKey 0',
    ]);
    const node = bench.network.document.nodes[1];
    expect(node).toMatchObject({
      cid: '0059',
      configComplete: true,
      defaultTTL: 7,
      networkTransmit: { count: 2, interval: 30 },
      relayRetransmit: { count: 3, interval: 40 },
      features: { relay: 1, proxy: 1 },
      appKeys: [{ index: 0, updated: false }],
    });
    expect(node?.elements[1]?.models).toEqual([
      {
        modelId: '00010002',
        bind: [0],
        subscribe: ['C000', 'ABABABABABABABABABABABABABABABAB'],
        publish: {
          address: 'C001',
          index: 0,
          ttl: 5,
          period: { numberOfSteps: 10, resolution: 1000 },
          credentials: 0,
          retransmit: { count: 2, interval: 100 },
        },
      },
    ]);
    const live = bench.devices[0]?.node?.access.modelAt(3, MODEL);
    expect(live?.appKeys).toEqual([0]);
    expect(live?.publication).toMatchObject({ address: 0xc001, ttl: 5 });
    const { document } = bench.network;
    expect(await bench.run(configureNode(bench.network, 2, profile))).toEqual([]);
    expect({ ...bench.network.document, timestamp: '' }).toEqual({ ...document, timestamp: '' });
    expect(readNetworkDocument(writeNetworkDocument(document)).ok).toBe(true);

    const less = { models: [{ model: MODEL, element: 1, bind: [], subscribe: [0xc005], publish: null }] };
    expect(await bench.run(configureNode(bench.network, 2, less))).toEqual([
      'model 0x00010002 of 0x0003 subscribed to nothing',
      'model 0x00010002 of 0x0003 subscribed to 0xc005',
      'model 0x00010002 of 0x0003 does not publish any more',
      'model 0x00010002 of 0x0003 not bound to AppKey 0 any more',
    ]);
    expect(live?.subscriptions.map(({ address }) => address)).toEqual([0xc005]);
    expect(bench.network.document.nodes[1]?.elements[1]?.models[0]).toEqual({
      modelId: '00010002',
      bind: [],
      subscribe: ['C005'],
    });
    bench.close();
  });

  it.each([
    ['an AppKey that the network has not', { models: [{ model: MODEL, bind: [5] }] }, 'unknown-appkey'],
    ['a NetKey that the network has not', { netKeys: [3] }, 'unknown-netkey'],
    ['a model that it has not', { models: [{ model: 0x1000, bind: [0] }] }, 'unknown-model'],
    ['an element that it has not', { models: [{ model: MODEL, element: 4, bind: [0] }] }, 'unknown-model'],
    ['a feature that it has not', { friend: true }, 'feature-not-supported'],
  ])('refuses %s', async (_, profile, expected) => {
    const bench = new NetworkBench();
    await bench.provision(0);
    await expect(bench.run(configureNode(bench.network, 2, profile))).rejects.toEqual(code(expected));
    bench.close();
  });

  it('that is silent is reported', async () => {
    const bench = new NetworkBench();
    await bench.provision(0);
    bench.devices[0]?.close();
    await expect(bench.run(configureNode(bench.network, 2, { defaultTtl: 5 }))).rejects.toEqual(code('no-response'));
    await expect(bench.run(bench.network.reset(2))).rejects.toEqual(code('no-response'));
    expect(bench.network.document.nodes).toHaveLength(2);
    bench.network.remove(2);
    expect(bench.network.document.nodes).toHaveLength(1);
    expect(bench.network.document.networkExclusions).toEqual([{ ivIndex: 0, addresses: ['0002'] }]);
    bench.close();
  });

  it('that is reset is a device again, and comes back at another address', async () => {
    const bench = new NetworkBench();
    await bench.provision(0);
    await bench.run(bench.network.reset(2));
    bench.clock.advance(10_000);
    expect(bench.devices[0]?.state).toBe('unprovisioned');
    expect((await bench.provision(0)).unicastAddress).toBe('0003');
    bench.close();
  });

  it('of this process is neither reset nor removed', async () => {
    const bench = new NetworkBench({ devices: 0 });
    await expect(bench.run(bench.network.reset(1))).rejects.toEqual(code('own-node'));
    expect(() => bench.network.remove(1)).toThrow(code('own-node'));
    expect(() => bench.network.remove(7)).toThrow(code('unknown-node'));
    bench.close();
  });
});

it('opens again as it was left, and never uses a sequence number twice', async () => {
  const store = new MemoryStore();
  const first = new NetworkBench({ store });
  await first.provision(0);
  const { document } = first.network;
  const key = toHex(octetsOf(document.nodes[1]?.deviceKey ?? ''));
  first.close();
  const second = new NetworkBench({ store, devices: 0, seed: 'again' });
  expect(second.network.document).toEqual(document);
  expect(toHex(octetsOf(second.network.document.nodes[1]?.deviceKey ?? ''))).toBe(key);
  expect(second.network.own).toEqual(first.network.own);
  second.close();
});
