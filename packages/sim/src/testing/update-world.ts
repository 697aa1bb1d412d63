import { MemoryStore, SeededRandom, type Store, storeView, toHex } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { type JobProgress, type JobReport, UpdateJob } from '@meshferry/node';
import { type TraceHash, traceHash } from '../trace.ts';
import { parseSimUri } from '../uri.ts';
import { World, type WorldOptions } from '../world.ts';
import { SIM_APP_INDEX, SIM_GROUP } from '../world-keys.ts';

/** A signed package with `size` octets of application, the same each time. */
export function firmware(size = 6000, minor = 1): Promise<MadeFirmware> {
  return makeFirmware({
    payload: new SeededRandom(`application ${size}`).bytes(size),
    version: { major: 1, minor, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });
}

export interface RunOptions {
  readonly resume?: boolean;
  readonly policy?: 'verify' | 'apply';
  readonly distributor?: number;
  readonly via?: 'mesh' | 'smp';
  readonly unicast?: boolean;
  /** Default: the one that all targets subscribe to. */
  readonly group?: number;
  readonly mode?: 'push' | 'pull';
  /** Cuts the power of the whole world when it returns true. */
  readonly cutWhen?: (progress: JobProgress) => boolean;
}

/** A simulated world with an update job in it, on a store that may outlive it. */
export class UpdateWorld {
  readonly world: World;
  readonly job: UpdateJob;
  readonly trace: TraceHash;
  readonly progress: JobProgress[] = [];

  constructor(uri: string, options: { store?: Store } & Omit<WorldOptions, 'sim' | 'store'> = {}) {
    const store = options.store ?? new MemoryStore();
    this.world = new World({ ...options, sim: parseSimUri(uri), store });
    this.trace = traceHash(this.world.radio);
    this.job = new UpdateJob({
      role: this.world.role,
      clock: this.world.clock,
      random: this.world.random,
      crypto: portableCrypto,
      store: storeView(store, 'job/'),
      ...(this.world.smp && { smp: this.world.smp }),
    });
  }

  /** Runs an update of all targets to its end; undefined when the power was cut. */
  async update(made: MadeFirmware, options: RunOptions = {}): Promise<JobReport | undefined> {
    const abort = new AbortController();
    let cut = false;
    const run = this.job.run(
      {
        image: made.image,
        metadata: made.metadata,
        firmwareId: made.firmwareId,
        targets: this.world.targets.map(({ address }) => address),
        appIndex: SIM_APP_INDEX,
        ...(options.unicast ? {} : { group: options.group ?? SIM_GROUP }),
        ...(options.policy && { policy: options.policy }),
        ...(options.mode && { mode: options.mode }),
        ...(options.distributor === undefined ? {} : { distributor: options.distributor }),
        ...(options.via && { via: options.via }),
      },
      {
        resume: options.resume ?? false,
        onProgress: (progress) => {
          this.progress.push(progress);
          if (!cut && options.cutWhen?.(progress)) {
            cut = true;
            this.world.close();
            abort.abort();
          }
        },
      },
    );
    const stopped = new Promise<undefined>((resolve) => {
      abort.signal.addEventListener('abort', () => resolve(undefined));
    });
    const report = await this.world.run(Promise.race([run, stopped]));
    if (report !== undefined) this.world.close();
    return report;
  }

  /** What each target runs: `new`, `old`, or `other octets`. */
  running(made: MadeFirmware): string[] {
    return this.world.targets.map(({ runningImage, firmwareId }) => {
      if (runningImage === undefined) return 'old';
      const same = toHex(runningImage) === toHex(made.image);
      return same && toHex(firmwareId ?? new Uint8Array()) === toHex(made.firmwareId) ? 'new' : 'other octets';
    });
  }
}
