import assert from 'node:assert/strict';
import { fromHex, toHex } from '@meshferry/core';
import { FirmwareDistributionReceiversList } from '@meshferry/dfu';
import { type Case, specified } from '../case.ts';
import {
  DistributorSetup,
  FIRST_RECEIVER,
  firmwareStatus,
  OTHER_FIRMWARE_ID,
  RECEIVERS_DELETE_ALL,
  receiverEntry,
  receiversAdd,
  receiversList,
  receiversStatus,
} from '../testing/distributor-setup.ts';
import { le16 } from '../testing/settings.ts';
import { NEW_ID } from '../testing/target-device.ts';

/** Receivers in one message. */
const PAGE = 74;
/** Of an unsegmented Receivers Add. */
const FEW = 3;

function addresses(count: number): number[] {
  return Array.from({ length: count }, (_, i) => FIRST_RECEIVER + i);
}

/** Sends what may take many segments, and so may the answer; gives it. */
function askLong(setup: DistributorSetup, hex: string): string | undefined {
  const from = setup.tester.heard.length;
  setup.tester.send(0x0100, hex);
  setup.air.until(() => setup.tester.heard.length > from, 60, `answer to ${hex.slice(0, 12)}`);
  setup.clock.advance(1000);
  assert.equal(setup.tester.heard.length, from + 1);
  return setup.tester.heard.at(-1)?.hex;
}

function withReceivers(count: number): DistributorSetup {
  const setup = new DistributorSetup();
  const all = addresses(count);
  for (let at = 0; at < count; at += 125) {
    const some = all.slice(at, at + 125);
    assert.equal(askLong(setup, receiversAdd(...some)), receiversStatus(0, at + some.length));
  }
  return setup;
}

/** Receivers Get answers with exactly these. */
function pageIs(setup: DistributorSetup, first: number, limit: number, count: number): void {
  const total = setup.server.receivers.length;
  const expected = addresses(total)
    .slice(first, first + count)
    .map((address) => receiverEntry(address));
  assert.equal(expected.length, count);
  assert.equal(askLong(setup, `8314${le16(first)}${le16(limit)}`), receiversList(total, first, ...expected));
}

export const distributorList: readonly Case[] = [
  specified('FD/LIST/01', '0, 1, 74, 75, 1000 receivers: packing, paging, edges of first index and limit', () => {
    const none = withReceivers(0);
    pageIs(none, 0, 0xffff, 0);
    pageIs(none, 1, 1, 0);
    none.exchange('831400000000');
    none.exchange('8314ffffffff', receiversList(0, 0xffff));
    const one = withReceivers(1);
    pageIs(one, 0, 1, 1);
    pageIs(one, 0, 0xffff, 1);
    pageIs(one, 1, 1, 0);
    pageIs(one, 0xffff, 0xffff, 0);
    for (const count of [74, 75]) {
      const setup = withReceivers(count);
      pageIs(setup, 0, 0xffff, PAGE);
      pageIs(setup, 0, PAGE, PAGE);
      pageIs(setup, 0, PAGE - 1, PAGE - 1);
      pageIs(setup, 1, 0xffff, count - 1);
      pageIs(setup, count - 1, 10, 1);
      pageIs(setup, count, 10, 0);
    }
    const many = withReceivers(1000);
    for (let first = 0; first < 1000; first += PAGE) pageIs(many, first, 0xffff, Math.min(PAGE, 1000 - first));
    pageIs(many, 999, 0xffff, 1);
    // The list is full: what is known may come again, with another image index.
    many.exchange(receiversAdd(0x7000), receiversStatus(1, 1000));
    many.exchange(`8311${le16(FIRST_RECEIVER)}07`, receiversStatus(0, 1000));
    many.exchange('831400000100', receiversList(1000, 0, receiverEntry(FIRST_RECEIVER, { index: 7 })));
    many.exchange(RECEIVERS_DELETE_ALL, receiversStatus(0, 0));
    adding();
  }),
  specified('FD/LIST/02', 'all phases, statuses and progress from 0 to 100: round trip', () => {
    let entries: { hex: string; value: object }[] = [];
    let checked = 0;
    const flush = (): void => {
      const value = { receiversListCount: 0xffff, firstIndex: 1, entries: entries.map((entry) => entry.value) };
      const hex = receiversList(0xffff, 1, ...entries.map((entry) => entry.hex));
      const type = FirmwareDistributionReceiversList;
      assert.equal(toHex(type.encode(value as never)), hex);
      const decoded = type.decode(fromHex(hex));
      if (!decoded.ok) throw new Error(`${hex}: ${decoded.error.message}`);
      // Progress is told in steps of two percent.
      const even = entries.map((entry) => {
        const { transferProgress = 0, ...rest } = entry.value as { transferProgress?: number };
        return { ...rest, transferProgress: transferProgress - (transferProgress % 2) };
      });
      assert.deepEqual(decoded.value, { ...value, entries: even });
      checked += entries.length;
      entries = [];
    };
    for (let phase = 0; phase <= 10; phase++) {
      for (let status = 0; status < 8; status++) {
        for (let transfer = 0; transfer <= 10; transfer++) {
          for (let percent = 0; percent <= 100; percent++) {
            const address = 1 + ((checked + entries.length) % 0x7fff);
            const index = percent + status;
            entries.push({
              hex: receiverEntry(address, { phase, status, transfer, percent, index }),
              value: {
                address,
                retrievedUpdatePhase: phase,
                updateStatus: status,
                transferStatus: transfer,
                transferProgress: percent,
                imageIndex: index,
              },
            });
            if (entries.length === PAGE) flush();
          }
        }
      }
    }
    flush();
    assert.equal(checked, 11 * 8 * 11 * 101);
    assert.equal(receiverEntry(0x7fff, { phase: 2, status: 3, transfer: 4, percent: 10, index: 1 }), 'ff7f191501');
  }),
  specified('DFU/SR/FD/BV-23', 'Firmware Get and Get By Index: found and not found', () => {
    const setup = new DistributorSetup();
    setup.exchange(`8323${NEW_ID}`, firmwareStatus(4, 0, 0xffff, NEW_ID));
    setup.exchange('83240000', firmwareStatus(4, 0, 0));
    setup.withImages();
    setup.exchange(`8323${NEW_ID}`, firmwareStatus(0, 2, 0, NEW_ID));
    setup.exchange(`8323${OTHER_FIRMWARE_ID}`, firmwareStatus(0, 2, 1, OTHER_FIRMWARE_ID));
    setup.exchange('832311000099', firmwareStatus(4, 2, 0xffff, '11000099'));
    setup.exchange('83240000', firmwareStatus(0, 2, 0, NEW_ID));
    setup.exchange('83240100', firmwareStatus(0, 2, 1, OTHER_FIRMWARE_ID));
    setup.exchange('83240200', firmwareStatus(4, 2, 2));
    // A Firmware ID has two octets at least and 108 at most.
    setup.exchange('832311');
    setup.exchange(`8323${'11'.repeat(109)}`);
  }),
  specified(
    'DFU/SR/FD/BV-24',
    'Firmware Delete and Delete All: what is there, what is not, the indexes after it',
    () => {
      const setup = new DistributorSetup().withImages();
      setup.exchange('832511000099', firmwareStatus(0, 2, 0xffff, '11000099'));
      setup.exchange(`8325${NEW_ID}`, firmwareStatus(0, 1, 0xffff, NEW_ID));
      setup.exchange(`8325${NEW_ID}`, firmwareStatus(0, 1, 0xffff, NEW_ID));
      setup.exchange('83240000', firmwareStatus(0, 1, 0, OTHER_FIRMWARE_ID));
      setup.exchange('8326', firmwareStatus(0, 0));
      setup.exchange('8326', firmwareStatus(0, 0));
      setup.exchange(`8323${OTHER_FIRMWARE_ID}`, firmwareStatus(4, 0, 0xffff, OTHER_FIRMWARE_ID));
      setup.reboot();
      setup.exchange('83240000', firmwareStatus(4, 0, 0));
    },
  ),
];

/** An entry that is no unicast address is passed over; an address twice has the later image index; an empty message is none. */
function adding(): void {
  const setup = new DistributorSetup();
  setup.exchange(`8311${le16(FIRST_RECEIVER)}0000c001${le16(FIRST_RECEIVER + 1)}02`, receiversStatus(0, 2));
  setup.exchange(
    '831400000a00',
    receiversList(2, 0, receiverEntry(FIRST_RECEIVER), receiverEntry(FIRST_RECEIVER + 1, { index: 2 })),
  );
  setup.exchange('8311');
  setup.exchange(receiversAdd(...addresses(FEW)), receiversStatus(0, 3));
  setup.exchange(RECEIVERS_DELETE_ALL, receiversStatus(0, 0));
}
