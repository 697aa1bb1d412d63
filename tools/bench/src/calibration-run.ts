import { MemoryStore, MeshError, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { MadeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import { parseSimUri, SIM_APP_INDEX, SIM_GROUP, World, ZEPHYR_CONTROLLER } from '@meshferry/sim';
import type { CalibrationRow } from './calibration-rows.ts';
import { imageOf } from './one-update.ts';

/** Targets give up after 10·(base + 1) s; a step that misses an answer is repeated after (base + 2)·2 s. */
export const TIMEOUT_BASE = 10;
/** The measured nodes took messages of 32 segments, so that chunks had 377 octets. */
export const PEERS = 'peer=stock,segments=32';

/** Seconds of the transfer for each seed from `firstSeed` on, and how many events the radio's geometry alone lost. */
export interface CalibrationRun {
  readonly seconds: readonly number[];
  /** Share of the receptions in range that fell between two scan windows. */
  readonly scanMisses: number;
}

/** Updates the targets of a row with a stock sender, once for each seed. Throws `calibration-failed` when one is lost. */
export async function runCalibration(row: CalibrationRow, firstSeed: number): Promise<CalibrationRun> {
  const made = await imageOf(row.size);
  const seconds: number[] = [];
  let missed = 0;
  let heard = 0;
  for (let seed = firstSeed; seed < firstSeed + row.seeds; seed++) {
    const sim = parseSimUri(`sim:targets=${row.targets},${PEERS},seed=${seed}`);
    const world = new World({ sim: { ...sim, controller: ZEPHYR_CONTROLLER } });
    seconds.push(await transferSeconds(row, world, made));
    missed += world.radio.stats.missed.scan;
    heard += world.radio.stats.receptions;
    world.close();
  }
  return { seconds, scanMisses: missed / (missed + heard) };
}

async function transferSeconds(row: CalibrationRow, world: World, made: MadeFirmware): Promise<number> {
  const { role, clock, random } = world;
  const store = storeView(new MemoryStore(), 'job/');
  const job = new UpdateJob({ role, clock, random, crypto: portableCrypto, store });
  const report = await world.run(
    job.run({
      image: made.image,
      metadata: made.metadata,
      firmwareId: made.firmwareId,
      targets: world.targets.map(({ address }) => address),
      appIndex: SIM_APP_INDEX,
      ...(row.byUnicast !== true && { group: SIM_GROUP }),
      settings: 'stock',
      timeoutBase: TIMEOUT_BASE,
    }),
  );
  const failed = report.targets.find(({ phase }) => phase !== 'applied');
  if (failed === undefined) return report.stats.transferSeconds;
  throw new MeshError('calibration-failed', `${row.name}, seed ${world.sim.seed}: a target ended as ${failed.phase}`, {
    hint: 'The measured transfers lost nobody: look what the simulator or the stock strategy does else.',
    cause: failed.error ?? undefined,
  });
}
