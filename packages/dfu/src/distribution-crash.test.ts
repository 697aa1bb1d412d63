import { toHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { DistributionPhase as Phase } from './distribution-codes.ts';
import { type Course, CrashRun } from './testing/distribution-crash.ts';
import { CutStore, RefusingStore } from './testing/failing-stores.ts';
import { GROUP, IMAGE, NEW_ID, type TargetTraits } from './testing/mesh.ts';
import { UpdatePhase } from './update-codes.ts';

/** So many chunks a block that one that is sent again shows. */
const TARGET: TargetTraits = { capabilities: { maxChunkSize: 65, maxChunksNumber: 4 } };
const CHUNKS_PER_BLOCK = 4;

const NEW = toHex(NEW_ID);

const COURSES: readonly (Course & { readonly writes: number })[] = [
  { name: 'from the upload on', targets: [TARGET], fromUpload: true, writes: 70 },
  {
    name: 'by group, applied by the Initiator',
    targets: [TARGET, TARGET],
    start: { multicast: GROUP, updatePolicy: 'verifyOnly' },
    writes: 60,
  },
  { name: 'suspended and resumed', targets: [TARGET], suspends: true, writes: 50 },
  { name: 'of itself as well', targets: [TARGET], self: {}, writes: 50 },
  { name: 'cancelled in the transfer', targets: [TARGET], cancels: true, writes: 22 },
];

describe.each(COURSES)('a Distributor whose power fails, $name', (course) => {
  const whole = new CrashRun(course);
  whole.go();
  const { writes } = whole.store;

  it(`has at least ${course.writes} places where that can be`, () => {
    expect(writes).toBeGreaterThanOrEqual(course.writes);
  });

  it.each(['before', 'after'] as const)('loses nothing %s any write of its store', (side) => {
    for (let at = 1; at <= writes; at++) {
      const run = new CrashRun(course, (from) => new CutStore(from, at, side));
      run.go();
      const where = `cut ${side} write ${at}`;
      expect(run.store.isCut, where).toBe(true);
      const { mesh, distributor, phase } = run.scene;
      const { receivers } = distributor.server;
      expect(run.chunksOf(), where).toBeLessThanOrEqual(whole.chunksOf() + 1);
      for (const { address } of mesh.targets) {
        expect(run.chunksOf(address), where).toBeLessThanOrEqual(whole.chunksOf(address) + CHUNKS_PER_BLOCK);
      }
      expect(distributor.slots.images, where).toHaveLength(1);
      expect(distributor.slots.intact(0)?.read(0, IMAGE.length), where).toEqual(IMAGE);
      expect(distributor.slots.reservations, where).toEqual([]);
      if (course.cancels) {
        expect(phase, where).toBe(Phase.idle);
        expect(
          mesh.targets.map(({ update }) => update.phase),
          where,
        ).toEqual([UpdatePhase.idle]);
        expect(run.applied, where).toEqual([0]);
        continue;
      }
      expect(run.firmware, where).toEqual(run.firmware.map(() => NEW));
      expect(run.applied, where).toEqual(run.applied.map(() => 1));
      expect(
        receivers.map(({ retrievedUpdatePhase }) => retrievedUpdatePhase),
        where,
      ).toEqual(run.applied.map(() => UpdatePhase.applySuccess));
      for (const { device } of mesh.targets) expect(device.running, where).toEqual(IMAGE);
    }
  });
});

describe('a Distributor whose store refuses a write', () => {
  const course = COURSES[0] as Course;
  const OWN = ['distribution/', 'slots/'];

  it('goes on all the same, whichever it is', () => {
    const whole = new CrashRun(course, (from) => new RefusingStore(from, OWN));
    whole.go();
    const { own } = whole.store as RefusingStore;
    expect(own).toBeGreaterThanOrEqual(16);
    for (let at = 1; at <= own; at++) {
      const run = new CrashRun(course, (from) => new RefusingStore(from, OWN, at));
      run.go();
      const where = `refused write ${at}`;
      expect(run.firmware, where).toEqual([NEW]);
      expect(run.applied, where).toEqual([1]);
      expect(run.scene.receiverPhases, where).toEqual([UpdatePhase.applySuccess]);
      expect(run.scene.distributor.slots.images, where).toHaveLength(1);
    }
  });
});
