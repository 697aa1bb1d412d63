import { describe, expect, it } from 'vitest';
import { RelayQueue, type WaitingPdu } from './relay-queue.ts';

const transmit = { count: 2, intervalMs: 20 };
const pdu = (src: number, seq: number, due = 0): WaitingPdu => ({ src, octets: Uint8Array.of(seq), transmit, due });

/** What comes out from `now` on, as source and sequence number. */
function drain(queue: RelayQueue, now = 0): string[] {
  const taken: string[] = [];
  for (let next = queue.take(now); next !== undefined; next = queue.take(now))
    taken.push(`${next.src}:${next.octets[0]}`);
  return taken;
}

describe('what waits at a relay', () => {
  it('goes out source by source in turn, in order within each', () => {
    const queue = new RelayQueue(8);
    for (const [src, seq] of [
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 7],
      [3, 5],
      [2, 8],
    ] as const)
      queue.add(pdu(src, seq));
    expect(drain(queue)).toEqual(['1:1', '2:7', '3:5', '1:2', '2:8', '1:3']);
    expect(queue.nextDue).toBeUndefined();
  });

  it('waits until it is due; what is due sooner of another source goes first', () => {
    const queue = new RelayQueue(8);
    queue.add(pdu(1, 1, 20));
    queue.add(pdu(2, 1, 10));
    expect(queue.nextDue).toBe(10);
    expect(drain(queue, 9)).toEqual([]);
    expect(drain(queue, 10)).toEqual(['2:1']);
    expect(queue.nextDue).toBe(20);
    expect(drain(queue, 25)).toEqual(['1:1']);
  });

  it('never overtakes what its source sent before: receivers would drop that as replayed', () => {
    const queue = new RelayQueue(8);
    queue.add(pdu(1, 1, 20));
    queue.add(pdu(1, 2, 5));
    expect(drain(queue, 19)).toEqual([]);
    expect(drain(queue, 20)).toEqual(['1:1', '1:2']);
  });

  it('that is full loses the oldest of whoever fills it, not the one acknowledgment of another', () => {
    const queue = new RelayQueue(4);
    const kept = [pdu(2, 9), pdu(1, 1), pdu(1, 2), pdu(1, 3), pdu(1, 4), pdu(1, 5)].map((each) => queue.add(each));
    expect(kept).toEqual([true, true, true, true, false, false]);
    expect(drain(queue)).toEqual(['2:9', '1:3', '1:4', '1:5']);
  });

  it('is gone when it is cleared', () => {
    const queue = new RelayQueue(1);
    queue.add(pdu(1, 1));
    queue.add(pdu(2, 1));
    expect(drain(queue)).toEqual(['2:1']);
    queue.add(pdu(3, 1));
    queue.clear();
    expect(drain(queue)).toEqual([]);
  });
});
