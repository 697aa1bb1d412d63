import { type Log, MemoryStore, toHex } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import { beforeAll, expect, it } from 'vitest';
import { firmware, type RunOptions, UpdateWorld } from './testing/update-world.ts';

let made: MadeFirmware;

beforeAll(async () => {
  made = await firmware();
});

// One hop and losses, relays whose copies cross, pull, a Friend's queue, the network layer of a proxy.
it.each<[string, RunOptions]>([
  ['targets=10,loss=0.1', {}],
  ['targets=5,controller=single,sets=2,peer=stock', {}],
  ['targets=6,topology=grid,relays=all,hops=3,loss=0.05', {}],
  ['targets=3,distributor=1', { mode: 'pull', distributor: 0x0002 }],
  ['targets=3,lowpower=1,friends=1', {}],
  ['targets=3,proxies=1,link=gatt', { unicast: true }],
])('an update of %s is the same, octet for octet, with shared decryption and without', async (keys, options) => {
  const [on, off] = [await recorded(`sim:${keys},memo=on`, options), await recorded(`sim:${keys},memo=off`, options)];
  expect(on.phases).toEqual(on.phases.map(() => 'applied'));
  expect(on.log.length).toBeGreaterThan(0);
  expect(on).toEqual(off);
});

/** All that can be told of a run: what was on the air and when, what was logged and reported, what is stored. */
async function recorded(uri: string, options: RunOptions) {
  const store = new MemoryStore();
  const log: string[] = [];
  const note: Log = (level, message, details) => log.push(`${level} ${message} ${json(details)}`);
  const run = new UpdateWorld(uri, { store, log: note });
  const report = await run.update(made, options);
  return {
    air: run.trace.digest(),
    events: run.trace.events,
    log: [...log, ...run.progress.map(json)],
    report: json(report),
    phases: report?.targets.map(({ phase }) => phase) ?? [],
    radio: run.world.radio.stats,
    store: store.keys('').map((key) => `${key} ${toHex(store.get(key)!)}`),
  };
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}` : member)) ?? '';
}
