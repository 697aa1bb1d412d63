import { describe, expect, it } from 'vitest';
import { BlobPhase } from './constants.ts';
import { Bench, BLOB_ID } from './testing/bench.ts';

/** A server whose higher model cancels the transfer from within one of its callbacks. */
describe('a server that is cancelled from within', () => {
  const moments = ['begin', 'started', 'block', 'told of a block', 'resumed', 'complete'] as const;

  it.each(moments)('%s: is inactive, tells nothing more, stores nothing', (moment) => {
    for (const transferMode of ['push', 'pull'] as const) {
      const bench = new Bench();
      const cancel = (at: string): void => {
        if (at === moment) bench.server.cancel();
      };
      const begin = bench.flash.begin.bind(bench.flash);
      bench.flash.begin = (id, size) => {
        cancel('begin');
        return begin(id, size);
      };
      const block = bench.flash.block.bind(bench.flash);
      bench.flash.block = (offset, data) => {
        cancel('block');
        return block(offset, data);
      };
      const complete = bench.events.complete;
      Object.assign(bench.events, {
        started: () => cancel('started'),
        block: () => cancel('told of a block'),
        resumed: () => cancel('resumed'),
        complete: () => {
          cancel('complete');
          return complete();
        },
      });
      bench.expect();
      bench.start({ transferMode });
      if (moment === 'resumed') {
        bench.clock.advance(60_000);
        bench.start({ transferMode });
      }
      bench.blockStart(1);
      bench.receive(chunk(0));
      bench.receive(chunk(1));
      bench.blockStart(0);
      for (let i = 0; i < 8; i++) bench.receive(chunk(i));
      bench.get();
      expect(bench.server.phase).toBe(BlobPhase.inactive);
      expect(bench.store.keys('')).toEqual([]);
      expect(bench.told.filter((line) => line !== 'suspended')).toEqual(moment === 'complete' ? ['complete'] : []);
      const { length } = bench.sent;
      bench.clock.advance(200_000);
      expect(bench.sent).toHaveLength(length);
      expect(bench.restart()).toBe(false);
    }
  });

  it('may be told to expect the next BLOB when it is complete', () => {
    const bench = new Bench();
    Object.assign(bench.events, { complete: () => void bench.expect({ blobId: 5n }) });
    bench.bring(4);
    expect(bench.server).toMatchObject({ blobId: 5n, phase: BlobPhase.waitingForTransferStart });
    expect(bench.restart()).toBe(true);
    expect(bench.server.blobId).toBe(5n);
  });

  it('is complete for its higher model when the power fails before that knew', () => {
    const bench = new Bench();
    const told: string[] = [];
    Object.assign(bench.events, {
      complete: () => {
        told.push('complete');
        if (told.length === 1) throw new Error('power cut');
      },
    });
    bench.bring(2);
    bench.blockStart(1);
    bench.chunk(0);
    bench.chunk(1);
    bench.blockStart(0);
    for (let i = 0; i < 7; i++) bench.chunk(i);
    expect(() => bench.receive(chunk(7))).toThrow('power cut');
    expect(bench.restart()).toBe(true);
    expect([told, bench.server.phase, bench.server.blobId]).toEqual([
      ['complete', 'complete'],
      BlobPhase.complete,
      BLOB_ID,
    ]);
    expect(bench.store.keys('')).toEqual([]);
  });
});

function chunk(number: number): Uint8Array {
  return Uint8Array.of(0x66, number, 0, ...new Uint8Array(8).fill(number + 1));
}
