import { portableCrypto } from '@meshferry/crypto';
import { describe, expect, it } from 'vitest';
import { FriendQueue, type QueuedMessage } from './friend-queue.ts';
import { OwnMessage } from './friend-queued.ts';
import { NetKeyMaterial } from './key-material.ts';
import { noKey } from './originator.ts';
import { NET_KEY } from './testing/node.ts';

const { flooding: security } = new NetKeyMaterial(portableCrypto, 0, NET_KEY);

/** A message of a source whose PDUs are just their sequence numbers. */
function message(src: number, ...seqs: number[]): QueuedMessage {
  return { src, pdus: seqs.map((seq) => ({ point: { ivIndex: 0, seq }, encode: () => Uint8Array.of(seq) })) };
}

/** What a queue gives until it is empty; a Friend Update as `more` or `end`. */
function drain(queue: FriendQueue): (number | string | undefined)[] {
  const given: (number | string | undefined)[] = [];
  for (let end = false; !end; ) {
    let update: string | undefined;
    const pdu = queue.next(security, (moreData) => {
      update = moreData ? 'more' : 'end';
      return undefined;
    });
    given.push(update ?? pdu?.[0]);
    end = update === 'end';
  }
  return given;
}

function newQueue(capacity: number): { queue: FriendQueue; dropped: number[] } {
  const dropped: number[] = [];
  return { queue: new FriendQueue(capacity, (pdus) => dropped.push(pdus)), dropped };
}

describe('Friend Queue', () => {
  it('is first in, first out; a Friend Update has its turn and says whether there is more', () => {
    const { queue } = newQueue(10);
    queue.add(message(1, 5));
    queue.addUpdate();
    queue.addUpdate();
    queue.add(message(2, 3));
    expect(queue.length).toBe(2);
    expect(drain(queue)).toEqual([5, 'more', 3, 'end']);
    expect(drain(queue)).toEqual(['end']);
  });

  it('keeps the order of the sequence numbers of one source, not of others', () => {
    const { queue } = newQueue(10);
    queue.add(message(1, 13));
    queue.add(message(2, 1));
    queue.add(message(1, 12, 20, 14));
    expect(drain(queue)).toEqual([12, 13, 1, 14, 20, 'end']);
  });

  it('drops whole messages, the oldest first, what is left of it when a part was delivered; never an Update', () => {
    const { queue, dropped } = newQueue(6);
    queue.addUpdate();
    queue.add(message(1, 1, 2, 3));
    queue.add(message(1, 4, 5));
    expect(queue.next(security, () => Uint8Array.of(99))).toEqual(Uint8Array.of(99));
    expect(queue.next(security, () => undefined)).toEqual(Uint8Array.of(1));
    queue.addUpdate();
    queue.add(message(2, 6, 7, 8));
    expect(dropped).toEqual([2]);
    expect(drain(queue)).toEqual([4, 5, 'more', 6, 7, 8, 'end']);
  });

  it('refuses what is longer than itself, and drops nothing for it', () => {
    const { queue, dropped } = newQueue(2);
    queue.add(message(1, 1));
    expect(queue.add(message(1, 2, 3, 4))).toBe(false);
    expect([dropped, queue.length]).toEqual([[], 1]);
  });

  it('keeps the newest acknowledgment of a message only', () => {
    const { queue, dropped } = newQueue(10);
    for (const seq of [1, 2]) queue.add({ ...message(1, seq), acknowledges: 'a' });
    queue.add({ ...message(1, 3), acknowledges: 'b' });
    expect(dropped).toEqual([]);
    expect(drain(queue)).toEqual([2, 3, 'end']);
  });
});

describe('an own message of a Friend', () => {
  const route = { src: 1, dst: 2, ttl: 5, ctl: false, netIndex: 0, transmit: { count: 1, intervalMs: 20 } };
  const segments = { segN: 2, segment: () => new Uint8Array(16) };

  it('is given up when the IV Index changes between its segments', () => {
    const { queue } = newQueue(10);
    let ivIndex = 5;
    let seq = 0;
    const source = { takeSeq: () => seq++, transmitIvIndex: () => ivIndex };
    queue.add(new OwnMessage({ ...route, segN: 2, encrypt: () => segments }, source));
    expect(queue.next(security, () => undefined)?.length).toBe(29);
    ivIndex = 6;
    expect(drain(queue)).toEqual(['end']);
    expect(queue.length).toBe(0);
  });

  it('is given up without sequence numbers, and without its key', () => {
    const { queue } = newQueue(10);
    const without = { takeSeq: () => noKey('a sequence number'), transmitIvIndex: () => 0 };
    queue.add(new OwnMessage({ ...route, segN: 2, encrypt: () => segments }, without));
    const source = { takeSeq: () => 1, transmitIvIndex: () => 0 };
    queue.add(new OwnMessage({ ...route, segN: 2, encrypt: () => noKey('AppKey 0') }, source));
    expect(queue.length).toBe(6);
    expect(drain(queue)).toEqual(['end']);
  });
});
