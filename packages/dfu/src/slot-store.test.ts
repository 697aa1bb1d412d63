import { MemoryStore, MeshError, type Store, type Write } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SlotLimits, type SlotReservation, SlotStore } from './slot-store.ts';

const NONE = new Uint8Array(0);

function slotsOn(store: Store, limits: Partial<SlotLimits> = {}): SlotStore {
  return new SlotStore({ store, crypto: portableCrypto, limits });
}

function id(number: number): Uint8Array {
  return Uint8Array.of(0x59, 0, number);
}

function reserved(slots: SlotStore, number: number, size = 10): SlotReservation {
  const reservation = slots.reserve({ firmwareId: id(number), metadata: NONE, size });
  if (reservation instanceof MeshError) throw reservation;
  return reservation;
}

const ids = (slots: SlotStore): number[] => slots.images.map(({ firmwareId }) => firmwareId[2] as number);

describe('SlotStore', () => {
  it('keeps all but the deleted images over a power cut, with indexes from 0', () => {
    const store = new MemoryStore();
    const slots = slotsOn(store);
    reserved(slots, 0);
    for (const number of [1, 2, 3]) slots.add(id(number), Uint8Array.of(number), new Uint8Array(100 * number));
    slots.delete(slots.indexOf(id(2)));
    const after = slotsOn(store);
    expect(after.images).toMatchObject([
      { firmwareId: id(1), size: 100, metadata: Uint8Array.of(1) },
      { firmwareId: id(3), size: 300, metadata: Uint8Array.of(3) },
    ]);
    expect(after.indexOf(id(3))).toBe(1);
    expect(after.reservations).toHaveLength(1);
    after.deleteAll();
    for (const reservation of after.reservations) reservation.release();
    expect(slotsOn(store).images).toEqual([]);
    expect(store.keys('')).toEqual([]);
  });

  it.each([{ images: -1 }, { images: 65_536 }, { imageSize: 10.5 }, { space: Number.POSITIVE_INFINITY }])(
    'takes no limits of %o',
    (limits) => {
      expect(() => slotsOn(new MemoryStore(), limits)).toThrow(Object.keys(limits)[0] as string);
    },
  );

  it('takes no image of which no message could tell', () => {
    const slots = slotsOn(new MemoryStore());
    const octets = new Uint8Array(10);
    for (const length of [0, 1, 109]) {
      expect(() => slots.add(new Uint8Array(length), NONE, octets)).toThrow(`firmware id of ${length} octets`);
    }
    expect(() => slots.add(id(1), new Uint8Array(256), octets)).toThrow('metadata of 256');
    for (const length of [2, 108]) slots.add(new Uint8Array(length), new Uint8Array(255), octets);
    expect(slots.images).toHaveLength(2);
  });

  it('reserves to the limit, and releases a place once only', () => {
    const slots = slotsOn(new MemoryStore(), { images: 2 });
    const [first] = [reserved(slots, 1), reserved(slots, 2)];
    expect(() => reserved(slots, 3)).toThrow('all 2 places');
    first.release();
    first.release();
    reserved(slots, 3);
    expect(() => reserved(slots, 4)).toThrow('all 2 places');
  });

  it('commits once, and only what is whole', () => {
    const slots = slotsOn(new MemoryStore());
    const reservation = reserved(slots, 1, 10);
    expect(reservation.commit()).toBe(false);
    expect(reservation.sink.begin(1n, 9)).toBe(false);
    expect(reservation.sink.begin(1n, 10)).toBe(true);
    reservation.sink.block(8, Uint8Array.of(8, 9));
    expect(reservation.isWhole).toBe(false);
    reservation.sink.block(0, Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    expect(reservation.isWhole).toBe(true);
    expect(slots.images).toEqual([]);
    expect(reservation.commit()).toBe(true);
    expect(reservation.commit()).toBe(false);
    reservation.release();
    expect(reservation.sink.block(0, Uint8Array.of(9))).toBe(false);
    expect(slots.source(0).read(0, 10)).toEqual(Uint8Array.from({ length: 10 }, (_, i) => i));
  });

  it('forgets what was there when the transfer begins anew', () => {
    const slots = slotsOn(new MemoryStore());
    const { sink, ...rest } = reserved(slots, 1, 10);
    sink.block(0, new Uint8Array(10));
    sink.begin(2n, 10);
    expect(rest.commit()).toBe(false);
  });

  it('says what is too large, and counts reserved places', () => {
    const slots = slotsOn(new MemoryStore(), { imageSize: 100, space: 150 });
    expect(() => reserved(slots, 1, 101)).toThrow('an image may have 100');
    const first = reserved(slots, 1, 100);
    expect(slots.remaining).toBe(50);
    expect(() => reserved(slots, 2, 51)).toThrow('50 of 150 are free');
    const image = { firmwareId: id(2), metadata: NONE, size: 90 };
    expect(slots.reserve(image, first)).not.toBeInstanceOf(MeshError);
    expect(slots.remaining).toBe(60);
    expect(() => slots.source(0)).toThrow('no firmware image with index 0');
  });

  it('has an image once', () => {
    const slots = slotsOn(new MemoryStore());
    slots.add(id(1), NONE, new Uint8Array(5));
    expect(() => slots.add(id(1), NONE, new Uint8Array(6))).toThrow('stored already');
  });

  it('notices octets that have changed in the store', () => {
    const store = new MemoryStore();
    const slots = slotsOn(store);
    slots.add(id(1), NONE, new Uint8Array(5000));
    expect(slots.intact(0)?.read(4096, 904)).toEqual(new Uint8Array(904));
    const key = store.keys('data/')[1] as string;
    store.batch([[key, new Uint8Array(904).fill(1)]]);
    expect(slots.intact(0)).toBeUndefined();
    store.batch([[key, null]]);
    expect(slots.intact(0)).toBeUndefined();
  });

  it('reads any part of any image, whatever blocks it came in', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer({ min: 0, max: 6 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
        (octets, log, parts) => {
          const slots = slotsOn(new MemoryStore());
          const reservation = reserved(slots, 1, octets.length);
          const block = 8 << log;
          for (let at = 0; at < octets.length; at += block) reservation.sink.block(at, octets.subarray(at, at + block));
          expect(reservation.commit()).toBe(true);
          const source = slots.source(0);
          for (const [a, b] of parts) {
            const from = a % octets.length;
            const length = b % (octets.length - from + 1);
            expect(source.read(from, length)).toEqual(octets.slice(from, from + length));
          }
        },
      ),
      { numRuns: 500 }, // a store, no codec
    );
  });

  it('is a whole list of images after a power cut at any write', () => {
    const writes = (store: Store) => {
      const slots = slotsOn(store);
      slots.add(id(1), NONE, new Uint8Array(9000));
      slots.add(id(2), NONE, new Uint8Array(100));
      slots.delete(0);
      slots.add(id(3), NONE, new Uint8Array(200));
    };
    const seen = new Set<string>();
    for (let at = 1; at < 20; at++) {
      const store = new FailingStore(at);
      try {
        writes(store);
      } catch (thrown) {
        expect(String(thrown)).toMatch(/power|could not be stored/);
      }
      store.heal();
      const slots = slotsOn(store);
      for (const index of slots.images.keys()) expect(slots.intact(index)).toBeDefined();
      seen.add(ids(slots).join());
    }
    expect([...seen]).toEqual(['', '1', '1,2', '2', '2,3']);
  });
});

/** Does nothing any more from one write on. */
class FailingStore extends MemoryStore {
  #left: number;

  constructor(at: number) {
    super();
    this.#left = at;
  }

  heal(): void {
    this.#left = Number.POSITIVE_INFINITY;
  }

  override batch(writes: Iterable<Write>): void {
    if (--this.#left <= 0) throw new Error('the power failed');
    super.batch(writes);
  }
}
