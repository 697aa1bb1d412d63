import assert from 'node:assert/strict';
import { SeededRandom } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { GROUP } from '../testing/air.ts';
import { octets } from '../testing/client-setup.ts';
import { updateByCommand } from '../testing/command-line.ts';
import { firmware } from '../testing/effect-world.ts';
import { information } from '../testing/peer-server.ts';
import type { PeerTarget, PeerTargetOptions } from '../testing/peer-target.ts';
import { DATA } from '../testing/settings.ts';
import { FIRST_TARGET, UpdateSetup } from '../testing/update-setup.ts';

/** The acknowledged steps of an update in their order [firmware-update.md, section 5]. */
const STEPS = ['830d', '8306', '8301', '8304', '8305', '8300', '830c', '830f', '8308'];
const TROUBLES = ['delayed', 'duplicated', 'lost'] as const;

/** A target whose first answer to one message is delayed by 3 s, comes twice, or is lost. */
function troubled(opcode: string, trouble: (typeof TROUBLES)[number]): PeerTargetOptions {
  let isDone = false;
  return {
    answer: (usual, { hex, src }, target) => {
      if (isDone || !hex.startsWith(opcode)) return usual;
      isDone = true;
      if (trouble === 'duplicated') return [usual, usual];
      if (trouble === 'delayed') target.clock.after(3000, () => target.blob.station.send(src, usual));
      return null;
    },
  };
}

/** The opcodes that a target heard, repetitions and chunks left out. */
function order(target: PeerTarget): readonly string[] {
  const opcodes = target.heard('83').map(({ hex }) => hex.slice(0, 4));
  return opcodes.filter((opcode, i) => opcode !== opcodes[i - 1]);
}

function troubledUpdate(opcode: string, trouble: (typeof TROUBLES)[number]): void {
  const what = `${opcode} ${trouble}`;
  const setup = new UpdateSetup({ targets: [troubled(opcode, trouble)] });
  const target = setup.targets[0] as PeerTarget;
  setup.start();
  setup.ends('complete');
  assert.deepEqual(setup.results, ['0/8'], what);
  assert.deepEqual(setup.losses, [[]], what);
  assert.deepEqual([target.applied, target.firmwareId, target.blob.content], [1, '11000011', DATA], what);
  const steps = order(target).filter((step, i, all) => all.indexOf(step) === i);
  assert.deepEqual(steps, STEPS, `order of the steps, ${what}`);
  assert.deepEqual(target.blob.blocksReceived, [0, 1], what);
  if (trouble === 'duplicated') return;
  const [first, second] = target.heard(opcode).map(({ at }) => at) as [number, number];
  // Asked again: not at once, not later than the share of one of five attempts.
  assert.ok(second - first >= 200 && second - first <= 15_000, `${what}: again after ${second - first} ms`);
}

/** What a target is in a skip set: this node itself, one that has the image, one that needs it. */
const KINDS = ['self', 'verified', 'normal'] as const;

function skipSet(kinds: readonly (typeof KINDS)[number][]): void {
  const what = kinds.join(' ');
  const setup = new UpdateSetup({ targets: kinds.map((kind) => ({ isThere: kind !== 'normal', applyMs: 100 })) });
  setup.start({
    receivers: kinds.map((kind, i) => ({ address: FIRST_TARGET + i, imageIndex: 0, self: kind === 'self' })),
  });
  setup.ends('complete');
  for (const [i, target] of setup.targets.entries()) {
    const isNormal = kinds[i] === 'normal';
    assert.equal(target.heard('8306', '8301').length > 0, isNormal, `BLOB to ${i} of ${what}`);
    assert.equal(target.heard('66').length > 0, isNormal, `chunks to ${i} of ${what}`);
    if (isNormal) assert.equal(target.blob.content, DATA, what);
    assert.equal(target.applied, 1, `${i} of ${what}`);
  }
  assert.deepEqual(setup.results, ['0/8', '0/8', '0/8', '0/8'], what);
  // Itself last: after the others are confirmed.
  const times = (opcode: string, isSelf: boolean): number[] =>
    setup.targets.flatMap((target, i) =>
      (kinds[i] === 'self') === isSelf ? target.heard(opcode).map(({ at }) => at) : [],
    );
  const first = Math.min(...times('830f', true));
  assert.ok(first > Math.max(...times('8308', false), 0), `its own Apply comes last: ${what}`);
}

export const clientSequence: readonly Case[] = [
  specified(
    'CLI/SEQ/01',
    'each answer of a target delayed, duplicated, lost once: order and repetition of the steps',
    () => {
      for (const opcode of STEPS) for (const trouble of TROUBLES) troubledUpdate(opcode, trouble);
    },
  ),
  specified('CLI/SEQ/02', 'Refresh answered with phases 0, 1, 2: failed, not verified', () => {
    for (const phase of [0, 1, 2]) {
      const setup = new UpdateSetup({
        targets: [
          {
            answer: (usual, { hex }, target) => {
              if (hex !== '830c') return usual;
              target.phase = phase;
              return target.status();
            },
          },
          {},
        ],
      });
      // Transfer Active is what it tells although it has the whole image.
      const [target] = setup.targets as [PeerTarget];
      target.isStuck = true;
      setup.start();
      setup.ends('complete');
      assert.deepEqual(setup.results, [`2/${phase}`, '0/8']);
      // It may be asked whether it means it, as the answer may be one to an earlier question.
      assert.ok(target.heard('830c').length <= 5, 'it has said enough');
      assert.equal(target.heard('830f').length, 0, 'it is not told to apply');
      assert.equal(setup.run.receivers[0]?.error?.code !== undefined, true);
      assert.equal(setup.losses[0]?.length, 1);
    }
  }),
  specified('CLI/SEQ/03', 'the restart takes 60 s, base 5: Apply Success', () => {
    const setup = new UpdateSetup({ targets: [{ applyMs: 60_000 }] });
    const [target] = setup.targets as [PeerTarget];
    setup.start();
    setup.ends('complete');
    assert.deepEqual(setup.results, ['0/8']);
    assert.deepEqual([target.applied, target.firmwareId], [1, '11000011']);
    const [applied = 0] = target.heard('830f').map(({ at }) => at);
    const [confirmed = 0] = target.heard('8308').map(({ at }) => at);
    assert.ok(confirmed - applied > 60_000, 'asked for its firmware only when it said that it had applied');
    assert.ok(confirmed - applied < 75_000, `confirmed ${confirmed - applied} ms after Apply`);
  }),
  specified(
    'CLI/SEQ/04',
    'every mixture of four targets: itself, verified already, normal: nobody is forgotten',
    () => {
      for (let mixture = 0; mixture < 81; mixture++) {
        skipSet([1, 3, 9, 27].map((weight) => KINDS[Math.floor(mixture / weight) % 3] as (typeof KINDS)[number]));
      }
    },
  ),
  specified(
    'CLI/SEQ/05',
    '50 targets, half of them lose power at random times: complete report, exit code 3',
    async () => {
      losePower();
      await losePowerByCommand();
    },
  ),
];

/** 25 of 50 scripted targets fall silent within the 90 s of an update. */
function losePower(): void {
  const random = new SeededRandom('power');
  const content = octets(1024);
  const good: PeerTargetOptions = { information: information(8, 8, { chunkSize: 65 }), applyMs: 5000 };
  const setup = new UpdateSetup({ targets: Array(50).fill(good) });
  const [first] = setup.targets as [PeerTarget];
  for (const [i, target] of setup.targets.entries()) {
    if (i % 2 === 0) continue;
    setup.clock.after(random.uniform() * 90_000, () => {
      target.blob.station.deaf = true;
      target.isDead = true;
    });
  }
  setup.start({ content, group: GROUP });
  setup.ends('complete', 20_000);
  assert.equal(first.blob.content, content);
  for (const [i, { phase, updateStatus, error, timedOut }] of setup.run.receivers.entries()) {
    const target = setup.targets[i] as PeerTarget;
    const isUpdated = phase === 8;
    if (i % 2 === 0) assert.ok(isUpdated, `target ${i}: phase ${phase}, status ${updateStatus}, ${error?.message}`);
    // What is reported is so; who is not updated has a reason.
    assert.equal(isUpdated, target.firmwareId === '11000011' && error === undefined, `report of ${i}`);
    if (!isUpdated) assert.deepEqual([updateStatus, timedOut, error === undefined], [3, true, false], `report of ${i}`);
    assert.equal(setup.losses[i]?.length, isUpdated ? 0 : 1);
  }
  const lost = setup.run.receivers.filter(({ error }) => error !== undefined).length;
  assert.ok(lost >= 5 && lost <= 25, `${lost} lost`);
}

/** The same with the command line and simulated devices: each of 25 is gone in the middle of a block. */
async function losePowerByCommand(): Promise<void> {
  const random = new SeededRandom('blocks');
  const { zip } = await firmware();
  const isLost = (i: number): boolean => i % 2 === 1;
  const fail = Array.from({ length: 50 }, (_, i) => i)
    .filter(isLost)
    .map((i) => `0x${(0x0100 + i).toString(16).padStart(4, '0')}@block${Math.floor(3 * random.uniform())}`);
  const { exit, targets } = await updateByCommand(zip, `sim:targets=50,radio=ideal,block=8,fail=${fail.join('+')}`);
  assert.equal(exit, 3);
  assert.equal(targets.length, 50);
  for (const [i, { phase, error }] of targets.entries()) {
    assert.deepEqual([phase, error === null], isLost(i) ? ['failed', false] : ['applied', true], `target ${i}`);
  }
}
