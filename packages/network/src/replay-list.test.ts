import { fromHex, MemoryStore, type Store } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { IvIndexState } from './iv-index.ts';
import { MessageCache } from './message-cache.ts';
import { ReplayList } from './replay-list.ts';
import { SEQ_MAX, SequenceAllocator } from './sequence.ts';
import { network as vectors } from './testing/vectors.ts';

describe('replay protection list', () => {
  // What is a segment and what is recorded when is driven through the whole receiver in network-layer.test.ts; here the
  // list is told what the receiver would tell it.
  it.each(vectors.replayProtection)('$id', (v) => {
    const list = new ReplayList(new MemoryStore(), v.capacity ?? 100);
    for (const { src = 1, iv, seq } of v.start ?? []) list.record(src, iv, seq);
    for (const step of v.steps) {
      const { src = 1, iv, seq } = step;
      const pending = 'storedAfter' in step && step.storedAfter === null;
      if (pending || 'ack' in step) expect(list.accepts(src, iv, seq)).toBe(true);
      else expect(list.record(src, iv, seq)).toBe(step.accept);
      if (!('storedAfter' in step)) continue;
      const stored = step.storedAfter;
      expect(list.last(src)).toEqual(stored === null ? undefined : { ivIndex: stored?.iv, seq: stored?.seq });
    }
  });

  it('is the same after a restart, once written', () => {
    const store = new MemoryStore();
    const list = new ReplayList(store, 10);
    list.record(5, 0xffff_fffe, 0x123456);
    list.recordSeqAuth(5, 0x0001, 0xffff_fffe, 0x123450);
    list.recordSeqAuth(5, 0xc123, 0xffff_fffe, 0x1000);
    list.record(0x7fff, 1, 0);
    expect(list.hasUnwritten).toBe(true);
    expect(new ReplayList(store, 10).size).toBe(0);
    list.flush();
    expect(list.hasUnwritten).toBe(false);
    list.record(5, 0xffff_ffff, 0); // not written
    const again = new ReplayList(store, 10);
    expect(again.last(5)).toEqual({ ivIndex: 0xffff_fffe, seq: 0x123456 });
    expect(again.lastSeqAuth(5, 1)).toMatchObject({ ivIndex: 0xffff_fffe, seq: 0x123450 });
    expect(again.lastSeqAuth(5, 0xc123)).toMatchObject({ seq: 0x1000 });
    expect(again.lastSeqAuth(5, 2)).toBeUndefined();
    expect(again.last(0x7fff)).toEqual({ ivIndex: 1, seq: 0 });
    expect(again.size).toBe(2);
  });
});

describe('message cache', () => {
  const sized = vectors.messageCache.find((v) => v.id === 'cache-size-2')!;
  it(sized.why, () => {
    const cache = new MessageCache(sized.capacity!);
    const outcomes = sized.entries!.map(({ src, seq, iv }) => {
      if (cache.has(src, seq, iv)) return 'drop (cached)';
      cache.add(src, seq, iv);
      return 'process';
    });
    expect(outcomes).toEqual(sized.expect);
  });

  it('tells apart IV Index, SRC and SEQ', () => {
    const cache = new MessageCache(4);
    cache.add(0x7fff, SEQ_MAX, 0xffff_ffff);
    expect(cache.has(0x7fff, SEQ_MAX, 0xffff_ffff)).toBe(true);
    expect(cache.has(0x7fff, SEQ_MAX, 0xffff_fffe)).toBe(false);
    expect(cache.has(0x7ffe, SEQ_MAX, 0xffff_ffff)).toBe(false);
    expect(cache.has(0x7fff, SEQ_MAX - 1, 0xffff_ffff)).toBe(false);
    expect(cache.has(0, 0, 0)).toBe(false);
  });
});

describe('a large message cache', () => {
  it('holds the last messages of sources that send one SEQ after the other, and no more than its capacity', () => {
    const cache = new MessageCache(256);
    for (let seq = 0; seq < 1000; seq++) for (const src of [1, 0x100, 0x2345]) cache.add(src, seq, 0);
    let held = 0;
    for (let seq = 0; seq < 1000; seq++) for (const src of [1, 0x100, 0x2345]) if (cache.has(src, seq, 0)) held++;
    expect(held).toBe(256);
    for (let seq = 950; seq < 1000; seq++) expect(cache.has(0x100, seq, 0)).toBe(true);
  });
});

describe('sequence numbers', () => {
  it('are never given twice, whenever the process ends', () => {
    const store = new MemoryStore();
    let last = -1;
    for (const uses of [1, 0, 300, 256, 2, 0, 0, 513]) {
      const sequence = new SequenceAllocator(store);
      for (let i = 0; i < uses; i++) {
        const seq = sequence.take()!;
        expect(seq).toBeGreaterThan(last);
        last = seq;
      }
    }
    expect(last).toBeLessThan(1072 + 7 * 256);
  });

  it('are stored ahead, in blocks', () => {
    const store = new MemoryStore();
    let writes = 0;
    const counting: Store = {
      get: (key) => store.get(key),
      keys: (prefix) => store.keys(prefix),
      batch: (changes) => {
        writes++;
        store.batch(changes);
      },
      close: () => {},
    };
    const sequence = new SequenceAllocator(counting);
    expect(writes).toBe(0);
    for (let i = 0; i < 1000; i++) sequence.take();
    expect(writes).toBe(4);
  });

  it('end at 0xFFFFFF', () => {
    const store = new MemoryStore();
    store.batch([['seq', fromHex('00fffffe')]]);
    const sequence = new SequenceAllocator(store);
    expect([sequence.take(), sequence.take(), sequence.take()]).toEqual([SEQ_MAX - 1, SEQ_MAX, undefined]);
    expect(new SequenceAllocator(store).take()).toBeUndefined();
  });
});

describe('IV Index', () => {
  it('is what the store holds, else what was given', () => {
    const store = new MemoryStore();
    expect(new IvIndexState(store, 0x1234_5678).current).toBe(0x1234_5678);
    const again = new IvIndexState(store, 7);
    expect([again.current, again.updating, again.transmit]).toEqual([0x1234_5678, false, 0x1234_5678]);
  });

  it('transmits with the one before while it is being updated', () => {
    const store = new MemoryStore();
    store.batch([['iv', fromHex('1234567901')]]);
    const state = new IvIndexState(store, 0);
    expect([state.current, state.updating, state.transmit]).toEqual([0x1234_5679, true, 0x1234_5678]);
  });

  it('is chosen by the IVI bit on reception; before 0 there is none', () => {
    const state = new IvIndexState(new MemoryStore(), 0);
    expect([state.select(0), state.select(1)]).toEqual([0, -1]);
    const largest = new IvIndexState(new MemoryStore(), 0xffff_ffff);
    expect([largest.select(1), largest.select(0)]).toEqual([0xffff_ffff, 0xffff_fffe]);
  });
});
