import {
  type AppIndex,
  encodeRecord,
  formatAddress,
  type MeshError,
  readRecord,
  SeededRandom,
  type Store,
  storeView,
  type Unicast,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MeshNetwork, type ReprovisionWay, UpdateJob, type UpdaterRole } from '@meshferry/node';
import { pbAdv, pbGatt } from '@meshferry/provisioning';
import { SIM_DISTRIBUTOR_ADDRESS, type SimOptions, type World } from '@meshferry/sim';
import { requireNetwork } from '../network/open.ts';
import { Session } from '../network/session.ts';
import { badInput, type Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { chooseSim } from './bearers.ts';
import { distributorsIn, type UpdateTarget, updateTargets } from './targets.ts';

/** An open network that firmware can be sent to, and the job that its state holds. */
export class Mesh {
  readonly session: Session;
  readonly job: UpdateJob;
  readonly network: MeshNetwork;

  /** Opens what `--bearer` names, as its last command under the same `--state` left it. */
  constructor(shell: Shell, sim: SimOptions = chooseSim(shell.bearers)) {
    this.session = new Session(shell, sim);
    try {
      if (this.session.state === undefined && sim.unprovisioned === 0) throw noTargets();
      this.network = requireNetwork(shell, this.session);
    } catch (thrown) {
      this.session.close();
      throw thrown;
    }
    const { store, world, role } = this.session;
    const reprovision = reprovisionIn(world);
    this.job = new UpdateJob({
      role,
      network: this.network,
      ...(reprovision && { reprovision }),
      clock: world.clock,
      crypto: portableCrypto,
      random: new SeededRandom(`${sim.seed}/jobs/${countJobs(store)}`),
      store: storeView(store, 'job/'),
    });
  }

  get sim(): SimOptions {
    return this.session.sim;
  }

  get world(): World {
    return this.session.world;
  }

  /** The firmware update models of this process. */
  get role(): UpdaterRole {
    return this.session.role;
  }

  /** Elements with a Firmware Update Server. */
  get targets(): readonly Unicast[] {
    return this.#targets.map(({ address }) => address);
  }

  /** The AppKey that the update goes under: the first one that their models are bound to. */
  get appIndex(): AppIndex {
    return this.#targets.flatMap(({ appKeys }) => appKeys)[0] ?? 0;
  }

  /** The image of the unfinished job: `dfu resume` and `dfu apply` need no file. */
  get image(): Uint8Array | undefined {
    return this.session.store.get(IMAGE);
  }

  set image(image: Uint8Array | undefined) {
    this.session.store.batch([[IMAGE, image ?? null]]);
  }

  /** Share of the air that the unfinished job may take, as the command that started it said; undefined: no limit. */
  get airtime(): number | undefined {
    return readRecord<number>(this.session.store, AIRTIME);
  }

  set airtime(share: number | undefined) {
    this.session.store.batch([[AIRTIME, share === undefined ? null : encodeRecord(share)]]);
  }

  /** Keeps what this process sends for updates within that share of the air. */
  limitAir(share: number | undefined): void {
    this.network.node.network.airtime = share;
  }

  /** See `Session.run`. */
  run<T>(work: Promise<T>, interrupted: () => MeshError): Promise<T> {
    return this.session.run(work, interrupted);
  }

  /** The addresses of `--targets`, each once; all targets without it. */
  chooseTargets(wanted: readonly Unicast[] | undefined): readonly Unicast[] {
    if (this.targets.length === 0) throw noTargets();
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
    if (wanted === undefined || wanted === 'self' || wanted === this.network.address) return undefined;
    // A simulated one that is too silent to tell what it is made of is one nevertheless.
    const simulated = this.sim.distributor ? [SIM_DISTRIBUTOR_ADDRESS] : [];
    const known = [...new Set([...distributorsIn(this.network.document), ...simulated])];
    if (known.includes(wanted)) return wanted;
    const hint =
      known.length > 0
        ? `Give --distributor ${known.map(formatAddress).join(' or ')}, or self.`
        : `Add distributor=1 to the URI and give --distributor ${formatAddress(SIM_DISTRIBUTOR_ADDRESS)}, or give self.`;
    throw badInput('unknown-distributor', `${formatAddress(wanted)} is not a Distributor of this network`, hint);
  }

  close(): void {
    this.session.close();
  }

  get #targets(): readonly UpdateTarget[] {
    return updateTargets(this.network, this.world);
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
const AIRTIME = 'airtime';

/** What this process reaches unprovisioned devices by. */
function reprovisionIn({ clock, random, advertising, central }: World): ReprovisionWay | undefined {
  if (central !== undefined) return { bearer: pbGatt({ clock }, central) };
  return advertising && { bearer: pbAdv({ clock, random }, advertising) };
}

function noTargets(): Stop {
  return badInput(
    'no-targets',
    'the network has no targets',
    'Give the URI targets=10, or configure a node with a Firmware Update Server: see "meshferry node config --help".',
  );
}

/** How often the store was opened: BLOB identifiers must differ from one job to the next. */
function countJobs(store: Store): number {
  const opened = readRecord<number>(store, 'opened') ?? 0;
  store.batch([['opened', encodeRecord(opened + 1)]]);
  return opened;
}
