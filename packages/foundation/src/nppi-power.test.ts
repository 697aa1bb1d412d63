import { MemoryStore, MeshError, SeededRandom, type Store, toHex, type Write } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import {
  finishRefresh,
  type PendingRefresh,
  type RefreshOptions,
  refreshAddress,
  refreshComposition,
  refreshDeviceKey,
} from './nppi-client.ts';
import { deviceKeyOf, LAMP, NET_KEY } from './testing/node.ts';
import { RemoteNode, RemoteWorld } from './testing/remote.ts';

const BEFORE = { address: 0x0100, deviceKey: deviceKeyOf(0x0100) };
const SHORT = { attempts: 3, intervalMs: 1000 };

/** A store that loses power in a write: what is written in it and after it is lost, until it is switched on again. */
class CuttingStore implements Store {
  writes = 0;
  /** The write that is the first to be lost. */
  cutAt = Number.POSITIVE_INFINITY;
  onCut: () => void = () => {};
  readonly #records = new MemoryStore();

  get(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  keys(prefix: string): string[] {
    return this.#records.keys(prefix);
  }

  batch(writes: Iterable<Write>): void {
    if (++this.writes === this.cutAt) this.onCut();
    if (this.writes >= this.cutAt) throw new MeshError('store-failed', 'no power');
    this.#records.batch(writes);
  }

  close(): void {}
}

describe.each([
  ['Device Key Refresh', refreshDeviceKey],
  ['Node Composition Refresh', refreshComposition],
  ['Node Address Refresh', refreshAddress],
])('%s', (_, procedure) => {
  it('leaves a node that is the old one or the new one, whole, wherever its power fails', async () => {
    const outcomes = new Map<string, number>();
    for (let cut = 0; ; cut++) {
      const outcome = await cutDuring(procedure as typeof refreshAddress, cut);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome === 'not cut') break;
    }
    expect(Object.fromEntries(outcomes)).toEqual({
      'not cut': 1,
      'as before': expect.any(Number),
      refreshed: expect.any(Number),
    });
  });
});

/** The outcome as the client finds it out when the node has power again. */
async function cutDuring(procedure: typeof refreshAddress, cut: number): Promise<string> {
  const world = new RemoteWorld();
  const client = world.node(0x0001, [BEFORE.address]);
  const store = new CuttingStore();
  const server = new RemoteNode(world.clock, world.air, BEFORE.address, store);
  server.software = { primary: [LAMP], more: [[0x1003]] };
  server.restart();
  const old = stateOf(server);
  let pending: PendingRefresh | undefined;
  const options: RefreshOptions & { addressFor: () => number } = {
    network: () => ({ netKey: NET_KEY, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0 }),
    addressFor: () => 0x0400,
    keep: (kept) => {
      pending = kept;
    },
    use: ({ address, deviceKey }) => client.deviceKeys.set(address, deviceKey),
    settle: () => {},
    asking: SHORT,
  };
  store.cutAt = store.writes + 1 + cut;
  let isCut = false;
  store.onCut = () => {
    isCut = true;
    world.deaf.add(server.number);
  };
  const ground = { clock: world.clock, random: new SeededRandom('refresh'), crypto: portableCrypto };
  const means = { ground, client: client.client, configuration: client.configuration };
  const first = await world.until(procedure(means, BEFORE, options).catch((error: MeshError) => error));
  if (!isCut) return first instanceof MeshError ? first.code : 'not cut';
  store.cutAt = Number.POSITIVE_INFINITY;
  world.deaf.clear();
  server.restart();
  if (pending === undefined) {
    expect(stateOf(server)).toBe(old);
    return 'as before';
  }
  const found = await world.until(finishRefresh(means, pending, options, SHORT).catch((error: MeshError) => error));
  if (found instanceof MeshError) {
    expect(found.code).toBe('refresh-lost');
    expect(stateOf(server)).toBe(old);
    return 'as before';
  }
  expect(found.after.address).toBe(server.address);
  const isMoved = server.address !== BEFORE.address;
  expect(isMoved).toBe(pending.procedure === 'address');
  const { access } = server;
  const isNew = toHex(access.compositionPage(0).data) === toHex(access.compositionPage(128).data);
  expect(isNew).toBe(pending.procedure !== 'device-key');
  return 'refreshed';
}

function stateOf({ address, access }: RemoteNode): string {
  return `${address} ${toHex(access.compositionPage(0).data)}`;
}
