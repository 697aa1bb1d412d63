import { Model } from '@meshferry/access';
import type { BridgingEntry } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { BridgedSubnetsList, BridgingTableList, BridgingTableRemove } from './bridge-messages.ts';
import { ConfigurationStatus } from './status-codes.ts';
import { FailingStore } from './testing/failing-store.ts';
import { CLIENT, Pair, refusal, SERVER, TO } from './testing/mesh-1-1.ts';

const { insufficientResources, invalidNetKeyIndex, storageFailure } = ConfigurationStatus;
const ENTRY: BridgingEntry = { directions: 2, netKeyIndex1: 1, netKeyIndex2: 2, address1: 0x10, address2: 0x20 };
const SUBNETS = { netKeyIndex1: 1, netKeyIndex2: 2 };

describe('Bridge Configuration models', () => {
  it('switch the bridge and keep that', async () => {
    const pair = new Pair();
    const { bridge } = pair.clients;
    expect(await pair.until(bridge.subnetBridgeGet(TO))).toBe(false);
    expect(await pair.until(bridge.subnetBridgeSet(TO, true))).toBe(true);
    pair.restart();
    expect(pair.server.network.bridge.enabled).toBe(true);
    expect(await pair.until(bridge.subnetBridgeSet(TO, false))).toBe(false);
  });

  it('fill, read and empty the table', async () => {
    const pair = new Pair();
    const { bridge } = pair.clients;
    await pair.until(bridge.bridgingTableAdd(TO, ENTRY));
    await pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, directions: 1, address2: 0xc001 }));
    await pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, netKeyIndex1: 0 }));
    await pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, directions: 1 }));
    pair.restart();
    expect(await pair.until(bridge.bridgingTable(TO, SUBNETS))).toEqual([
      { ...ENTRY, directions: 1 },
      { ...ENTRY, directions: 1, address2: 0xc001 },
    ]);
    expect(await pair.until(bridge.bridgedSubnets(TO))).toEqual([SUBNETS, { netKeyIndex1: 0, netKeyIndex2: 2 }]);
    expect(await pair.until(bridge.bridgedSubnets(TO, 1))).toEqual([SUBNETS]);
    expect(await pair.until(bridge.bridgedSubnets(TO, 2))).toHaveLength(2);
    await pair.until(bridge.bridgingTableRemove(TO, { ...SUBNETS, address1: 0, address2: 0xc001 }));
    expect(await pair.until(bridge.bridgingTable(TO, SUBNETS))).toHaveLength(1);
    await pair.until(bridge.bridgingTableRemove(TO, { ...SUBNETS, address1: 0, address2: 0 }));
    await pair.until(bridge.bridgingTableRemove(TO, { ...SUBNETS, address1: 0x10, address2: 0x20 }));
    expect(await pair.until(bridge.bridgingTable(TO, SUBNETS))).toEqual([]);
    expect(await pair.until(bridge.bridgedSubnets(TO))).toEqual([{ netKeyIndex1: 0, netKeyIndex2: 2 }]);
    expect(await pair.until(bridge.bridgingTableSizeGet(TO))).toBe(256);
  });

  it('read a table and pairs of any length, and say when it is full', async () => {
    const netKeys = Array.from({ length: 20 }, (_, index) => ({ index, key: new Uint8Array(16).fill(0x10 + index) }));
    const pair = new Pair({ network: { netKeys } });
    const { bridge } = pair.clients;
    const { bridge: table } = pair.server.network;
    for (let i = 0; i < 200; i++) table.add({ ...ENTRY, directions: 1, address2: 0xc000 + i });
    const pairs: { netKeyIndex1: number; netKeyIndex2: number }[] = [SUBNETS];
    for (let netKeyIndex1 = 3; netKeyIndex1 < 20 && pairs.length < 57; netKeyIndex1++) {
      for (const netKeyIndex2 of [0, 1, 2].filter(() => pairs.length < 57)) {
        pairs.push({ netKeyIndex1, netKeyIndex2 });
        table.add({ ...ENTRY, netKeyIndex1, netKeyIndex2 });
      }
    }
    const entries = await pair.until(bridge.bridgingTable(TO, SUBNETS));
    expect(entries.map(({ address2 }) => address2)).toEqual(Array.from({ length: 200 }, (_, i) => 0xc000 + i));
    expect(await pair.until(bridge.bridgedSubnets(TO))).toEqual(pairs);
    while (table.entries.length < table.tableSize) table.add({ ...ENTRY, address2: 0x100 + table.entries.length });
    const full = pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, address2: 0x30 }));
    await expect(full).rejects.toMatchObject(refusal(insufficientResources));
  });

  it('cut lists of pairs to what a message has room for', async () => {
    const pair = new Pair({ network: { limits: { bridgingTable: 400 } } });
    const { bridge } = pair.clients;
    const { network } = pair.server;
    for (let index = 3; index < 160; index++) network.addNetKey(index, new Uint8Array(16).fill(index));
    for (let index = 3; index < 160; index++) network.bridge.add({ ...ENTRY, netKeyIndex1: index });
    const lengths: number[] = [];
    bridge.model.listen(BridgedSubnetsList, ({ pairs }) => lengths.push(pairs.length));
    bridge.model.listen(BridgingTableList, ({ entries }) => lengths.push(entries.length));
    expect(await pair.until(bridge.bridgedSubnets(TO))).toHaveLength(157);
    for (let i = 0; i < 80; i++) network.bridge.add({ ...ENTRY, address2: 0x100 + i });
    expect(await pair.until(bridge.bridgingTable(TO, SUBNETS))).toHaveLength(80);
    expect(lengths).toEqual([125, 32, 0, 74, 6, 0]);
  });

  it('refuse what names a NetKey that is not there, and what cannot be stored', async () => {
    const store = new FailingStore();
    const pair = new Pair({ store });
    const { bridge } = pair.clients;
    const elsewhere = { ...ENTRY, netKeyIndex2: 9 };
    for (const refused of [
      () => bridge.bridgingTableAdd(TO, elsewhere),
      () => bridge.bridgingTableRemove(TO, elsewhere),
      () => bridge.bridgingTable(TO, elsewhere),
    ]) {
      await expect(pair.until<unknown>(refused())).rejects.toMatchObject(refusal(invalidNetKeyIndex));
    }
    await pair.until(bridge.bridgingTableAdd(TO, ENTRY));
    store.refuses = (key) => key === 'network/bridge';
    const add = pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, address1: 5 }));
    await expect(add).rejects.toMatchObject(refusal(storageFailure));
    await expect(pair.until(bridge.bridgingTableRemove(TO, ENTRY))).rejects.toMatchObject(refusal(storageFailure));
    expect(await pair.until(bridge.subnetBridgeSet(TO, true))).toBe(false);
    expect(pair.server.network.bridge.entries).toEqual([ENTRY]);
  });

  it.each([
    ['the same subnet', { netKeyIndex2: 1 }],
    ['Address1 a group', { address1: 0xc001 }],
    ['the same address', { address2: 0x10 }],
    ['all-nodes', { address2: 0xffff }],
  ])('send and take no removal of %s', async (_, wrong) => {
    const { clients } = new Pair();
    const outcome = clients.bridge.bridgingTableRemove(TO, { ...ENTRY, ...wrong });
    await expect(outcome).rejects.toMatchObject({ code: 'bad-field' });
    expect(BridgingTableRemove.check({ ...ENTRY, ...wrong })).toBeDefined();
  });

  it('bridge between two subnets as they were told: a request to a node of another subnet comes back', async () => {
    const answering = new Model({ id: 0x1000, name: 'Lamp' });
    const pair = new Pair({ models: () => [answering] });
    const { bridge } = pair.clients;
    await pair.until(bridge.bridgingTableAdd(TO, { ...ENTRY, address1: CLIENT, address2: SERVER + 0x100 }));
    await pair.until(bridge.subnetBridgeSet(TO, true));
    pair.network.send({
      src: CLIENT,
      dst: SERVER + 0x100,
      key: { kind: 'device', node: SERVER + 0x100 },
      netIndex: 1,
      payload: Uint8Array.of(0x80, 0x0c),
    });
    pair.clock.advance(1000);
    expect(pair.server.network.counters.bridged).toBe(1);
  });
});
