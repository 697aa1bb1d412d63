import { MemoryStore } from '@meshferry/core';
import type { MadeFirmware } from '@meshferry/firmware';
import type { JobReport, UpdateRequest } from '@meshferry/node';
import { expect } from 'vitest';
import { InitiatorWorld, type Moment } from './initiator-world.ts';

/** A job that is done once for every write of its process. */
export interface CutJob {
  readonly uri: string;
  /** Where each of them begins. */
  readonly from: MemoryStore;
  readonly made: MadeFirmware;
  readonly request: Partial<UpdateRequest>;
  /** Blocks that all receivers together get at least. */
  readonly blocks: number;
  /** Things that are to be taken back at the end. */
  readonly removals: number;
}

/** How long the process stays away, ms: not at all, for a while, longer than targets wait. */
const AWAY_MS = [50, 5000, 60_000];

/**
 * Kills the Initiator alone at every write of a job, before or after it is durable, and lets it resume: every target is
 * updated, no receiver is sent more than one block again, and what was prepared is taken back once. Gives how often.
 */
export async function cutEverywhere(job: CutJob, moment: Moment): Promise<number> {
  const whole = new InitiatorWorld(job.uri, copyOf(job));
  const before = outline(whole);
  const writes = whole.writes;
  await whole.run(run(whole, job, false));
  const count = whole.writes - writes;
  expect(whole.removals).toHaveLength(job.removals);
  expect(outline(whole)).toEqual(before);
  expect(whole.blocks.size).toBeGreaterThanOrEqual(job.blocks);
  whole.close();
  for (let at = 1; at <= count; at++) await cut(job, moment, at, before);
  return count;
}

async function cut(job: CutJob, moment: Moment, at: number, before: unknown): Promise<void> {
  const where = `killed ${moment} write ${at}`;
  const world = new InitiatorWorld(job.uri, copyOf(job));
  const killed = world.killAt(at, moment);
  const outcome = run(world, job, false);
  const ended = await world.run(Promise.race([outcome, killed]));
  if (ended === undefined) await world.wait(AWAY_MS[at % AWAY_MS.length] as number);
  world.kill();
  world.start();
  const unfinished = world.job.saved() !== undefined;
  const hasAll = world.running().every((id) => id === '59000101000000000000');
  let report: JobReport | undefined;
  // Away for longer than targets wait: they may have to be asked more than once.
  for (let i = 0; i < 3 && (unfinished ? world.job.saved() !== undefined : !hasAll && i === 0); i++) {
    report = await world.run(run(world, job, unfinished));
  }
  if (report !== undefined)
    expect(
      report.targets.map(({ phase, error }) => [phase, error?.message ?? null]),
      where,
    ).toEqual(report.targets.map(() => ['applied', null]));
  expect(world.running(), where).toEqual(world.running().map(() => '59000101000000000000'));
  for (const [receiver, blocks] of world.repeated())
    expect(blocks, `${where}: again to ${receiver}`).toBeLessThanOrEqual(1);
  expect(world.job.saved(), where).toBeUndefined();
  expect(world.job.notUndone(), where).toEqual([]);
  expect(outline(world), where).toEqual(before);
  // One step of each node may have been under way.
  expect(world.removals.length, where).toBeLessThanOrEqual(job.removals + 2);
  expect(new Set(world.removals).size, where).toBeLessThanOrEqual(job.removals);
  world.close();
}

function run(world: InitiatorWorld, { made, request }: CutJob, resume: boolean): Promise<JobReport> {
  return world.job.run(world.request(made, request), { resume });
}

function copyOf({ from }: CutJob): MemoryStore {
  const copy = new MemoryStore();
  copy.batch(from.keys('').map((key) => [key, from.get(key) ?? null]));
  return copy;
}

/** How the network is configured: in the document, and in the nodes themselves. */
function outline(world: InitiatorWorld): unknown {
  return {
    nodes: world.document.nodes,
    devices: [...world.world.devices, ...world.world.targets].map((device) => ({
      ...world.configurationOf(device),
      sar: device.node?.network.sarReceiver,
    })),
  };
}
