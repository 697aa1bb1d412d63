import assert from 'node:assert/strict';
import { fromHex, toHex } from '@meshferry/core';
import type { FirmwareImage, SlotReservation, SlotStore } from '@meshferry/dfu';
import { type Case, specified } from '../case.ts';
import { octets } from '../testing/client-setup.ts';
import { DistributorSetup, firmwareStatus } from '../testing/distributor-setup.ts';
import { le16, u8 } from '../testing/settings.ts';

const SLOTS = 5;

/** The n-th image: each has another firmware id, size and metadata. */
function image(n: number): FirmwareImage & { readonly content: string } {
  const size = 100 + n;
  return { firmwareId: fromHex(`5900${u8(n)}`), metadata: new Uint8Array(n).fill(n), size, content: octets(size) };
}

function reserve(slots: SlotStore, n: number): SlotReservation {
  const reservation = slots.reserve(image(n));
  assert.ok('commit' in reservation, `place ${n}: ${'message' in reservation ? reservation.message : ''}`);
  return reservation;
}

/** With all its octets, not committed. */
function fill(slots: SlotStore, n: number): SlotReservation {
  const reservation = reserve(slots, n);
  assert.equal(reservation.sink.begin(1n, image(n).size), true);
  assert.equal(reservation.sink.block(0, fromHex(image(n).content)), true);
  return reservation;
}

/** Exactly these images, in this order, octet by octet over the air and from the store. */
function imagesAre(setup: DistributorSetup, ...numbers: readonly number[]): void {
  const { slots } = setup;
  assert.equal(slots.images.length, numbers.length);
  for (const [index, n] of numbers.entries()) {
    const { firmwareId, metadata, size, content } = image(n);
    setup.exchange(`8324${le16(index)}`, firmwareStatus(0, numbers.length, index, toHex(firmwareId)));
    setup.exchange(`8323${toHex(firmwareId)}`, firmwareStatus(0, numbers.length, index, toHex(firmwareId)));
    assert.deepEqual([slots.images[index]?.size, slots.images[index]?.metadata], [size, metadata]);
    assert.equal(toHex(slots.source(index).read(0, size)), content);
  }
  setup.exchange(`8324${le16(numbers.length)}`, firmwareStatus(4, numbers.length, numbers.length));
}

function isFull(slots: SlotStore): void {
  const refusal = slots.reserve(image(9));
  assert.ok('code' in refusal);
  assert.equal(refusal.code, 'images-list-full');
}

export const slotCases: readonly Case[] = [
  specified('dfu_slot', 'all but the first committed, the second deleted, power cycles, all deleted', () => {
    const setup = new DistributorSetup({ limits: { images: SLOTS } });
    const reservations = [0, 1, 2, 3, 4].map((n) => fill(setup.slots, n));
    for (const reservation of reservations.slice(1)) assert.equal(reservation.commit(), true);
    imagesAre(setup, 1, 2, 3, 4);
    setup.exchange(`8325${toHex(image(1).firmwareId)}`, firmwareStatus(0, 3, 0xffff, toHex(image(1).firmwareId)));
    imagesAre(setup, 2, 3, 4);
    setup.reboot();
    imagesAre(setup, 2, 3, 4);
    setup.exchange('8326', firmwareStatus(0, 0));
    imagesAre(setup);
    setup.reboot();
    imagesAre(setup);
    // All places are free again, also that of the first one.
    for (const n of [0, 1, 2, 3, 4]) assert.equal(fill(setup.slots, n).commit(), true);
    imagesAre(setup, 0, 1, 2, 3, 4);
  }),
  specified('dfu_slot_reservation', 'all reserved, one more, released twice, reserved again: full', () => {
    const { slots } = new DistributorSetup({ limits: { images: SLOTS } });
    const { remaining } = slots;
    const reservations = [0, 1, 2, 3, 4].map((n) => reserve(slots, n));
    isFull(slots);
    reservations[4]?.release();
    reservations[4]?.release();
    assert.equal(slots.remaining, remaining - 100 - 101 - 102 - 103);
    reserve(slots, 4);
    isFull(slots);
    assert.equal(slots.remaining, remaining - 510);
    assert.deepEqual(slots.images, []);
  }),
  specified('dfu_slot_idempotency', 'release, commit, delete twice: the second time without damage', () => {
    const setup = new DistributorSetup({ limits: { images: SLOTS } });
    const { slots } = setup;
    const [first, second] = [fill(slots, 1), fill(slots, 2)];
    first.release();
    first.release();
    assert.equal(first.commit(), false, 'a released place cannot be committed');
    assert.equal(second.commit(), true);
    assert.equal(second.commit(), false);
    second.release();
    imagesAre(setup, 2);
    assert.equal(fill(slots, 3).commit(), true);
    slots.delete(0);
    imagesAre(setup, 3);
    assert.throws(() => slots.delete(1), { code: 'no-such-image' });
    imagesAre(setup, 3);
    setup.exchange('8325590002', firmwareStatus(0, 1, 0xffff, '590002'));
    imagesAre(setup, 3);
    assert.equal(slots.remaining, 8000 - 103);
  }),
];
