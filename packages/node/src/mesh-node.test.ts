import {
  ConfigCompositionDataGet,
  ConfigCompositionDataStatus,
  decodeComposition,
  Model,
  message,
  u8,
} from '@meshferry/access';
import { memoryAir } from '@meshferry/bearer';
import { type Clock, MemoryStore, SeededRandom, type Store, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { ConfigurationClient } from '@meshferry/foundation';
import { describe, expect, it } from 'vitest';
import { MeshNode, type MeshNodeOptions } from './mesh-node.ts';

const Ping = message({ name: 'Ping', opcode: 0xc10100, source: 'this test', fields: { number: u8() } });

describe('a composed node', () => {
  it('tells its composition under its device key, the Configuration and Health Server first', () => {
    const { clock, client, models, server } = pair();
    const heard: unknown[] = [];
    models.configuration.listen(ConfigCompositionDataStatus, ({ page, data }) => heard.push([page, data]));
    models.configuration.send(ConfigCompositionDataGet, { page: 0 }, { dst: 2, deviceKeyOf: 2 });
    clock.advance(2000);
    expect(heard).toEqual([[0, server.access.compositionPage0()]]);
    const composition = decodeComposition(server.access.compositionPage0());
    expect(composition.ok && composition.value.composition.elements[0]?.sigModels.slice(0, 2)).toEqual([
      0x0000, 0x0002,
    ]);
    client.close();
  });

  it.each([
    ['without the Proxy feature', 1, undefined, [0x0000, 0x0002, 0x0008, 0x000a, 0x000e, 0x0010, 0x0012]],
    ['with it', 3, undefined, [0x0000, 0x0002, 0x0008, 0x000a, 0x000c, 0x000e, 0x0010, 0x0012, 0x0014]],
    ['that is to have none', 3, [], [0x0000, 0x0002]],
    ['of choice', 3, ['directed-forwarding', 'sar'] as const, [0x0000, 0x0002, 0x0006, 0x000e]],
  ])('has foundation servers on its primary element: a node %s', (_, features, servers, models) => {
    const clock = new VirtualClock();
    const identity = { cid: 1, pid: 2, vid: 3, crpl: 10, features };
    const options = { identity, ...(servers && { servers }) };
    const composed = node(clock, 2, [new Model({ id: 0x1000, name: 'Lamp' })], new MemoryStore(), options);
    const { elements } = composed.access.composition;
    expect(elements[0]?.sigModels).toEqual([...models, 0x1000]);
    const decoded = decodeComposition(composed.access.compositionPage0());
    expect(decoded.ok && decoded.value.composition.elements).toEqual(elements);
  });

  it('has no Remote Provisioning Server without its options', () => {
    const servers = { servers: ['remote-provisioning'] as const };
    expect(() => node(new VirtualClock(), 2, [], new MemoryStore(), servers)).toThrow(
      expect.objectContaining({ code: 'bad-field', hint: expect.stringContaining('remote') }),
    );
  });

  it('forgets the bindings to an AppKey that is removed', () => {
    const { models, server } = pair();
    expect(models.ponged.appKeys).toEqual([0]);
    server.network.keys.removeAppKey(0);
    expect(models.ponged.appKeys).toEqual([]);
  });

  it('hears what is sent to all relays while it is one, from the start or from when it becomes one', () => {
    const { clock, models, server, pings } = pair();
    const sendToRelays = (): void => {
      models.pinging.send(Ping, { number: 1 }, { dst: 0xfffe });
      clock.advance(1000);
    };
    sendToRelays();
    expect(pings).toHaveLength(0);
    server.network.relay = { count: 1, intervalMs: 20 };
    sendToRelays();
    expect(pings).toHaveLength(1);
  });

  it('goes on after a restart with the keys it was left with', () => {
    const store = new MemoryStore();
    const first = pair(store);
    first.server.network.keys.addAppKey(5, 0, new Uint8Array(16).fill(9));
    first.server.close();
    const second = pair(store);
    expect(second.server.network.keys.appIndexes()).toEqual([0, 5]);
  });

  it('that is reset forgets its network, first of all whoever keeps its keys, and leaves the air', async () => {
    const order: string[] = [];
    const store = new MemoryStore();
    const own = storeView(store, 'application/');
    own.batch([['image', Uint8Array.of(1)]]);
    const leave = (): void => {
      order.push(`leaves with ${store.keys('network/').length > 0 ? 'its keys' : 'nothing'}`);
    };
    const { clock, client, configurationClient, server } = pair(store, { leave });
    server.health.raise(1);
    const reset = configurationClient.node.nodeReset({ address: 2 }).then(() => order.push('told'));
    clock.advance(1000);
    await reset;
    expect(order).toEqual(['leaves with its keys', 'told']);
    expect(store.keys('')).toEqual(['application/image']);
    clock.advance(60_000);
    const again = configurationClient.node.defaultTtlGet({ address: 2 }, { attempts: 1, intervalMs: 1000 });
    clock.advance(5000);
    await expect(again).rejects.toMatchObject({ code: 'no-response' });
    client.close();
  });

  it('keeps no timer once it is closed', () => {
    const { clock, client, server, models } = pair();
    models.pinging.send(Ping, { number: 1 }, { dst: 2 });
    clock.advance(5);
    client.close();
    server.close();
    clock.advance(60_000);
    expect(clock.nextAt).toBeUndefined();
  });
});

/** A client at 1 and a server at 2, in reach of each other. */
function pair(serverStore: Store = new MemoryStore(), more: Partial<MeshNodeOptions> = {}) {
  const clock = new VirtualClock();
  const air = memoryAir(clock, new SeededRandom('air'));
  const configurationClient = new ConfigurationClient();
  const configuration = configurationClient.model;
  const pinging = new Model({ id: 0x0001_0001, name: 'Pinging' });
  const ponged = new Model({ id: 0x0001_0002, name: 'Ponged' });
  const pings: number[] = [];
  ponged.handle(Ping, ({ number }) => pings.push(number));
  const client = node(clock, 1, [configuration, pinging], new MemoryStore());
  const server = node(clock, 2, [ponged], serverStore, more);
  for (const member of [client, server]) member.attach(air.join().advertising);
  pinging.bind(0);
  ponged.bind(0);
  return { clock, client, configurationClient, server, pings, models: { configuration, pinging, ponged } };
}

function node(
  clock: Clock,
  address: number,
  models: Model[],
  store: Store,
  more: Partial<MeshNodeOptions> = {},
): MeshNode {
  return new MeshNode({
    clock,
    random: new SeededRandom(`node ${address}`),
    crypto: portableCrypto,
    store,
    address,
    keys: {
      deviceKey: deviceKeyOf(address),
      netKeys: [{ index: 0, key: new Uint8Array(16).fill(1) }],
      appKeys: [{ index: 0, netIndex: 0, key: new Uint8Array(16).fill(2) }],
    },
    identity: { cid: 1, pid: 2, vid: 3, crpl: 10, features: 1 },
    elements: [{ location: 0, models }],
    deviceKeyOf,
    ...more,
  });
}

function deviceKeyOf(address: number): Uint8Array {
  return new Uint8Array(16).fill(0x10 + address);
}
