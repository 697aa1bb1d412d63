import { AD_MESH_BEACON, type Advertising, memoryAir } from '@meshferry/bearer';
import { addAppKey, hexNumber, type NetworkDocument, octetsOf, writeNetworkDocument } from '@meshferry/cdb';
import { MemoryStore, MeshError, SeededRandom, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { encodeMeshPrivateBeacon, encodeSecureNetworkBeacon, NetKeyMaterial } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { type HeardIvIndex, listenForIvIndex, takeOver } from './adopt.ts';
import { MeshNetwork } from './mesh-network.ts';
import { importNetwork } from './network-begin.ts';
import { nodeHealth } from './network-health.ts';
import { NetworkState } from './network-state.ts';
import { configureNode } from './profile-apply.ts';
import { NetworkBench } from './testing/network-bench.ts';

const code = (expected: string) => expect.objectContaining({ code: expected, hint: expect.stringMatching(/\w/) });
const random = new SeededRandom('taker');
const wallTime = (): number => 0;

/** A network of another provisioner with one node, and its document. */
async function otherNetwork(): Promise<{ bench: NetworkBench; text: string }> {
  const bench = new NetworkBench();
  await bench.provision(0);
  await bench.run(configureNode(bench.network, 2, { beacon: true, appKeys: [0] }));
  return { bench, text: writeNetworkDocument(bench.network.document) };
}

describe('a network that was run from another tool', () => {
  it('is taken over: the IV Index is heard, the address is its own, the node is reached', async () => {
    const { bench, text } = await otherNetwork();
    const store = new MemoryStore();
    const { state } = importNetwork(storeView(store, 'network/'), text);
    expect(writeNetworkDocument(state.document)).toBe(text);
    expect(() => new MeshNetwork({ ...ground(bench, store), state, wallTime })).toThrow(code('not-adopted'));
    const { advertising } = bench.air.join();
    const iv = await bench.run(heard(bench.clock, state.document, advertising));
    expect(iv).toMatchObject({ ivIndex: 0, ivUpdate: false });
    const { address } = takeOver(state, { name: 'Taker', iv, random, wallTime });
    expect(() => takeOver(state, { name: 'Taker', iv, random, wallTime })).toThrow(code('already-adopted'));
    const addresses = state.document.nodes.map(({ unicastAddress }) => hexNumber(unicastAddress));
    expect(addresses).toEqual([1, 2, address]);
    expect(address).toBeGreaterThan(0x1000);
    const network = new MeshNetwork({ ...ground(bench, store), state, wallTime });
    network.node.attach(advertising);
    expect(await bench.run(configureNode(network, 2, { defaultTtl: 9 }))).toEqual(['Default TTL 9']);
    network.close();
    bench.close();
    const again = NetworkState.open(storeView(store, 'network/'));
    expect(again?.own).toEqual(state.own);
    expect(again?.document).toEqual(state.document);
  });

  it('does not get the address of a provisioner that is gone, nor one that was set aside', async () => {
    const { bench, text } = await otherNetwork();
    bench.close();
    const document = JSON.parse(text);
    document.networkExclusions = [{ ivIndex: 7, addresses: ['1001', '1002'] }];
    const { state } = importNetwork(new MemoryStore(), JSON.stringify(document));
    const { address } = takeOver(state, { name: 'Taker', iv: { ivIndex: 9, ivUpdate: false }, random, wallTime });
    expect(address).toBe(0x1003);
    expect(state.own).toMatchObject({ ivIndex: 9, ivUpdating: false });
  });

  it('that is no document is refused, and so is a second one', () => {
    const store = new MemoryStore();
    expect(() => importNetwork(store, '{}')).toThrow(code('bad-document'));
    expect(NetworkState.open(store)).toBeUndefined();
  });
});

describe('listening for the IV Index', () => {
  const netKey = (document: NetworkDocument, index = 0) =>
    new NetKeyMaterial(portableCrypto, index, octetsOf(document.netKeys[index]?.key ?? ''));
  const state = { keyRefresh: false, ivUpdate: true, ivIndex: 41 };

  /** What is heard of these beacons. */
  async function listening(beacons: (document: NetworkDocument) => readonly Uint8Array[]) {
    const { bench } = await otherNetwork();
    const { document } = bench.network;
    bench.close();
    const clock = new VirtualClock();
    const air = memoryAir(clock, new SeededRandom('air'));
    const outcomes: (HeardIvIndex | MeshError)[] = [];
    const cancel = listenForIvIndex(
      document,
      { clock, crypto: portableCrypto, advertising: air.join().advertising, timeoutMs: 30_000 },
      (outcome) => outcomes.push(outcome),
    );
    const sender = air.join().advertising;
    for (const data of beacons(document)) {
      sender.send({ type: AD_MESH_BEACON, data }, { count: 1, intervalMs: 20 }, () => {});
    }
    clock.advance(60_000);
    cancel();
    return outcomes;
  }

  it('takes Secure Network and Mesh Private beacons', async () => {
    const secure = (document: NetworkDocument) => {
      const key = netKey(document);
      return encodeSecureNetworkBeacon(key.beacon, key.networkId, state);
    };
    expect(await listening((document) => [secure(document), secure(document)])).toEqual([
      expect.objectContaining(state),
    ]);
    const hidden = (document: NetworkDocument) =>
      encodeMeshPrivateBeacon(netKey(document).privateBeacon, new Uint8Array(13).fill(5), state);
    expect(await listening((document) => [hidden(document)])).toEqual([expect.objectContaining(state)]);
  });

  it('does not believe what nobody with the key has said', async () => {
    const foreign = new NetKeyMaterial(portableCrypto, 0, new Uint8Array(16).fill(3));
    const outcomes = await listening((document) => {
      const forged = encodeSecureNetworkBeacon(foreign.beacon, netKey(document).networkId, state);
      return [
        forged,
        encodeSecureNetworkBeacon(foreign.beacon, foreign.networkId, state),
        new Uint8Array(23),
        new Uint8Array(2),
      ];
    });
    expect(outcomes).toEqual([code('no-beacon')]);
  });

  it('can be given up', async () => {
    const { bench } = await otherNetwork();
    const clock = new VirtualClock();
    const { advertising } = memoryAir(clock, random).join();
    const cancel = listenForIvIndex(bench.network.document, { clock, crypto: portableCrypto, advertising }, () => {
      throw new Error('told after it was cancelled');
    });
    cancel();
    clock.advance(120_000);
    expect(clock.nextAt).toBeUndefined();
    bench.close();
  });
});

describe('what is kept of a network', () => {
  it('knows keys that were added, and the own node has them', async () => {
    const { bench } = await otherNetwork();
    const { network } = bench;
    network.change(
      addAppKey(network.document, { name: 'B', index: 9, boundNetKey: 0, key: new Uint8Array(16).fill(9) }),
    );
    expect(network.node.network.keys.appIndexes()).toEqual([0, 9]);
    expect(network.document.nodes[0]?.appKeys.map(({ index }) => index)).toEqual([0, 9]);
    expect(network.health.model.appKeys).toEqual([0, 9]);
    network.change({ ...network.document, appKeys: network.document.appKeys.filter(({ index }) => index !== 9) });
    expect(network.node.network.keys.appIndexes()).toEqual([0]);
    bench.close();
  });

  it('is asked for the health of a node', async () => {
    const { bench } = await otherNetwork();
    await expect(bench.run(nodeHealth(bench.network, 2))).rejects.toEqual(code('health-not-bound'));
    await bench.run(configureNode(bench.network, 2, { models: [{ model: 0x0002, bind: [0] }] }));
    expect(await bench.run(nodeHealth(bench.network, 2, { attentionSeconds: 7 }))).toEqual({
      companyId: 0x0059,
      testId: 0,
      faults: [],
      attentionSeconds: 7,
      fastPeriodDivisor: 0,
    });
    expect(await bench.run(nodeHealth(bench.network, 2, { clear: true, test: 0 }))).toMatchObject({ faults: [] });
    bench.close();
  });
});

function heard(clock: VirtualClock, document: NetworkDocument, advertising: Advertising): Promise<HeardIvIndex> {
  return new Promise((resolve, reject) => {
    listenForIvIndex(document, { clock, crypto: portableCrypto, advertising }, (outcome) => {
      if (outcome instanceof MeshError) reject(outcome);
      else resolve(outcome);
    });
  });
}

function ground({ clock }: NetworkBench, store: MemoryStore) {
  return { clock, random, crypto: portableCrypto, store: storeView(store, 'node/') };
}
