import { AD_MESH_MESSAGE } from '@meshferry/bearer';
import { hexNumber, octetsOf } from '@meshferry/cdb';
import { MemoryStore, type MeshError, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { KeyRefreshJob } from './key-refresh-job.ts';
import { Observer } from './observer.ts';
import { configureNode } from './profile-apply.ts';
import { KilledStore } from './testing/killed-store.ts';
import { MODEL, NetworkBench, uuidOf } from './testing/network-bench.ts';

const PROFILE = { defaultTtl: 7, models: [{ model: MODEL, bind: [0], subscribe: [0xc000] }] };

/** Every so many writes one run is killed; 1 is all of them. */
const STRIDE = 1;

type Work = (bench: NetworkBench) => Promise<unknown>;

/**
 * Runs `work` and kills the provisioner at its `at`-th write, then starts it again on what it had written; undefined when
 * `work` was done before.
 */
async function killedAt(at: number, late: boolean, prepared: Work, work: Work): Promise<NetworkBench | undefined> {
  const store = new KilledStore();
  const bench = new NetworkBench({ devices: 2, store, seed: `cut ${at} ${late}` });
  await bench.run(prepared(bench));
  let killed = false;
  const gone = new Promise<void>((resolve) => {
    store.cutAfter(at, late, () => {
      // Later than the write, which is not to see its node vanish.
      queueMicrotask(() => {
        killed = true;
        bench.kill();
        resolve();
      });
    });
  });
  const done = work(bench);
  done.catch(() => {});
  await bench.run(
    Promise.race([
      gone,
      done.then(
        () => {},
        () => gone,
      ),
    ]),
  );
  if (!killed) return undefined;
  // What was on its way to the devices arrives.
  bench.clock.advance(100_000);
  bench.open(store.survived());
  return bench;
}

/** All devices as nodes of the document, whatever became of them before. */
async function finishProvisioning(bench: NetworkBench): Promise<string[]> {
  const ways: string[] = [];
  for (const [i, device] of bench.devices.entries()) {
    const { network } = bench;
    const known = network.document.nodes.find(({ UUID }) => toHex(octetsOf(UUID)) === toHex(uuidOf(i)));
    if (known !== undefined) {
      ways.push('in the document');
      continue;
    }
    if (network.state.pending.get(uuidOf(i)) === undefined) {
      ways.push('not provisioned as far as we know');
      expect(device.state).toBe('unprovisioned');
      await network.provision({ uuid: uuidOf(i), bearer: bench.bearer }).node;
      continue;
    }
    const error = await network.provision({ uuid: uuidOf(i), bearer: bench.bearer }).node.then(
      () => undefined,
      (thrown: MeshError) => thrown,
    );
    expect(error).toMatchObject({ code: 'provisioning-uncertain', hint: expect.stringContaining('--recover') });
    try {
      await network.recover(uuidOf(i), { attempts: 2 });
      ways.push('recovered');
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'no-response' });
      network.giveUp(uuidOf(i));
      ways.push('given up');
      expect(device.state).toBe('unprovisioned');
      await network.provision({ uuid: uuidOf(i), bearer: bench.bearer }).node;
    }
  }
  return ways;
}

/** Every device is the node that the document has, with the key that it has, at an address that is its alone. */
function expectConsistent(bench: NetworkBench): void {
  const { nodes } = bench.network.document;
  expect(nodes).toHaveLength(1 + bench.devices.length);
  const addresses = nodes.map(({ unicastAddress }) => unicastAddress);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(new Set(nodes.map(({ deviceKey }) => deviceKey)).size).toBe(nodes.length);
  const excluded = bench.network.document.networkExclusions?.flatMap((list) => list.addresses) ?? [];
  for (const address of addresses) expect(excluded).not.toContain(address);
  for (const [i, device] of bench.devices.entries()) {
    const node = nodes.find(({ UUID }) => toHex(octetsOf(UUID)) === toHex(uuidOf(i)));
    expect(device.node?.address).toBe(hexNumber(node?.unicastAddress ?? ''));
  }
  expect(bench.network.state.pending.all).toEqual([]);
}

/** No (source, IV Index, SEQ) was ever used for two PDUs, in no life of the provisioner. */
function expectNoReplay(bench: NetworkBench, netKeys: readonly string[]): void {
  const observer = new Observer(portableCrypto, {
    ivIndexes: [0],
    netKeys: netKeys.map((key) => ({ index: 0, key: octetsOf(key) })),
    appKeys: [],
    deviceKeys: [],
    labels: [],
  });
  let opened = 0;
  for (const { at, data } of bench.heard) {
    const observed = observer.hear(AD_MESH_MESSAGE, data);
    if (observed.kind !== 'network') continue;
    opened++;
    expect(observed.error, `at ${at}`).not.toBe('replay');
  }
  expect(opened).toBeGreaterThan(0);
}

async function both(bench: NetworkBench): Promise<void> {
  for (const i of bench.devices.keys()) await bench.network.provision({ uuid: uuidOf(i), bearer: bench.bearer }).node;
}

async function configure(bench: NetworkBench): Promise<void> {
  for (const address of [2, 3]) await configureNode(bench.network, address, PROFILE);
}

describe.each([
  ['right after', false],
  ['just before the next', true],
])('a provisioner that is killed %s any of its writes', (_, late) => {
  it('while it provisions: every device is in the document, or the way out is known', async () => {
    const ways = new Map<string, number>();
    for (let at = 1; ; at += STRIDE) {
      const bench = await killedAt(at, late, async () => {}, both);
      if (bench === undefined) break;
      for (const way of await bench.run(finishProvisioning(bench))) ways.set(way, (ways.get(way) ?? 0) + 1);
      bench.clock.advance(5000);
      expectConsistent(bench);
      await bench.run(
        configureNode(bench.network, hexNumber(bench.network.document.nodes[1]?.unicastAddress ?? ''), PROFILE),
      );
      expectNoReplay(
        bench,
        bench.network.document.netKeys.map(({ key }) => key),
      );
      bench.close();
    }
    expect([...ways.keys()]).toEqual(
      expect.arrayContaining(['in the document', 'not provisioned as far as we know', late ? 'recovered' : 'given up']),
    );
  });

  it('while it configures: the profile is finished when it is applied again', async () => {
    let cuts = 0;
    for (let at = 1; ; at += STRIDE) {
      const bench = await killedAt(at, late, both, configure);
      if (bench === undefined) break;
      cuts++;
      await bench.run(configure(bench));
      expectConsistent(bench);
      for (const { node } of bench.devices) {
        const model = node?.access.modelAt(node.address, MODEL);
        expect([model?.appKeys, model?.subscriptions.map(({ address }) => address)]).toEqual([[0], [0xc000]]);
        expect(node?.network.defaultTtl).toBe(7);
      }
      expect(await bench.run(configureNode(bench.network, 2, PROFILE))).toEqual([]);
      expectNoReplay(
        bench,
        bench.network.document.netKeys.map(({ key }) => key),
      );
      bench.close();
    }
    expect(cuts).toBeGreaterThan(20);
  });

  it('while it refreshes the keys: the refresh is finished when it is resumed', async () => {
    let cuts = 0;
    const prepared: Work = async (bench) => {
      await both(bench);
      await configure(bench);
    };
    for (let at = 1; ; at += STRIDE) {
      const values: string[] = [];
      const bench = await killedAt(at, late, prepared, (first) => {
        values.push(...first.network.document.netKeys.map(({ key }) => key));
        first.network.state.changes.subscribe(({ netKeys }) => values.push(...netKeys.map(({ key }) => key)));
        return refresh(first);
      });
      if (bench === undefined) break;
      cuts++;
      const job = new KeyRefreshJob(bench.network);
      const before = bench.network.document.netKeys[0]?.key;
      // Killed before it began, or when it had ended, there is nothing to resume.
      const resume = job.unfinished !== undefined;
      const report = await bench.run(job.run({ random: bench.network.random, resume }));
      expect(report.stage, `killed at write ${at}`).toBe('done');
      expect(report.nodes.map(({ state }) => state)).toEqual(['done', 'done']);
      const [netKey] = bench.network.document.netKeys;
      expect(netKey).toMatchObject({ phase: 0 });
      expect(netKey?.key === before).toBe(resume);
      for (const { node } of [...bench.devices, bench.network]) expect(node?.network.keys.phase(0)).toBe(0);
      expect(await bench.run(configureNode(bench.network, 3, { defaultTtl: 9 }))).toEqual(['Default TTL 9']);
      expectConsistent(bench);
      expectNoReplay(bench, [...new Set([...values, ...bench.network.document.netKeys.map(({ key }) => key)])]);
      bench.close();
    }
    expect(cuts).toBeGreaterThan(20);
  });
});

function refresh({ network }: NetworkBench): Promise<unknown> {
  return new KeyRefreshJob(network).run({ random: network.random });
}

it('never gives the numbers of another life', async () => {
  const store = new MemoryStore();
  const bench = new NetworkBench({ store });
  await bench.provision(0);
  for (let life = 0; life < 3; life++) {
    await bench.run(configureNode(bench.network, 2, { defaultTtl: 5 + life }));
    bench.kill();
    bench.open(store);
  }
  expectNoReplay(
    bench,
    bench.network.document.netKeys.map(({ key }) => key),
  );
  bench.close();
});
