import type { MemoryStore } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, describe, expect, it } from 'vitest';
import { cutEverywhere } from './testing/initiator-cuts.ts';
import { InitiatorWorld } from './testing/initiator-world.ts';
import { firmware } from './testing/update-world.ts';

const URI = 'sim:targets=0,unprovisioned=2,radio=ideal,block=10';

let made: MadeFirmware;
/** Where each life begins: two devices that were provisioned, and never configured. */
let from: MemoryStore;

beforeAll(async () => {
  made = await firmware(1500);
  const world = new InitiatorWorld(URI);
  await world.provisionAll();
  from = world.copy();
});

describe('an Initiator that is killed at any of its writes', () => {
  it.each(['before', 'after'] as const)('%s it is durable, and resumes, updates all targets', async (moment) => {
    const request = { targets: [2, 3], group: 0xc123 };
    const points = await cutEverywhere({ uri: URI, from, made, request, blocks: 6, removals: 8 }, moment);
    expect(points).toBeGreaterThan(100);
  });
});
