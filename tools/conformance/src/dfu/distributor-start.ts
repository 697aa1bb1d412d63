import assert from 'node:assert/strict';
import { fromHex } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { type Case, specified } from '../case.ts';
import {
  DISTRIBUTION_APPLY,
  DISTRIBUTION_CANCEL,
  DISTRIBUTION_GET,
  type DistributionFields,
  DistributorSetup,
  distributionStart,
  distributionStatus,
  FIRST_RECEIVER,
  OTHER_DATA,
  RECEIVERS_GET,
  receiverEntry,
  receiversAdd,
  receiversList,
  receiversStatus,
  SUSPEND,
} from '../testing/distributor-setup.ts';
import type { PeerTarget, PeerTargetOptions } from '../testing/peer-target.ts';
import { DATA, le16 } from '../testing/settings.ts';
import { METADATA, NEW_ID, OTHER_METADATA } from '../testing/target-device.ts';
import { updateStart } from '../testing/update-octets.ts';

const LABEL = '00112233445566778899aabbccddeeff';
/** Each parameter of Start changed alone. */
const OTHERS: readonly DistributionFields[] = [
  { app: 1 },
  { ttl: 4 },
  { base: 6 },
  { mode: 2 },
  { policy: 0 },
  { image: 1 },
  { multicast: '01c0' },
];

/** The one target that a distribution to it was begun for. */
function only(setup: DistributorSetup): PeerTarget {
  return setup.targets[0] as PeerTarget;
}

/** Starts in this phase with each parameter changed alone: refused, and nothing changes anywhere. */
function refusesOthers(phase: number, fields: DistributionFields = {}): void {
  const setup = DistributorSetup.inPhase(phase, fields);
  const { id } = only(setup);
  for (const other of OTHERS) {
    const changed =
      other.policy === undefined ? { ...fields, ...other } : { ...fields, policy: fields.policy === 0 ? 1 : 0 };
    setup.exchange(distributionStart(changed as DistributionFields), distributionStatus(7, phase, fields));
  }
  setup.phaseIs(phase, fields);
  assert.equal(only(setup).id, id, 'no new BLOB ID');
  assert.equal(only(setup).heard('830d').length, 1, 'the target was not asked again');
}

/** Starts in this phase with the same parameters: Success, and nothing changes. */
function acceptsSame(phase: number, fields: DistributionFields = {}): void {
  const setup = DistributorSetup.inPhase(phase, fields);
  const told = setup.phases.length;
  for (let i = 0; i < 2; i++) setup.exchange(distributionStart(fields), distributionStatus(0, phase, fields));
  setup.phaseIs(phase, fields);
  assert.equal(setup.phases.length, told, 'phases told');
  assert.equal(only(setup).heard('830d').length, 1, 'the target was not asked again');
}

/** Starts with another image begin a new distribution, which ends well. */
function startsOther(phase: number): void {
  for (const fields of OTHERS) {
    const setup = DistributorSetup.inPhase(phase);
    const [target] = setup.targets as [PeerTarget];
    target.ignores = 'none';
    const { id } = target;
    setup.exchange(distributionStart(fields), distributionStatus(0, 1, fields));
    assert.notEqual(target.id, id, 'a new BLOB ID');
    // With the other image the target comes up with a firmware id that is not that of the image.
    const end = fields.image === 1 ? 5 : 4;
    setup.until(fields.policy === 0 ? 2 : end);
    if (fields.image === 1) assert.equal(target.blob.content, OTHER_DATA);
    else assert.equal(target.blob.content, DATA);
    assert.equal(target.metadata, fields.image === 1 ? OTHER_METADATA : METADATA);
  }
}

export const distributorStart: readonly Case[] = [
  specified('FD/START/01', 'empty list, bad AppKey and bad image at once: 6, then 5, then 4', () => {
    const setup = new DistributorSetup();
    const wrong = { app: 2, image: 9 };
    setup.exchange(distributionStart(wrong), distributionStatus(6, 0));
    setup.exchange(receiversAdd(FIRST_RECEIVER), receiversStatus(0, 1));
    // AppKey 2 is not bound, 0xABC not known.
    setup.exchange(distributionStart(wrong), distributionStatus(5, 0));
    setup.exchange(distributionStart({ ...wrong, app: 0xabc }), distributionStatus(5, 0));
    setup.exchange(distributionStart({ image: 9 }), distributionStatus(4, 0));
    setup.withImages();
    setup.exchange(distributionStart({ image: 2 }), distributionStatus(4, 0));
    // They come before the phase.
    const active = DistributorSetup.inPhase(1);
    active.exchange(distributionStart({ app: 2 }), distributionStatus(5, 1));
    active.exchange(distributionStart({ image: 2 }), distributionStatus(4, 1));
    // Prohibited values: no answer.
    for (const multicast of ['0100', '0080', 'ff00', '']) setup.exchange(distributionStart({ multicast }));
    setup.exchange(distributionStart({ ttl: 0x80 }));
    setup.exchange(distributionStart().replace(/05(0000){2}$/, '04$1$1'));
    setup.phaseIs(0);
  }),
  specified(
    'FD/START/02',
    'to a group, a label and by unicast: the subscribers are reached, Status shows the address',
    () => {
      const label = fromHex(LABEL);
      const address = virtualAddress(portableCrypto, label);
      for (const [multicast, destination] of [
        ['0000', undefined],
        ['00c0', 0xc000],
        [LABEL, address],
      ] as const) {
        const setup = new DistributorSetup({ targets: [{ label }, { label }] });
        const fields = { multicast, shown: le16(destination ?? 0) };
        setup.start(fields);
        setup.until(4);
        setup.phaseIs(4, fields);
        for (const target of setup.targets) {
          assert.equal(target.blob.content, DATA);
          assert.equal(target.firmwareId, NEW_ID);
          const chunks = target.heard('66').map(({ dst }) => dst);
          assert.ok(chunks.length > 0);
          assert.ok(
            chunks.every((dst) => dst === (destination ?? target.address)),
            'destination of the chunks',
          );
        }
      }
    },
  ),
  specified('FD/CANCEL/01', 'from each phase: one Status or two, the targets are Idle', () => {
    for (const phase of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const fields: DistributionFields = phase === 2 ? { policy: 0 } : {};
      const setup = DistributorSetup.inPhase(phase, fields);
      const [target] = setup.targets as [PeerTarget];
      const canceling = distributionStatus(0, 6, fields);
      const idle = distributionStatus(0, 0);
      const answers = setup.ask(DISTRIBUTION_CANCEL);
      if (phase === 3) {
        assert.deepEqual(answers, [canceling, idle]);
      } else assert.deepEqual(answers, [phase === 0 || phase === 4 || phase === 5 ? idle : canceling]);
      target.ignores = 'none';
      setup.clock.advance(100_000);
      setup.phaseIs(0);
      assert.equal(setup.server.receivers.length, 1, 'the list stays');
      assert.deepEqual([target.phase, target.blob.phase], [0, 0], `target after Cancel in phase ${phase}`);
      if (phase !== 0 && phase !== 4 && phase !== 5) {
        setup.exchange(
          RECEIVERS_GET,
          receiversList(
            1,
            0,
            receiverEntry(FIRST_RECEIVER, { phase: 7, percent: phase === 2 || phase === 3 ? 100 : 0 }),
          ),
        );
      }
      // Nothing is left of it: another one may begin.
      setup.exchange(distributionStart({ ttl: 9 }), distributionStatus(0, 1, { ttl: 9 }));
    }
    secondStatus();
    silentTarget();
  }),
  specified('DFU/SR/FD/BV-25', 'the whole procedure with the tester settings', () => {
    const setup = new DistributorSetup({ targets: [{}] });
    setup.start();
    const target = only(setup);
    setup.until(4);
    assert.deepEqual(
      setup.phases.map(({ phase }) => phase),
      [1, 3, 4],
    );
    const heard = target.heard('').filter(({ hex }) => !/^(66|8304|8305)/.test(hex));
    const opcodes = heard.map(({ hex }) => hex.slice(0, 4)).filter((opcode, i, all) => opcode !== all[i - 1]);
    assert.deepEqual(opcodes, ['830d', '8306', '8301', '8300', '830c', '830f', '8308']);
    assert.equal(heard[0]?.hex, updateStart({ id: target.id }), 'TTL, time-out base, BLOB ID, image index, metadata');
    assert.equal(heard.find(({ hex }) => hex.startsWith('8301'))?.hex, `830140${target.id}50000000067c01`);
    assert.ok(heard.every(({ ttl, appIndex }) => ttl === 3 && appIndex === 0));
    assert.deepEqual([target.blob.content, target.firmwareId, target.applied], [DATA, NEW_ID, 1]);
    setup.exchange(RECEIVERS_GET, receiversList(1, 0, receiverEntry(FIRST_RECEIVER, { phase: 8, percent: 100 })));
    setup.phaseIs(4);
    setup.exchange(DISTRIBUTION_CANCEL, distributionStatus(0, 0));
  }),
  specified('DFU/SR/FD/BV-26', 'Start is refused without receivers, with a bad AppKey, with a bad image', () => {
    const setup = new DistributorSetup({ targets: [{}] }).withImages();
    setup.exchange(distributionStart(), distributionStatus(6, 0));
    setup.withReceivers();
    setup.exchange(distributionStart({ app: 2 }), distributionStatus(5, 0));
    setup.exchange(distributionStart({ image: 2 }), distributionStatus(4, 0));
    setup.clock.advance(60_000);
    assert.equal(only(setup).heard('').length, 0, 'nothing is sent to the target');
    setup.exchange(distributionStart(), distributionStatus(0, 1));
  }),
  specified('DFU/SR/FD/BV-27', 'Start in Completed, different request: a new distribution', () => startsOther(4)),
  specified('DFU/SR/FD/BV-28', 'Start in Completed, same request: Success, no change', () => acceptsSame(4)),
  specified('DFU/SR/FD/BV-29', 'Start in Failed: works again with the same list, all statuses begin anew', () => {
    const setup = new DistributorSetup({ targets: [{ refuses: 5 }, { isBad: true }] });
    setup.start({ base: 0 });
    setup.until(5);
    const entries = (...states: readonly object[]): string =>
      receiversList(2, 0, ...states.map((state, i) => receiverEntry(FIRST_RECEIVER + i, state)));
    const [first, second] = setup.targets as [PeerTarget, PeerTarget];
    const failures = [
      { phase: 0, status: 5 },
      { phase: 5, status: 2, percent: 100 },
    ];
    setup.exchange(RECEIVERS_GET, entries(...failures));
    const ids = [first.id, second.id];
    for (const target of setup.targets) target.ignores = '830d';
    first.refuses = undefined;
    setup.exchange(distributionStart({ base: 0 }), distributionStatus(0, 1, { base: 0 }));
    setup.exchange(RECEIVERS_GET, entries({}, {}));
    for (const target of setup.targets) target.ignores = 'none';
    setup.until(4);
    assert.notDeepEqual([first.id, second.id], ids);
    setup.exchange(RECEIVERS_GET, entries({ phase: 8, percent: 100 }, failures[1] as object));
  }),
  specified('DFU/SR/FD/BV-30', 'Start in Transfer Active, same request: Success, no change', () => acceptsSame(1)),
  specified('DFU/SR/FD/BV-31', 'Start in Transfer Active, different request: Busy With Distribution', () =>
    refusesOthers(1),
  ),
  specified('DFU/SR/FD/BV-32', 'Start in Transfer Success, same request: Success, no change', () =>
    acceptsSame(2, { policy: 0 }),
  ),
  specified('DFU/SR/FD/BV-33', 'Start in Transfer Success, different request: Busy With Distribution', () =>
    refusesOthers(2, { policy: 0 }),
  ),
  specified('DFU/SR/FD/BV-34', 'Start in Canceling, different request: Busy With Distribution', () => {
    refusesOthers(6);
    const setup = DistributorSetup.inPhase(6);
    for (const message of [DISTRIBUTION_GET, DISTRIBUTION_CANCEL]) setup.exchange(message, distributionStatus(0, 6));
    for (const message of [SUSPEND, DISTRIBUTION_APPLY]) setup.exchange(message, distributionStatus(2, 6));
  }),
];

/** Is applying, and answers Cancel after 10 s, when nobody sends. */
const SLOW_TO_CANCEL: PeerTargetOptions = {
  holdsApply: true,
  answer: (usual, { hex, src }, target) => {
    if (hex !== '830e') return usual;
    if (target.heard('830e').length === 1) target.clock.after(10_777, () => target.blob.station.send(src, usual));
    return null;
  },
};

/**
 * From Applying the end is told as well: to who asked, once it is so, without the delay of an answer [MshDFU 6.2.3.10], which
 * is 20 ms at least.
 */
function secondStatus(): void {
  const delays = [1, 2, 3, 4].map((seed) => {
    const setup = DistributorSetup.inPhase(3, {}, { seed, targets: [SLOW_TO_CANCEL] });
    const from = setup.tester.heard.length;
    setup.tester.send(0x0100, DISTRIBUTION_CANCEL);
    setup.clock.advance(5000);
    const answers = (): readonly string[] => setup.tester.heard.slice(from).map(({ hex }) => hex);
    assert.deepEqual(answers(), [distributionStatus(0, 6)], 'not before the target has answered');
    setup.air.until(() => setup.server.phase === 0, 20, 'end of the cancellation');
    const idleAt = setup.clock.now;
    setup.air.until(() => answers().length === 2, 1, 'second Status');
    assert.equal(answers()[1], distributionStatus(0, 0));
    return (setup.tester.heard.at(-1)?.at ?? 0) - idleAt;
  });
  assert.ok(Math.min(...delays) < 20, `second Status after ${delays} ms`);
}

/** Who does not answer Cancel does not keep the Distributor from Idle: 10 000·(5 + 2) + 100·3 ms. */
function silentTarget(): void {
  const setup = DistributorSetup.inPhase(1);
  const [target] = setup.targets as [PeerTarget];
  target.ignores = '830e';
  setup.ask(DISTRIBUTION_CANCEL);
  setup.phaseIs(6);
  const asked = target.heard('830e')[0]?.at as number;
  setup.clock.advance(asked + 69_000 - setup.clock.now);
  assert.equal(setup.server.phase, 6, 'still canceling');
  setup.air.until(() => setup.server.phase === 0, 3, 'the time-out of Cancel');
  setup.phaseIs(0);
}
