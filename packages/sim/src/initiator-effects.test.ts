import { hexNumber, nodeRange } from '@meshferry/cdb';
import { MemoryStore } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { configureNode, type JobReport, type NodeProfile } from '@meshferry/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { InitiatorWorld, type Moment } from './testing/initiator-world.ts';
import { firmware } from './testing/update-world.ts';

let made: MadeFirmware;
const NEW = '59000101000000000000';
const GROUP = 0xc123;
const OTHER_GROUP = 0xc777;

/** How the first node is configured, for good and for other purposes: that must not get lost. */
const PROFILE: NodeProfile = {
  defaultTtl: 9,
  models: [
    { model: 0x1402, element: 0, bind: [0], subscribe: [OTHER_GROUP] },
    {
      model: 0x0002,
      element: 0,
      bind: [0],
      publish: {
        to: 0x0001,
        appKey: 0,
        ttl: 7,
        friendship: false,
        periodMs: 10_000,
        retransmit: { count: 2, intervalMs: 50 },
      },
    },
  ],
};

beforeAll(async () => {
  made = await firmware(1500);
});

/** Two devices that are nodes; only the first is configured. */
async function network(keys: string): Promise<InitiatorWorld> {
  const world = new InitiatorWorld(uriOf(keys));
  await world.provisionAll();
  await world.run(configureNode(world.network, 2, PROFILE));
  return world;
}

const uriOf = (keys: string): string => `sim:targets=0,unprovisioned=2,radio=ideal,block=10,${keys}`;
const ends = (report: JobReport): unknown[] => report.targets.map(({ phase, error }) => [phase, error?.code ?? null]);
const notices = (report: JobReport): unknown[] => report.targets.map(({ notice }) => notice);
const update = (world: InitiatorWorld, more = {}, resume = false): Promise<JobReport> =>
  world.run(world.job.run(world.request(made, { targets: [2, 3], group: GROUP, ...more }), { resume }));

/** The configuration of a node in the document, by the profile that asked for it. */
function expectConfigured(world: InitiatorWorld, address: number, isFirst: boolean): void {
  const { elements, defaultTTL } = world.entry(address);
  const model = (id: string) => elements[0]?.models.find(({ modelId }) => modelId === id);
  if (!isFirst) {
    expect(model('1402')).toMatchObject({ bind: [], subscribe: [] });
    return;
  }
  expect(defaultTTL).toBe(9);
  expect(model('1402')).toMatchObject({ bind: [0], subscribe: ['C777'] });
  expect(model('0002')).toMatchObject({ bind: [0], publish: { address: '0001', ttl: 7 } });
}

describe('after an image that changes the composition', () => {
  it('the node is refreshed by itself, configured as before, and the document has its new key and composition', async () => {
    const world = await network('models=full,effect=composition');
    const before = [2, 3].map((address) => world.entry(address));
    const report = await update(world);
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
    expect(notices(report)).toEqual([null, null]);
    await expectRefreshed(world, before);
  });

  it('also when the process is killed at any write of that', async () => {
    const uri = 'models=full,effect=composition';
    const start = await network(uri);
    const before = [2, 3].map((address) => start.entry(address));
    const from = start.copy();
    const [first, all] = await writesOfRefresh(uri, from);
    expect(all - first).toBeGreaterThan(20);
    for (let at = first; at <= all; at++) {
      const moment: Moment = at % 2 === 0 ? 'before' : 'after';
      const world = await killedAt(uri, from, at, moment);
      const report = world.job.saved() === undefined ? undefined : await update(world, {}, true);
      if (report !== undefined) {
        expect(ends(report), `killed ${moment} ${at}`).toEqual(Array(2).fill(['applied', null]));
        expect(notices(report), `killed ${moment} ${at}`).toEqual([null, null]);
      }
      await expectRefreshed(world, before);
    }
  });

  it('without remote provisioning the user is told what is left to do', async () => {
    const world = await network('effect=composition-norpr');
    const report = await update(world);
    expect(notices(report)).toEqual(Array(2).fill(expect.stringContaining('reset and provisioned again')));
    expect(ends(report)).toEqual(Array(2).fill(['applied', null]));
  });
});

describe('after an image that takes the nodes out of the network', () => {
  it('they leave the document, their addresses are set aside', async () => {
    const world = await network('effect=unprovision');
    const report = await update(world);
    expect(ends(report)).toEqual(Array(2).fill(['unprovisioned', null]));
    expect(notices(report)).toEqual(Array(2).fill(expect.stringContaining('provision it again (UUID ')));
    expect(world.document.nodes.map(({ unicastAddress }) => unicastAddress)).toEqual(['0001']);
    expect(world.document.networkExclusions).toMatchObject([{ addresses: ['0002', '0003'] }]);
    expect(report.notUndone).toBeNull();
  });

  it('they are provisioned again, and configured as before, when the user asks for it', async () => {
    const world = await network('effect=unprovision');
    const report = await update(world, { reprovision: true });
    expect(ends(report)).toEqual(Array(2).fill(['unprovisioned', null]));
    expect(notices(report)).toEqual([expect.stringContaining('0x0004'), expect.stringContaining('0x0005')]);
    expect(world.running()).toEqual([NEW, NEW]);
    expectConfigured(world, 4, true);
    expectConfigured(world, 5, false);
    expect(world.configurationOf(world.device(0))).toEqual({
      bind: [[0], []],
      subscribe: [[OTHER_GROUP], [OTHER_GROUP]],
      keys: [0],
    });
  });

  it('also when the process is killed while they are', async () => {
    const start = await network('effect=unprovision');
    const from = start.copy();
    const request = { reprovision: true };
    const [first, all] = await writesOfRefresh('effect=unprovision', from, request);
    for (let at = first; at <= all; at += 2) {
      const world = await killedAt('effect=unprovision', from, at, 'after', request);
      if (world.job.saved() !== undefined) await update(world, {}, true);
      const uuids = new Set(world.document.nodes.map(({ UUID }) => UUID));
      expect(uuids.size, `killed after ${at}`).toBe(3);
      const [one = 0, two = 0] = world.world.devices.map(({ address }) => address);
      expectConfigured(world, one, true);
      expectConfigured(world, two, false);
    }
  });
});

/** The composition and the device key of the nodes in the document are those that they really have. */
async function expectRefreshed(
  world: InitiatorWorld,
  before: readonly { readonly deviceKey?: string }[],
): Promise<void> {
  for (const [i, address] of [2, 3].entries()) {
    const node = world.entry(address);
    expect(node.deviceKey).not.toBe(before[i]?.deviceKey);
    expect(await world.run(world.network.readComposition(address))).toEqual(node);
    const { page } = await world.run(world.network.configuration.node.compositionDataGet({ address }, 128));
    expect(page).toBe(128);
    const ids = node.elements.flatMap(({ models }) => models.map(({ modelId }) => hexNumber(modelId)));
    expect(ids).toContain(0x1402);
    expect(nodeRange(node).address).toBe(address);
    expectConfigured(world, address, i === 0);
  }
}

/** The first and the last write of a whole job from when it follows what the image did. */
async function writesOfRefresh(keys: string, from: MemoryStore, request = {}): Promise<readonly [number, number]> {
  const world = new InitiatorWorld(uriOf(keys), copyOf(from));
  const { writes } = world;
  let first = 0;
  await world.run(
    world.job.run(world.request(made, { targets: [2, 3], group: GROUP, ...request }), {
      onProgress: ({ phase }) => {
        if (phase === 'refreshing') first ||= world.writes - writes;
      },
    }),
  );
  return [first, world.writes - writes];
}

async function killedAt(
  keys: string,
  from: MemoryStore,
  at: number,
  moment: Moment,
  request = {},
): Promise<InitiatorWorld> {
  const world = new InitiatorWorld(uriOf(keys), copyOf(from));
  const killed = world.killAt(at, moment);
  await world.run(
    Promise.race([world.job.run(world.request(made, { targets: [2, 3], group: GROUP, ...request })), killed]),
  );
  await world.wait(at % 3 === 0 ? 100 : 5000);
  world.kill();
  world.start();
  return world;
}

function copyOf(from: MemoryStore): MemoryStore {
  const copy = new MemoryStore();
  copy.batch(from.keys('').map((key) => [key, from.get(key) ?? null]));
  return copy;
}
