import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { GROUP } from '../testing/air.ts';
import { octets } from '../testing/client-setup.ts';
import { information } from '../testing/peer-server.ts';
import type { PeerTargetOptions } from '../testing/peer-target.ts';
import { FIRST_TARGET, type Start, UpdateSetup } from '../testing/update-setup.ts';

/** Zephyr's settings: TTL default, base 1, an image of 100 octets, firmware id and metadata aabbccdd. */
const CONTENT = octets(100);
const ZEPHYR: Start = {
  ttl: 0xff,
  timeoutBase: 1,
  content: CONTENT,
  metadata: fromHex('aabbccdd'),
  firmwareId: fromHex('aabbccdd'),
};
/** Client timeout for base 1 and TTL 5, ms. */
const CLIENT_TIMEOUT = 30_500;
const GOOD: PeerTargetOptions = { newFirmwareId: 'aabbccdd', information: information(6, 8, { chunkSize: 36 }) };

/** Three targets that are all lost in the same step, once each. */
function allLost(target: PeerTargetOptions, result: string, parameters: Start = {}): UpdateSetup {
  const setup = new UpdateSetup({ targets: [target, target, target] });
  setup.start({ ...ZEPHYR, ...parameters });
  setup.ends('failed');
  assert.deepEqual(setup.results, [result, result, result]);
  assert.deepEqual(timesLost(setup), [1, 1, 1]);
  setup.silentFor(100);
  return setup;
}

function timesLost({ losses }: UpdateSetup): readonly number[] {
  return losses.map(({ length }) => length);
}

/** Each target was asked for so long, ms, without an answer before it was given up. */
function isPatient(setup: UpdateSetup, opcode: string, ms: number): void {
  for (const [i, target] of setup.targets.entries()) {
    const waited = (setup.losses[i]?.[0] ?? 0) - (target.heard(opcode)[0]?.at ?? 0);
    assert.ok(waited >= ms - 1000 && waited <= ms + 1000, `given up after ${waited} ms, not ${ms}`);
  }
}

export const clientScenarios: readonly Case[] = [
  specified('dfu_cli_all_targets_lost_on_metadata', 'three targets refuse the metadata: failed, 5 and Idle', () => {
    const setup = allLost({ ...GOOD, refuses: 5 }, '5/0');
    for (const target of setup.targets) {
      assert.equal(target.heard('830d').length, 1, 'a refusal is an answer');
      assert.equal(target.heard('').length, 1, 'nothing else was sent');
    }
  }),
  specified(
    'dfu_cli_all_targets_lost_on_caps_get',
    'all ignore BLOB Information Get: failed, 3 and Transfer Active',
    () => {
      const setup = allLost({ ...GOOD, ignores: '8306' }, '3/2');
      for (const target of setup.targets) {
        assert.ok(target.heard('8306').length >= 5, 'asked five times at least');
        assert.equal(target.heard('8300', '8301').length, 0, 'no transfer');
      }
      isPatient(setup, '8306', CLIENT_TIMEOUT);
    },
  ),
  specified('dfu_cli_all_targets_lost_on_update_get', 'all ignore Update Get: failed, 3 and Transfer Active', () => {
    const setup = allLost({ ...GOOD, ignores: '830c' }, '3/2');
    for (const target of setup.targets) {
      assert.equal(target.blob.content, CONTENT, 'they have the image');
      assert.ok(target.heard('830c').length >= 5, 'asked five times at least');
      assert.equal(target.heard('830f').length, 0, 'nobody applies');
    }
    isPatient(setup, '830c', CLIENT_TIMEOUT);
  }),
  specified(
    'dfu_cli_all_targets_lost_on_verify',
    'all reject at verification: failed, 2 and Verification Failed',
    () => {
      const setup = allLost({ ...GOOD, isBad: true }, '2/5');
      for (const target of setup.targets) {
        assert.equal(target.heard('830c').length, 1);
        assert.equal(target.heard('830f').length, 0, 'nobody applies');
      }
    },
  ),
  specified(
    'dfu_cli_all_targets_lost_on_apply',
    'all ignore Apply: verified before, then 3; nobody has applied',
    () => {
      const setup = new UpdateSetup({ targets: Array(3).fill({ ...GOOD, ignores: '830f' }) });
      setup.start({ ...ZEPHYR, policy: 'verify', rebootMs: 1 });
      setup.until('verified');
      assert.deepEqual(setup.results, ['0/4', '0/4', '0/4']);
      assert.equal(setup.run.apply(), true);
      setup.ends('failed');
      assert.deepEqual(setup.results, ['3/4', '3/4', '3/4']);
      assert.deepEqual(timesLost(setup), [1, 1, 1]);
      assert.deepEqual(
        setup.targets.map((target) => target.heard('8308').length),
        [0, 0, 0],
        'no confirmation',
      );
      isPatient(setup, '830f', CLIENT_TIMEOUT);
    },
  ),
  specified(
    'dfu_cli_persistent_transfer',
    'seven targets, each lost at another step but one; that one is enough',
    () => {
      const targets: PeerTargetOptions[] = [
        { ...GOOD, refuses: 5 },
        { ...GOOD, ignores: '8306' },
        { ...GOOD, ignores: '830c' },
        { ...GOOD, isBad: true },
        { ...GOOD, ignores: '830f' },
        GOOD,
      ];
      const setup = new UpdateSetup({ targets });
      const addresses = [0, 1, 2, 3, 4, 5, 6].map((i) => FIRST_TARGET + i);
      setup.start({
        ...ZEPHYR,
        policy: 'verify',
        rebootMs: 1,
        group: GROUP,
        receivers: addresses.map((address) => ({ address, imageIndex: 0 })),
      });
      setup.until('verified');
      assert.deepEqual(setup.results, ['5/0', '3/2', '3/2', '2/5', '0/4', '0/4', '3/10']);
      setup.run.apply();
      setup.ends('complete');
      assert.deepEqual(setup.results, ['5/0', '3/2', '3/2', '2/5', '3/4', '0/8', '3/10']);
      assert.deepEqual(timesLost(setup), [1, 1, 1, 1, 1, 0, 1]);
      assert.deepEqual(
        setup.targets.map(({ applied }) => applied),
        [0, 0, 0, 0, 0, 1],
      );
      assert.equal(setup.targets[5]?.blob.content, CONTENT);
    },
  ),
];
