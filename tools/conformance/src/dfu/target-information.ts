import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import type { TargetImage } from '@meshferry/dfu';
import { type Case, specified } from '../case.ts';
import { u8 } from '../testing/settings.ts';
import { LIST_GET, TargetSetup } from '../testing/target-setup.ts';

/** A Firmware Information List entry as it is sent. */
function entry({ firmwareId, updateUri = '' }: TargetImage): string {
  const uri = Buffer.from(updateUri).toString('hex');
  return `${u8(firmwareId.length)}${Buffer.from(firmwareId).toString('hex')}${u8(uri.length / 2)}${uri}`;
}

function images(count: number, uriLength = 0): TargetImage[] {
  return Array.from({ length: count }, (_, i) => ({
    firmwareId: fromHex(`5900${u8(i)}`),
    ...(uriLength > 0 ? { updateUri: 'u'.repeat(uriLength) } : {}),
  }));
}

function setupWith(list: TargetImage[]): TargetSetup {
  const setup = new TargetSetup();
  setup.device.list = list;
  return setup;
}

/** Information Get; the answer may take many segments. */
function list(setup: TargetSetup, first: number, limit: number): string | undefined {
  const from = setup.tester.heard.length;
  setup.ask(`8308${u8(first)}${u8(limit)}`);
  setup.clock.advance(8000);
  const answers = setup.tester.heard.slice(from);
  assert.ok(answers.length < 2);
  return answers[0]?.hex;
}

/** Asks on until the end as a client does; each answer holds as many whole entries as fit. */
function pages(setup: TargetSetup): void {
  const all = setup.device.list.map(entry);
  const count = u8(all.length);
  for (let first = 0; first < all.length; ) {
    let fitting = 0;
    let room = 2 * 376;
    while (first + fitting < all.length && (all[first + fitting] as string).length <= room) {
      room -= (all[first + fitting] as string).length;
      fitting++;
    }
    assert.ok(fitting > 0);
    const expected = all.slice(first, first + fitting).join('');
    assert.equal(list(setup, first, 255), `8309${count}${u8(first)}${expected}`, `entries from ${first} on`);
    first += fitting;
  }
}

export const targetInformation: readonly Case[] = [
  specified('FU/INFO/01', '0, 1, 3, 255 images, every first index and limit: whole entries, right count', () => {
    const none = setupWith([]);
    none.exchange(LIST_GET, '83090000');
    none.exchange('830805ff', '83090005');

    const one = setupWith(images(1));
    one.exchange(LIST_GET, '830901000359000000');
    one.exchange('83080000', '83090100');
    one.exchange('830801ff', '83090101');

    const three = setupWith(images(3));
    const [a, b, c] = images(3).map(entry) as [string, string, string];
    three.exchange(LIST_GET, `83090300${a}${b}${c}`);
    three.exchange('83080001', `83090300${a}`);
    three.exchange('83080101', `83090301${b}`);
    three.exchange('83080102', `83090301${b}${c}`);
    three.exchange('830802ff', `83090302${c}`);
    three.exchange('83080300', '83090303');
    three.exchange('8308ffff', '830903ff');

    pages(setupWith(images(255)));
    // One of them alone fills a message, two do not fit.
    pages(setupWith(images(3, 255)));
    pages(setupWith([...images(2, 100), { firmwareId: new Uint8Array(108).fill(7), updateUri: 'h'.repeat(255) }]));
  }),
];
