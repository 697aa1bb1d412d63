import { MemoryStore, type Write } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { ReceiversList } from './receivers-list.ts';
import { newReceiver } from './update-receivers.ts';

const many = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => ({ address: from + i, imageIndex: i & 0xff }));

describe('ReceiversList', () => {
  it('holds tens of thousands, in order, and is the same after a power cut', () => {
    const store = new MemoryStore();
    const list = new ReceiversList(store, 65_000);
    expect(list.add(many(32_767))).toBe(true);
    expect(list.add([{ address: 5, imageIndex: 200 }])).toBe(true);
    const after = new ReceiversList(store, 65_000);
    expect(after.count).toBe(32_767);
    expect(after.all).toEqual(list.all);
    expect(after.page(4, 1)).toMatchObject([{ address: 5, imageIndex: 200, retrievedUpdatePhase: 10 }]);
  });

  it('writes only the records that change', () => {
    const store = new CountingStore();
    const list = new ReceiversList(store, 65_000);
    list.add(many(1000));
    store.written.length = 0;
    list.add([{ address: 0x4000, imageIndex: 0 }]);
    expect(store.written).toEqual(['0003']);
  });

  it('shows what an update knows, keeps what it is told to keep, and all of it in the end', () => {
    const store = new MemoryStore();
    const list = new ReceiversList(store, 10);
    list.add(many(2));
    const states = many(2).map((receiver) => ({ ...newReceiver(receiver), phase: 2, progress: 33.7 }));
    list.follow(states);
    expect(list.page(0, 10)).toMatchObject([
      { retrievedUpdatePhase: 2, transferProgress: 33 },
      { retrievedUpdatePhase: 2, transferProgress: 33 },
    ]);
    list.keep(1);
    expect(new ReceiversList(store, 10).all.map((receiver) => receiver.retrievedUpdatePhase)).toEqual([2, 10]);
    list.unfollow();
    expect(new ReceiversList(store, 10).all.map((receiver) => receiver.retrievedUpdatePhase)).toEqual([2, 2]);
    list.reset();
    expect(new ReceiversList(store, 10).all).toMatchObject([
      { retrievedUpdatePhase: 10, transferProgress: 0 },
      { retrievedUpdatePhase: 10, transferProgress: 0 },
    ]);
    list.clear();
    expect(store.keys('')).toEqual([]);
    expect(list.count).toBe(0);
  });

  it('leaves a receiver at Applying Update that left the network as it should', () => {
    const list = new ReceiversList(new MemoryStore(), 10);
    list.add(many(3));
    const effects = [0, 3, 3];
    list.follow(many(3).map((receiver, i) => ({ ...newReceiver(receiver), phase: i < 2 ? 8 : 9, effect: effects[i] })));
    list.unfollow();
    expect(list.all.map(({ retrievedUpdatePhase }) => retrievedUpdatePhase)).toEqual([8, 6, 9]);
  });

  it('is what the store holds when that refuses to write', () => {
    const store = new CountingStore();
    const list = new ReceiversList(store, 10);
    list.add(many(2));
    store.broken = true;
    expect(() => list.add(many(5))).toThrow('broken');
    expect(list.count).toBe(2);
    expect(list.page(0, 9).map(({ address }) => address)).toEqual([1, 2]);
  });

  it('knows nothing of a receiver that is added again, though the end of its update could not be stored', () => {
    const store = new CountingStore();
    const list = new ReceiversList(store, 10);
    list.add(many(2));
    list.follow(many(2).map((receiver) => ({ ...newReceiver(receiver), phase: 9 })));
    store.broken = true;
    expect(() => list.unfollow()).toThrow('broken');
    store.broken = false;
    list.add([{ address: 2, imageIndex: 7 }]);
    expect(list.all).toMatchObject([
      { imageIndex: 0, retrievedUpdatePhase: 9 },
      { imageIndex: 7, retrievedUpdatePhase: 10 },
    ]);
  });
});

class CountingStore extends MemoryStore {
  readonly written: string[] = [];
  broken = false;

  override batch(writes: Iterable<Write>): void {
    if (this.broken) throw new Error('broken');
    const all = [...writes];
    this.written.push(...all.map(([key]) => key));
    super.batch(all);
  }
}
