import { describe, expect, it } from 'vitest';
import * as messages from './messages.ts';
import { Bench, SERVER, TESTER } from './testing/bench.ts';

const GET = messages.BlobBlockGet.encode({});
const CHUNK = messages.BlobChunkTransfer.encode({ chunkNumber: 5, data: new Uint8Array(8).fill(6) });

/** In the middle of a block, with all messages that leave held back in the stack. */
function answering(pull = false): Bench {
  const bench = new Bench({ push: true, pull: true });
  bench.expect();
  bench.start(pull ? { transferMode: 'pull' } : {});
  bench.blockStart(0);
  bench.holds = true;
  bench.sent.length = 0;
  return bench;
}

describe('a Block Status that is still on its way', () => {
  it('is taken back when a chunk comes: the client has gone on', () => {
    const bench = answering();
    bench.tell(GET);
    expect(bench.held).toBe(1);
    bench.tell(CHUNK);
    expect(bench.held).toBe(0);
  });

  it('is not sent at all when a chunk comes before it leaves', () => {
    const bench = answering();
    bench.receive(GET);
    bench.receive(CHUNK);
    bench.clock.advance(1000);
    expect(bench.sent).toEqual([]);
  });

  it('answers a later request as well: it says the same', () => {
    const bench = answering();
    bench.tell(GET);
    bench.tell(GET);
    expect([bench.sent.length, bench.held]).toEqual([1, 1]);
  });

  it('begins anew for a third request: it must have got stuck', () => {
    const bench = answering();
    for (let i = 0; i < 3; i++) bench.tell(GET);
    expect([bench.sent.length, bench.held]).toEqual([2, 1]);
  });

  it('makes way for one that says something else', () => {
    const bench = answering();
    bench.tell(GET);
    bench.tell(messages.BlobBlockStart.encode({ blockNumber: 9, chunkSize: 8 }));
    expect([bench.sent.length, bench.held]).toEqual([2, 1]);
  });

  it('is no answer any more once it has left', () => {
    const bench = answering();
    bench.holds = false;
    bench.tell(GET);
    bench.tell(GET);
    expect(bench.sent.length).toBe(2);
  });

  it('stays when another client asks or sends', () => {
    const bench = answering();
    bench.tell(GET);
    bench.receive(CHUNK, SERVER, TESTER + 1);
    bench.receive(GET, SERVER, TESTER + 1);
    bench.clock.advance(60);
    expect(bench.held).toBe(2);
  });

  it('stays when a chunk comes in pull mode: it may be for another server', () => {
    const bench = answering(true);
    bench.tell(GET);
    bench.tell(CHUNK);
    expect(bench.held).toBe(1);
  });
});

describe('a Block Status', () => {
  it('goes out in two copies if it is short, else once and without pauses between its segments', () => {
    const bench = new Bench().bring(3);
    bench.tell(GET);
    expect(bench.sent.at(-1)).toMatchObject({ transmit: { count: 2 } });
    const long = new Bench();
    long.expect();
    long.start({ blobSize: 1024, blockSizeLog: 10 });
    long.blockStart(0);
    long.chunk(0);
    long.tell(GET);
    expect(long.sent.at(-1)).toMatchObject({ sar: { segmentIntervalStep: 0 }, transmit: { count: 1 } });
  });

  it('goes out as the node says with stock settings', () => {
    const stock = new Bench({}, undefined, {}, 'stock').bring(3);
    stock.tell(GET);
    expect(Object.keys(stock.sent.at(-1)!)).not.toContain('sar');
    expect(Object.keys(stock.sent.at(-1)!)).not.toContain('transmit');
  });
});
