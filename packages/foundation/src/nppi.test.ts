import { decodeComposition } from '@meshferry/access';
import { MeshError, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import {
  finishRefresh,
  type PendingRefresh,
  type RefreshedNode,
  type RefreshOptions,
  refreshAddress,
  refreshComposition,
  refreshDeviceKey,
} from './nppi-client.ts';
import { deviceKeyOf, LAMP, NET_KEY } from './testing/node.ts';
import { type RemoteNode, RemoteWorld } from './testing/remote.ts';

const BEFORE = { address: 0x0100, deviceKey: deviceKeyOf(0x0100) };
const NEW_ADDRESS = 0x0400;

describe('Device Key Refresh', () => {
  it('gives the node a new device key, and keeps all else', async () => {
    const { world, client, server, books, refreshed } = scene();
    server.access.modelAt(server.address, LAMP)!.bind(3);
    const node = await refreshed(refreshDeviceKey);
    expect(node).toMatchObject({ procedure: 'device-key', before: BEFORE, after: { address: 0x0100 }, elements: 1 });
    expect(node.after.deviceKey).not.toEqual(BEFORE.deviceKey);
    expect(node.composition).toEqual(server.access.compositionPage(0).data);
    expect(server.access.modelAt(server.address, LAMP)!.appKeys).toEqual([3]);
    expect(server.network.hasDeviceKeyCandidate).toBe(false);
    expect(books.calls).toEqual(['keep', 'use new', 'settle new']);
    // Only the new key counts now.
    client.deviceKeys.set(0x0100, BEFORE.deviceKey);
    await expect(world.until(client.configuration.node.beaconGet(BEFORE, SHORT))).rejects.toMatchObject({
      code: 'no-response',
    });
  });

  it('may be done again and again', async () => {
    const { refreshed, books } = scene();
    const first = await refreshed(refreshDeviceKey);
    books.target = first.after;
    const second = await refreshed(refreshDeviceKey);
    expect(new Set([BEFORE, first.after, second.after].map(({ deviceKey }) => toHex(deviceKey))).size).toBe(3);
  });

  it.each([0.1, 0.2])('works when %d of all packets are lost', async (loss) => {
    for (let seed = 0; seed < 3; seed++) {
      const { refreshed } = scene({ loss, seed: `${loss} ${seed}` });
      expect((await refreshed(refreshDeviceKey)).composition.length).toBeGreaterThan(10);
    }
  });

  it.each([
    ['another NetKey', { netKey: new Uint8Array(16) }],
    ['a NetKey Index that the node has not', { netKeyIndex: 1 }],
    ['another IV Index', { ivIndex: 1 }],
  ])('is refused with %s', async (_, wrong) => {
    const { server, books, refreshed } = scene();
    books.network = { ...books.network, ...wrong };
    await expect(refreshed(refreshDeviceKey)).rejects.toMatchObject({
      code: 'provisioning-failed',
      message: expect.stringContaining('Invalid Data'),
    });
    expect(books.calls).toEqual(['keep', 'settle old']);
    expect(server.network.hasDeviceKeyCandidate).toBe(false);
  });

  it('disregards the flags, as Key Refresh and IV Update do not matter to a node that knows them', async () => {
    const { books, refreshed } = scene();
    books.network = { ...books.network, keyRefresh: true, ivUpdate: true };
    expect((await refreshed(refreshDeviceKey)).procedure).toBe('device-key');
  });

  it('authenticates with what the node offers', async () => {
    const staticOob = Uint8Array.from({ length: 32 }, (_, i) => i);
    const { server, books, refreshed } = scene();
    server.nppi = { staticOob };
    server.restart();
    await expect(
      refreshed(refreshDeviceKey, { oob: { staticValue: staticOob.slice().reverse() } }),
    ).rejects.toMatchObject({
      code: 'confirmation-failed',
    });
    expect(books.calls).toEqual([]);
    const node = await refreshed(refreshDeviceKey, { oob: { staticValue: staticOob } });
    expect(node.procedure).toBe('device-key');
  });

  it('changes nothing when both keys cannot be kept', async () => {
    const { server, refreshed } = scene();
    const keep = (): void => {
      throw new MeshError('store-failed', 'the disk is full');
    };
    await expect(refreshed(refreshDeviceKey, { keep })).rejects.toMatchObject({ code: 'store-failed' });
    expect(server.network.hasDeviceKeyCandidate).toBe(false);
  });

  it('tells options that nothing can be provisioned with', async () => {
    const { refreshed } = scene();
    const oob = { staticValue: new Uint8Array(3) };
    await expect(refreshed(refreshDeviceKey, { oob })).rejects.toMatchObject({ code: 'bad-static-oob' });
  });
});

describe('Node Composition Refresh', () => {
  it('makes the composition of new software that of the node, and drops what vanished models had', async () => {
    const { world, server, books, refreshed } = scene();
    server.access.modelAt(server.address, LAMP)!.bind(3);
    server.software = { primary: [0x1002], more: [[0x1003]] };
    server.restart();
    expect(elements(server)).toBe(1);
    const node = await refreshed(refreshComposition);
    expect(node).toMatchObject({ elements: 2, after: { address: 0x0100 } });
    expect(elements(server)).toBe(2);
    expect(server.store.keys('access/bindings')).toEqual([]);
    expect(server.access.compositionPage(0).data).toEqual(server.access.compositionPage(128).data);
    books.target = node.after;
    await expect(refreshed(refreshComposition)).rejects.toMatchObject({ code: 'link-open-failed', status: 4 });
    await pass(world, 1000);
  });

  it('keeps what models have that stay', async () => {
    const { server, refreshed } = scene();
    server.access.modelAt(server.address, LAMP)!.bind(3);
    server.access.modelAt(server.address, LAMP)!.subscribe(0xc000);
    server.software = { primary: [LAMP, 0x1002], more: [] };
    server.restart();
    await refreshed(refreshComposition);
    server.restart();
    expect(server.access.modelAt(server.address, LAMP)!.appKeys).toEqual([3]);
    expect(server.access.modelAt(server.address, LAMP)!.subscriptions).toEqual([{ address: 0xc000 }]);
  });
});

describe('Node Address Refresh', () => {
  it('moves the node: keys and IV Index stay, sequence numbers begin anew, the rest is at its defaults', async () => {
    const { world, client, server, books, refreshed } = scene();
    server.network.addNetKey(1, new Uint8Array(16).fill(0x33));
    server.network.addAppKey(3, 0, new Uint8Array(16).fill(0x44));
    server.access.modelAt(server.address, LAMP)!.bind(3);
    server.network.defaultTtl = 9;
    server.software = { primary: [LAMP], more: [[0x1003]] };
    server.restart();
    const node = await refreshed(refreshAddress);
    expect(node).toMatchObject({ after: { address: NEW_ADDRESS }, elements: 2 });
    expect(server.address).toBe(NEW_ADDRESS);
    expect(server.term.deviceKey).toEqual(node.after.deviceKey);
    expect(server.network.keys.netIndexes).toEqual([0, 1]);
    expect(server.network.keys.appIndexes()).toEqual([3]);
    expect(server.network.defaultTtl).toBe(5);
    expect(server.network.sequenceNumber).toBeLessThan(300);
    expect(server.access.modelAt(server.address, LAMP)!.appKeys).toEqual([]);
    expect(elements(server)).toBe(2);
    expect(books.calls).toEqual(['keep', 'use new', 'settle new']);
    expect(await world.until(client.configuration.node.beaconGet(node.after))).toBe(false);
  });

  it.each([0x0100, 0x00ff, 0x0101])('is refused with %i, which overlaps its addresses', async (address) => {
    const { server, refreshed } = scene();
    server.software = { primary: [LAMP], more: [[0x1003]] };
    server.restart();
    await expect(refreshed(refreshAddress, { addressFor: () => address })).rejects.toMatchObject({
      code: 'provisioning-failed',
      message: expect.stringContaining('Invalid Data'),
    });
    expect(server.address).toBe(0x0100);
  });

  it('needs an address for each element', async () => {
    const { books, refreshed } = scene();
    const none = new MeshError('no-addresses', 'all are taken');
    await expect(refreshed(refreshAddress, { addressFor: () => none })).rejects.toBe(none);
    expect(books.calls).toEqual([]);
  });
});

describe('a refresh that is cut off', () => {
  it('is found to have happened, when the client crashed after it', async () => {
    const { world, client, server, books, options, refreshed } = scene();
    await refreshed(refreshDeviceKey, { settle: () => {} });
    client.restart();
    server.restart();
    books.calls.length = 0;
    const node = await world.until(finishRefresh(client, books.pending!, options()));
    expect(node.after).toEqual(books.pending!.after);
    expect(books.calls).toEqual(['use new', 'settle new']);
  });

  it('is found not to have happened, when the client crashed before it', async () => {
    const { world, client, books, options, refreshed } = scene();
    const crash = refreshed(refreshDeviceKey, {
      keep: (pending) => {
        books.pending = pending;
        throw new MeshError('killed', 'as if the process had been');
      },
    });
    await expect(crash).rejects.toMatchObject({ code: 'killed' });
    await expect(world.until(finishRefresh(client, books.pending!, options(), SHORT))).rejects.toMatchObject({
      code: 'refresh-lost',
    });
    expect(books.calls).toEqual(['use new', 'use old', 'settle old']);
  });

  it('stays uncertain while the node is out of reach, and is found out later', async () => {
    const { world, client, server, books, options, refreshed } = scene();
    const away = refreshed(refreshDeviceKey, {
      asking: SHORT,
      use: (node) => {
        world.deaf.add(server.number);
        options().use(node);
      },
    });
    await expect(away).rejects.toMatchObject({ code: 'refresh-uncertain' });
    expect(books.calls).toEqual(['keep', 'use new', 'use old']);
    world.deaf.clear();
    expect((await world.until(finishRefresh(client, books.pending!, options()))).after).toEqual(books.pending!.after);
  });

  it('does not happen when the node loses power before the link is closed', async () => {
    const { server, books, refreshed } = scene();
    const cut = refreshed(refreshDeviceKey, {
      asking: SHORT,
      keep: (pending) => {
        books.pending = pending;
        server.restart();
      },
    });
    await expect(cut).rejects.toMatchObject({ code: 'link-timeout' });
    expect(server.network.hasDeviceKeyCandidate).toBe(false);
  });

  it('does not happen when the client closes the link with Fail', async () => {
    const { world, server, refreshed } = scene();
    const settled = refreshed(refreshDeviceKey, {
      progress: (state) => {
        // Complete arrives, but the link is lost right then.
        if (state === 'wait-complete') world.deaf.add(server.number);
      },
    });
    await expect(settled).rejects.toMatchObject({ code: 'link-timeout' });
    expect(server.network.hasDeviceKeyCandidate).toBe(false);
  });
});

const SHORT = { attempts: 3, intervalMs: 500 };

function scene(air: { loss?: number; seed?: string } = {}) {
  const world = new RemoteWorld(air);
  const client = world.node(0x0001, [BEFORE.address]);
  const server = world.node(BEFORE.address);
  const books = {
    calls: [] as string[],
    pending: undefined as PendingRefresh | undefined,
    target: BEFORE,
    network: { netKey: NET_KEY, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0 },
  };
  const options = (): RefreshOptions & { addressFor: () => number | MeshError } => ({
    network: () => books.network,
    addressFor: () => NEW_ADDRESS,
    keep: (pending) => {
      books.calls.push('keep');
      books.pending = pending;
    },
    use: ({ address, deviceKey }) => {
      books.calls.push(toHex(deviceKey) === toHex(books.target.deviceKey) ? 'use old' : 'use new');
      client.deviceKeys.set(address, deviceKey);
    },
    settle: (_, refreshed) => books.calls.push(refreshed === undefined ? 'settle old' : 'settle new'),
  });
  type Procedure = typeof refreshAddress;
  const refreshed = (procedure: Procedure, changes: Partial<Parameters<Procedure>[2]> = {}): Promise<RefreshedNode> => {
    const ground = { clock: world.clock, random: new SeededRandom('refresh'), crypto: portableCrypto };
    const means = { ground, client: client.client, configuration: client.configuration };
    return world.until(procedure(means, books.target, { ...options(), ...changes }));
  };
  return { world, client, server, books, options, refreshed };
}

function elements({ access }: RemoteNode): number {
  const decoded = decodeComposition(access.compositionPage(0).data);
  return decoded.ok ? decoded.value.composition.elements.length : 0;
}

async function pass(world: RemoteWorld, ms: number): Promise<void> {
  await world.until(new Promise<void>((resolve) => world.clock.after(ms, resolve)));
}
