import { join } from 'node:path';
import {
  encodeRecord,
  formatAddress,
  MemoryStore,
  type MeshError,
  readRecord,
  SeededRandom,
  type Store,
  storeView,
  toHex,
  type Unicast,
  utf8,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { UpdateJob } from '@meshferry/node';
import { canonicalSimUri, SIM_DISTRIBUTOR_ADDRESS, SIM_PROCESS_ADDRESS, type SimOptions, World } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { asInput, badInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { chooseSim } from './bearers.ts';

/** An open network that firmware can be sent to, and the job that its state holds. */
export class Mesh {
  readonly sim: SimOptions;
  readonly world: World;
  readonly job: UpdateJob;
  readonly #shell: Shell;
  readonly #store: Store;

  /** Opens what `--bearer` names, as its last command under the same `--state` left it. */
  constructor(shell: Shell, sim: SimOptions = chooseSim(shell.bearers)) {
    this.sim = sim;
    this.#shell = shell;
    const trust = sim.trust === undefined ? [] : [readPublicKeyFile(shell.io, sim.trust)];
    this.#store = openStore(shell.state, sim);
    this.world = new World({ sim, trust, log: shell.log, store: storeView(this.#store, 'sim/') });
    this.job = new UpdateJob({
      role: this.world.role,
      clock: this.world.clock,
      crypto: portableCrypto,
      random: new SeededRandom(`${sim.seed}/jobs/${countJobs(this.#store)}`),
      store: storeView(this.#store, 'job/'),
    });
  }

  get targets(): readonly Unicast[] {
    return this.world.targets.map(({ address }) => address);
  }

  /** The image of the unfinished job: `dfu resume` and `dfu apply` need no file. */
  get image(): Uint8Array | undefined {
    return this.#store.get(IMAGE);
  }

  set image(image: Uint8Array | undefined) {
    this.#store.batch([[IMAGE, image ?? null]]);
  }

  /** Lets time pass in the network until `work` is done. `interrupted` makes the error of a first Ctrl-C, exit code 130. */
  async run<T>(work: Promise<T>, interrupted: () => MeshError): Promise<T> {
    const abort = new AbortController();
    const unlisten = this.#shell.io.signals.listen(() => abort.abort());
    try {
      return await this.world.run(work, abort.signal);
    } catch (thrown) {
      throw abort.signal.aborted ? new Stop(ExitCode.interrupted, interrupted()) : thrown;
    } finally {
      unlisten();
    }
  }

  /** The addresses of `--targets`, each once; all targets without it. */
  chooseTargets(wanted: readonly Unicast[] | undefined): readonly Unicast[] {
    if (this.targets.length === 0)
      throw badInput('no-targets', 'the network has no targets', 'Give the URI targets=10.');
    for (const address of wanted ?? []) {
      if (this.targets.includes(address)) continue;
      throw badInput(
        'unknown-target',
        `${formatAddress(address)} is not a target of this network`,
        `There are ${rangeOf(this.targets)}.`,
      );
    }
    return wanted === undefined ? this.targets : [...new Set(wanted)];
  }

  /** The node of `--distributor`; undefined for this one. */
  chooseDistributor(wanted: 'self' | Unicast | undefined): Unicast | undefined {
    if (wanted === undefined || wanted === 'self' || wanted === SIM_PROCESS_ADDRESS) return undefined;
    if (wanted === SIM_DISTRIBUTOR_ADDRESS && this.sim.distributor) return wanted;
    const node = formatAddress(SIM_DISTRIBUTOR_ADDRESS);
    const hint = this.sim.distributor
      ? `Give --distributor ${node}, or self.`
      : `Add distributor=1 to the URI and give --distributor ${node}, or give self.`;
    throw badInput('unknown-distributor', `${formatAddress(wanted)} is not a Distributor of this network`, hint);
  }

  close(): void {
    this.world.close();
    this.#store.close();
  }
}

/** Opens the network for `use` and closes it whatever happens. */
export async function withMesh<T>(shell: Shell, use: (mesh: Mesh) => Promise<T>, sim?: SimOptions): Promise<T> {
  const mesh = new Mesh(shell, sim);
  try {
    return await use(mesh);
  } finally {
    mesh.close();
  }
}

/** `0x0100 to 0x0109`. */
export function rangeOf(addresses: readonly Unicast[]): string {
  const [first = 0] = addresses;
  const last = addresses.at(-1) ?? first;
  return first === last ? formatAddress(first) : `${formatAddress(first)} to ${formatAddress(last)}`;
}

const IMAGE = 'image';

function openStore(state: string | undefined, sim: SimOptions): Store {
  if (state === undefined) return new MemoryStore();
  const name = toHex(portableCrypto.sha256(utf8(canonicalSimUri(sim))).subarray(0, 8));
  // The nodes live and die with this process: what it wrote before it was killed is all that can matter.
  return asInput(() => openSqliteStore(join(state, 'sim', name, 'world.sqlite'), { durability: 'process' }));
}

/** How often the store was opened: BLOB identifiers must differ from one job to the next. */
function countJobs(store: Store): number {
  const opened = readRecord<number>(store, 'opened') ?? 0;
  store.batch([['opened', encodeRecord(opened + 1)]]);
  return opened;
}
