import { octetsOf, requireNetKey } from '@meshferry/cdb';
import { MemoryStore, SeededRandom, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetKeyMaterial } from '@meshferry/network';
import { describe, expect, it } from 'vitest';
import { KeyRefreshJob, type KeyRefreshProgress } from './key-refresh-job.ts';
import { configureNode } from './profile-apply.ts';
import { MODEL, NetworkBench } from './testing/network-bench.ts';

const PROFILE = { models: [{ model: MODEL, bind: [0] }] };
const code = (expected: string) => expect.objectContaining({ code: expected, hint: expect.stringMatching(/\w/) });

/** A network of `devices` nodes that have NetKey 0 and AppKey 0. */
async function configured(devices: number): Promise<{ bench: NetworkBench; job: KeyRefreshJob; store: MemoryStore }> {
  const store = new MemoryStore();
  const bench = new NetworkBench({ devices, store });
  for (const [i] of bench.devices.entries()) {
    await bench.provision(i);
    await bench.run(configureNode(bench.network, 2 + i, PROFILE));
  }
  return { bench, store, job: new KeyRefreshJob(bench.network) };
}

const random = new SeededRandom('new keys');
const states = ({ nodes }: KeyRefreshProgress) => nodes.map(({ state }) => state);

describe('a key refresh of the whole network', () => {
  it('ends with new keys everywhere, and the old ones nowhere', async () => {
    const { bench, job } = await configured(3);
    const before = bench.network.document;
    const seen: string[] = [];
    const report = await bench.run(job.run({ random, onProgress: ({ stage }) => seen.push(stage) }));
    expect(report).toMatchObject({ stage: 'done', netIndex: 0 });
    expect(states(report)).toEqual(['done', 'done', 'done']);
    expect([...new Set(seen)]).toEqual(['distributing', 'switching', 'revoking', 'done']);
    const { document } = bench.network;
    expect(requireNetKey(document, 0)).toMatchObject({ phase: 0 });
    expect(requireNetKey(document, 0)).not.toHaveProperty('oldKey');
    expect(document.netKeys[0]?.key).not.toBe(before.netKeys[0]?.key);
    expect(document.appKeys[0]?.key).not.toBe(before.appKeys[0]?.key);
    expect(
      document.nodes.flatMap(({ netKeys, appKeys }) => [...netKeys, ...appKeys].map(({ updated }) => updated)),
    ).toEqual(Array(8).fill(false));
    const networkId = new NetKeyMaterial(portableCrypto, 0, octetsOf(document.netKeys[0]?.key ?? '')).networkId;
    for (const node of [bench.network.node, ...bench.devices.map((device) => device.node)]) {
      expect(node?.network.keys.phase(0)).toBe(0);
      expect(toHex(node?.network.beacons.encode('secure-network', 0)?.subarray(2, 10) ?? new Uint8Array())).toBe(
        toHex(networkId),
      );
    }
    expect(await bench.run(configureNode(bench.network, 3, { defaultTtl: 9 }))).toEqual(['Default TTL 9']);
    expect(job.unfinished).toBeUndefined();
    await expect(bench.run(job.run({ random, resume: true }))).rejects.toEqual(code('no-key-refresh'));
    bench.close();
  });

  it('waits for nodes that do not answer, and goes on when they are back', async () => {
    const { bench, job } = await configured(3);
    const silent = bench.devices[1];
    silent?.node?.close();
    const waiting = await bench.run(job.run({ random }));
    expect(waiting.stage).toBe('distributing');
    expect(states(waiting)).toEqual(['has-keys', 'silent', 'has-keys']);
    expect(waiting.nodes[1]?.error).toEqual(code('no-response'));
    expect(job.unfinished).toBe(0);
    await expect(bench.run(job.run({ random }))).rejects.toEqual(code('key-refresh-unfinished'));
    expect(bench.devices[0]?.node?.network.keys.phase(0)).toBe(1);
    bench.close();
  });

  it('leaves out whom it is told to: they lose the network', async () => {
    const { bench, job } = await configured(3);
    bench.devices[1]?.node?.close();
    await bench.run(job.run({ random }));
    const report = await bench.run(job.run({ random, resume: true, exclude: [3] }));
    expect(report.stage).toBe('done');
    expect(states(report)).toEqual(['done', 'excluded', 'done']);
    expect(bench.network.document.nodes[2]?.excluded).toBe(true);
    expect(bench.network.node.network.keys.phase(0)).toBe(0);
    bench.close();
  });

  it('is not for the own node to be left out of, nor for nobody', async () => {
    const { bench, job } = await configured(1);
    await expect(bench.run(job.run({ random, netIndex: 7 }))).rejects.toEqual(code('unknown-netkey'));
    expect(job.unfinished).toBeUndefined();
    await expect(bench.run(job.run({ random, exclude: [1] }))).rejects.toEqual(code('own-node'));
    await expect(bench.run(job.run({ random, resume: true, exclude: [9] }))).rejects.toEqual(code('unknown-node'));
    bench.close();
  });

  it('takes in a device that comes while it is under way', async () => {
    const store = new MemoryStore();
    const bench = new NetworkBench({ devices: 3, store });
    await bench.provision(0);
    await bench.run(configureNode(bench.network, 2, PROFILE));
    const job = new KeyRefreshJob(bench.network);
    await bench.provision(1);
    bench.devices[1]?.node?.close();
    await bench.run(job.run({ random }));
    const late = await bench.provision(2);
    expect(late.netKeys).toEqual([{ index: 0, updated: false }]);
    const report = await bench.run(job.run({ random, resume: true, exclude: [3] }));
    expect(states(report)).toEqual(['done', 'excluded', 'done']);
    expect(await bench.run(configureNode(bench.network, 4, PROFILE))).toHaveLength(2);
    bench.close();
  });

  it.each(['wait-capabilities', 'wait-random', 'wait-complete'] as const)(
    'waits for a device whose provisioning is under way (%s): it gets the new keys with the others',
    async (when) => {
      const bench = new NetworkBench({ devices: 1 });
      const job = new KeyRefreshJob(bench.network);
      let refresh: Promise<KeyRefreshProgress> | undefined;
      await bench.provision(0, {
        onState: (state) => {
          if (state === when) refresh = job.run({ random });
        },
      });
      const { stage } = await bench.run(refresh as Promise<KeyRefreshProgress>);
      expect(stage).toBe('done');
      expect(bench.devices[0]?.node?.network.keys.phase(0)).toBe(0);
      expect(await bench.run(configureNode(bench.network, 2, PROFILE))).toHaveLength(2);
      bench.close();
    },
  );

  it('has the own node send beacons until it is finished: who misses a message can follow them', async () => {
    const { bench, job } = await configured(2);
    bench.devices[1]?.node?.close();
    await bench.run(job.run({ random }));
    const { beacons } = bench.network.node.network;
    expect(beacons.secureNetwork).toBe(true);
    const sent = bench.network.node.network.counters.beaconsSent;
    bench.clock.advance(30_000);
    expect(bench.network.node.network.counters.beaconsSent).toBeGreaterThan(sent);
    const { stage } = await bench.run(job.run({ random, resume: true, exclude: [3] }));
    expect([stage, beacons.secureNetwork]).toEqual(['done', false]);
    bench.close();
  });
});
