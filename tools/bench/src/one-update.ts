import { performance } from 'node:perf_hooks';
import { formatAddress, MemoryStore, SeededRandom, storeView } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { UpdateJob } from '@meshferry/node';
import {
  airBoundSeconds,
  parseSimUri,
  type RadioStats,
  SIM_APP_INDEX,
  SIM_GROUP,
  settingsBoundSeconds,
  World,
} from '@meshferry/sim';

/** Which simulated network is updated, with what, and how. */
export interface UpdateCase {
  /** What follows `sim:`; the seed is given apart. */
  readonly uri: string;
  readonly kib: number;
  /** To each by itself instead of to the group. */
  readonly unicast?: boolean;
  /** How the sender sends; the peers are what the URI says. Default `auto`. */
  readonly settings?: 'auto' | 'stock';
}

/** How it went. */
export interface UpdateOutcome {
  readonly targets: number;
  /** Of the BLOB transfer, simulated. */
  readonly seconds: number;
  /** Targets that do not run the image in the end, and why. */
  readonly lost: readonly string[];
  /** What the controller's settings allow, and what physics allows, seconds. */
  readonly settingsBound: number;
  readonly airBound: number;
  readonly chunksSent: number;
  readonly chunksResent: number;
  readonly radio: RadioStats;
  /** Of this machine. */
  readonly wallSeconds: number;
}

/** Updates all targets of a fresh world, by a job as the CLI runs it. */
export async function oneUpdate({ uri, kib, unicast, settings }: UpdateCase, seed: number): Promise<UpdateOutcome> {
  const { image, metadata, firmwareId } = await imageOf(kib * 1024);
  const sim = parseSimUri(`sim:${[uri, `seed=${seed}`].filter(Boolean).join(',')}`);
  const start = performance.now();
  const world = new World({ sim });
  const { clock, random, role } = world;
  const store = storeView(new MemoryStore(), 'job/');
  const job = new UpdateJob({ role, clock, random, crypto: portableCrypto, store });
  const report = await world.run(
    job.run({
      image,
      metadata,
      firmwareId,
      targets: world.targets.map(({ address }) => address),
      appIndex: SIM_APP_INDEX,
      ...(unicast !== true && { group: SIM_GROUP }),
      ...(settings && { settings }),
    }),
  );
  world.close();
  return {
    targets: sim.targets,
    seconds: report.stats.transferSeconds,
    lost: report.targets.flatMap(({ address, phase, error }) =>
      phase === 'applied' ? [] : [`${formatAddress(address)} ${phase}: ${error?.message ?? 'no error'}`],
    ),
    settingsBound: settingsBoundSeconds(image.length, sim.targets, sim.controller),
    airBound: airBoundSeconds(image.length, sim.targets),
    chunksSent: report.stats.chunksSent,
    chunksResent: report.stats.chunksResent,
    radio: world.radio.stats,
    wallSeconds: (performance.now() - start) / 1000,
  };
}

/** Numbers as people write them: `5`, `1,3`, `101-120`; undefined: `initial`. Exits when it is something else. */
export function readSeeds(text: string | undefined, initial: string): number[] {
  return (text ?? initial).split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) {
      console.error(`"${part}" is no seed: write 5, 1,3 or 101-120.`);
      process.exit(2);
    }
    return Array.from({ length: Math.max(0, Number(to) - Number(from) + 1) }, (_, i) => Number(from) + i);
  });
}

/** The most memory that this process has had so far, MiB. */
export function peakMemory(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

/** A package whose image has so many octets: without a signature, whose length differs from one to the next. */
export async function imageOf(size: number): Promise<MadeFirmware> {
  const make = (length: number) =>
    makeFirmware({
      payload: new SeededRandom('bench').bytes(length),
      version: { major: 2, minor: 0, revision: 0, build: 0 },
      company: 0x59,
      crypto: portableCrypto,
      key: null,
    });
  const { image } = await make(size);
  return make(2 * size - image.length);
}
