import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { TESTER, TTL } from '../testing/settings.ts';
import { NEW_ID, OLD_ID } from '../testing/target-device.ts';
import { DEFAULT_TTL, LIST_GET, TargetSetup, UPDATE_APPLY, UPDATE_GET, updateStatus } from '../testing/target-setup.ts';

const OLD_LIST = `83090200${`04${OLD_ID}00`}04110000ff00`;
const NEW_LIST = OLD_LIST.replace(OLD_ID, NEW_ID);

export const targetApply: readonly Case[] = [
  specified(
    'FU/APPLY/01',
    'the answer is never acknowledged: Verification Succeeded again; applied once, later',
    () => {
      const setup = new TargetSetup().bring(4);
      const applied = (): number => setup.device.calls.filter((call) => call === 'apply 0').length;
      setup.tell(UPDATE_APPLY);
      // The answer takes two segments; nobody acknowledges them.
      setup.tester.deaf = true;
      setup.phases.length = 0;
      setup.air.until(() => setup.phases.length > 0, 60, 'end of the answer');
      assert.deepEqual(
        setup.phases.map(({ phase }) => phase),
        [4],
      );
      assert.equal(applied(), 0, 'not applied');
      setup.tester.deaf = false;
      setup.clock.advance(5000);
      setup.phaseIs(4);
      // The answer that is acknowledged comes first, then it applies.
      setup.exchange(UPDATE_APPLY, updateStatus(0, 6), TTL);
      assert.equal(applied(), 1);
      setup.exchange(UPDATE_APPLY, updateStatus(0, 6), TTL);
      assert.equal(applied(), 1, 'applied once');
      setup.phaseIs(6);
    },
  ),
  specified('FU/APPLY/02', 'applying fails: Idle, the old firmware id, and the list is answered', () => {
    const setup = new TargetSetup().bring(6);
    setup.device.applied?.(false);
    setup.phaseIs(0);
    setup.exchange(LIST_GET, OLD_LIST, DEFAULT_TTL);
    setup.exchange(UPDATE_APPLY, updateStatus(2, 0), DEFAULT_TTL);
    assert.equal(setup.stored, '');
    // The same after the restart in which the bootloader took the old image back.
    const restarted = new TargetSetup().bring(6);
    restarted.reboot(false);
    restarted.phaseIs(0);
    restarted.exchange(LIST_GET, OLD_LIST, DEFAULT_TTL);
    assert.equal(restarted.device.calls.filter((call) => call === 'apply 0').length, 1, 'not tried again');
  }),
  specified('FU/APPLY/03', 'Information Get while it applies: silence, then the new list', () => {
    const setup = new TargetSetup().bring(6);
    for (let i = 0; i < 3; i++) setup.exchange(LIST_GET);
    setup.exchange(UPDATE_GET, updateStatus(0, 6), TTL);
    setup.device.list = [{ firmwareId: fromHex(NEW_ID) }, { firmwareId: fromHex('110000ff') }];
    setup.reboot(true);
    setup.exchange(LIST_GET, NEW_LIST, DEFAULT_TTL);
    setup.exchange(UPDATE_APPLY, updateStatus(2, 0), DEFAULT_TTL);
    assert.ok(setup.tester.heard.every(({ dst }) => dst === TESTER));
  }),
  specified('TESTER/970', 'applies now, and is up again afterwards', () => {
    const setup = new TargetSetup().bring(4);
    setup.exchange(UPDATE_APPLY, updateStatus(0, 6), TTL);
    setup.device.list = [{ firmwareId: fromHex(NEW_ID) }];
    setup.reboot(true);
    setup.exchange(UPDATE_GET, updateStatus(0, 0), DEFAULT_TTL);
    setup.exchange(LIST_GET, `8309010004${NEW_ID}00`, DEFAULT_TTL);
    setup.exchange('830a001100000000000011', '830b1000', DEFAULT_TTL);
  }),
];
