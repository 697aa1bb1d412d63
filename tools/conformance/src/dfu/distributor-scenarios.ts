import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { octets } from '../testing/client-setup.ts';
import {
  type DistributionFields,
  DistributorSetup,
  distributionStart,
  distributionStatus,
  FIRST_RECEIVER,
  RECEIVERS_GET,
  receiverEntry,
  receiversAdd,
  receiversList,
  receiversStatus,
  SELF,
} from '../testing/distributor-setup.ts';
import type { PeerTargetOptions } from '../testing/peer-target.ts';
import { TargetDevice } from '../testing/target-device.ts';

/** Zephyr's settings: TTL 2, base 10, policy apply, an image of 100 octets, firmware id and metadata aabbccdd. */
const START: DistributionFields = { ttl: 2, base: 10 };
const CONTENT = octets(100);
const ZEPHYR_ID = 'aabbccdd';
const EFFECTS = [3, 0, 2, 1];

/** Distributes Zephyr's image to these addresses. */
function distribute(setup: DistributorSetup, ...addresses: readonly number[]): void {
  setup.slots.add(fromHex(ZEPHYR_ID), fromHex(ZEPHYR_ID), fromHex(CONTENT));
  setup.exchange(receiversAdd(...addresses), receiversStatus(0, addresses.length));
  setup.exchange(distributionStart(START), distributionStatus(0, 1, START));
}

/** Four targets with effects 3, 0, 2, 1. */
function mixed(each: PeerTargetOptions): DistributorSetup {
  const targets = EFFECTS.map((effect) => ({ newFirmwareId: ZEPHYR_ID, effect, ...each }));
  const setup = new DistributorSetup({ targets });
  distribute(setup, ...setup.targets.map(({ address }) => address));
  return setup;
}

function entries(setup: DistributorSetup, ...states: readonly object[]): void {
  const all = setup.server.receivers.map(({ address }, i) => receiverEntry(address, { percent: 100, ...states[i] }));
  setup.exchange(RECEIVERS_GET, receiversList(all.length, 0, ...all));
}

/** The node's own Target: it verifies by itself, and restarts to apply. */
class OwnDevice extends TargetDevice {
  isPending = false;

  override verify(imageIndex: number, metadata: Uint8Array, done: (ok: boolean) => void): void {
    super.verify(imageIndex, metadata, done);
    done(Buffer.from(this.content).toString('hex') === CONTENT);
  }

  override apply(imageIndex: number, done: (ok: boolean) => void): void {
    super.apply(imageIndex, done);
    this.isPending = true;
  }

  boot(): void {
    this.isPending = false;
    this.list = [{ firmwareId: fromHex(ZEPHYR_ID) }];
  }
}

/** BLOB Transfer messages, and those of capabilities, that reached the node itself. */
function blobToItself({ iut }: DistributorSetup): readonly string[] {
  return iut.heard.filter(({ dst, hex }) => dst === SELF && /^(830[0-7]|6[678])/.test(hex)).map(({ hex }) => hex);
}

/** It applies; the power is away for 5 s, then the new firmware runs. */
function restarts(setup: DistributorSetup, device: OwnDevice): void {
  setup.air.until(() => device.isPending, 600, 'Apply to itself');
  assert.equal(setup.server.phase, 3, 'Applying is what it restarts in');
  assert.deepEqual(blobToItself(setup), []);
  setup.powerOff();
  setup.clock.advance(5000);
  device.boot();
  setup.reboot(true);
  assert.equal(setup.server.phase, 3);
  setup.until(4);
  assert.deepEqual(blobToItself(setup), []);
  setup.phaseIs(4, START);
  assert.equal(setup.self?.update.phase, 0);
  assert.deepEqual(
    device.calls.filter((call) => !call.startsWith('abandoned')),
    [`start 0 ${ZEPHYR_ID}`, 'verify 0', 'apply 0'],
  );
}

export const distributorScenarios: readonly Case[] = [
  specified('dfu_mixed', 'effects 3, 0, 2, 1: Completed, all Success; the one that left stays at Applying', () => {
    const setup = mixed({});
    setup.until(4);
    setup.phaseIs(4, START);
    entries(setup, { phase: 6 }, { phase: 8 }, { phase: 8 }, { phase: 8 });
    for (const target of setup.targets) {
      assert.deepEqual([target.applied, target.firmwareId, target.blob.content], [1, ZEPHYR_ID, CONTENT]);
      assert.ok(target.heard('83').every(({ ttl }) => ttl === 2));
      assert.equal(target.heard('830d')[0]?.hex, `830d020a00${target.id}00${ZEPHYR_ID}`);
    }
    // All are told to apply before anybody is asked for his firmware.
    const applied = Math.max(...setup.targets.map((target) => target.heard('830f')[0]?.at ?? Number.NaN));
    const asked = Math.min(...setup.targets.flatMap((target) => target.heard('8308').map(({ at }) => at)));
    assert.ok(applied < asked);
  }),
  specified(
    'dfu_mixed_fail',
    'none runs the new firmware, the one with effect 3 stays: Failed, all Apply Failed',
    () => {
      const setup = mixed({ isReverted: true, stays: true });
      setup.until(5);
      assert.deepEqual(
        setup.phases.map(({ phase }) => phase),
        [1, 3, 5],
      );
      setup.phaseIs(5, START);
      const failed = { phase: 9, status: 3 };
      entries(setup, failed, failed, failed, failed);
      for (const target of setup.targets) assert.deepEqual([target.applied, target.firmwareId], [1, '11000010']);
    },
  ),
  specified('dfu_dist_self_update', 'itself alone: no capabilities, no BLOB; applied, restarted, Completed', () => {
    const device = new OwnDevice();
    const setup = new DistributorSetup({ self: device });
    distribute(setup, SELF);
    restarts(setup, device);
    entries(setup, { phase: 8 });
    assert.equal(Buffer.from(device.content).toString('hex'), CONTENT);
  }),
  specified('dfu_dist_self_update_mult_targets', 'itself and another one: both Apply Success, itself last', () => {
    const device = new OwnDevice();
    const setup = new DistributorSetup({ self: device, targets: [{ newFirmwareId: ZEPHYR_ID, applyMs: 20_000 }] });
    const [other] = setup.targets;
    distribute(setup, SELF, FIRST_RECEIVER);
    setup.air.until(() => other?.applied === 1, 600, 'Apply to the other one');
    assert.equal(device.isPending, false, 'its own Apply comes last');
    setup.air.until(() => device.isPending, 600, 'Apply to itself');
    assert.equal(other?.firmwareId, ZEPHYR_ID);
    assert.ok((other?.heard('8308').length ?? 0) > 0, 'the other one is confirmed before');
    restarts(setup, device);
    entries(setup, { phase: 8 }, { phase: 8 });
    assert.equal(other?.blob.content, CONTENT);
    assert.equal(other?.applied, 1);
  }),
];
