import { MemoryStore, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FirmwareDistributionStart } from './distribution-messages.ts';
import {
  FirmwareDistributionReceiversAdd,
  FirmwareDistributionReceiversGet,
} from './distribution-receivers-messages.ts';
import { ReceiversList } from './receivers-list.ts';
import { Bench } from './testing/distribution-bench.ts';
import { startOf } from './testing/distribution-mesh.ts';
import { newReceiver } from './update-receivers.ts';

/** Every unicast address but that of the Distributor: there are no more nodes in a network. */
const ALL = Array.from({ length: 0x7fff }, (_, i) => ({ address: i + 1, imageIndex: i & 0xff })).filter(
  ({ address }) => address !== 0x0010,
);

describe('a Distributor of as many receivers as a network can have', () => {
  it('takes them by messages, tells them page by page, and starts', () => {
    const store = new MeasuringStore();
    const bench = new Bench({ images: ['590001'], maxReceivers: 65_000, store });
    store.forget();
    for (let at = 0; at < ALL.length; at += 125) {
      const [status] = bench.ask(FirmwareDistributionReceiversAdd, { receivers: ALL.slice(at, at + 125) });
      expect(status).toEqual({ status: 0, receiversListCount: Math.min(at + 125, ALL.length) });
    }
    // A message writes the end of the list: at most two records of 256 receivers.
    expect(store.octets).toBeLessThan(263 * 2 * 256 * 7);
    store.forget();
    const told: { address: number; imageIndex: number }[] = [];
    while (told.length < ALL.length) {
      const [list] = bench.ask(FirmwareDistributionReceiversGet, { firstIndex: told.length, entriesLimit: 0xffff });
      const entries = (list?.entries ?? []) as typeof told;
      for (const { address, imageIndex } of entries) told.push({ address, imageIndex });
    }
    expect(told).toEqual(ALL);
    expect(store.batches).toBe(0);
    expect(bench.ask(FirmwareDistributionStart, startOf())).toMatchObject([{ status: 0, phase: 1 }]);
    expect(bench.server.receivers).toHaveLength(ALL.length);
  });

  it('writes what has changed: one record for a receiver, all progress once in one batch', () => {
    const store = new MeasuringStore();
    const list = new ReceiversList(store, 65_000);
    list.add(ALL);
    const states = ALL.map((receiver) => newReceiver(receiver));
    list.follow(states);
    store.forget();
    for (const state of states.slice(1000, 1100)) {
      state.phase = 2;
      list.keep(state.address);
    }
    expect([store.batches, store.records]).toEqual([100, 100]);
    store.forget();
    list.keepAll();
    expect(store.batches).toBe(0);
    for (const state of states) state.progress = 50;
    list.keepAll();
    list.keepAll();
    expect([store.batches, store.records, store.octets]).toEqual([1, 128, ALL.length * 7]);
    (states[5] as (typeof states)[number]).progress = 60;
    list.keepAll();
    expect([store.batches, store.records]).toEqual([2, 129]);
  });
});

class MeasuringStore extends MemoryStore {
  batches = 0;
  records = 0;
  octets = 0;

  forget(): void {
    this.batches = 0;
    this.records = 0;
    this.octets = 0;
  }

  override batch(writes: Iterable<Write>): void {
    const all = [...writes];
    this.batches++;
    this.records += all.length;
    for (const [, value] of all) this.octets += value?.length ?? 0;
    super.batch(all);
  }
}
