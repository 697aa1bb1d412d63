import { hexNumber, nodeRange } from '@meshferry/cdb';
import {
  type AppIndex,
  encodeRecord,
  formatAddress,
  type MeshError,
  readRecord,
  storeView,
  type Unicast,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MeshNetwork, UpdateJob, type UpdaterRole } from '@meshferry/node';
import { chooseWay, type Way } from '../bearers/way.ts';
import { reachDevices } from '../network/devices.ts';
import { requireNetwork } from '../network/open.ts';
import type { Session } from '../network/session.ts';
import { badInput, type Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { SmpWay } from './smp-way.ts';
import { distributorsIn, type UpdateTarget, updateTargets } from './targets.ts';

/** An open network that firmware can be sent to, and the job that its state holds. */
export class Mesh {
  readonly session: Session;
  readonly job: UpdateJob;
  readonly network: MeshNetwork;
  /** To a real Distributor. */
  readonly #smpWay: SmpWay;

  /** Opens what `--bearer` names, as its last command under the same `--state` left it. */
  static async open(shell: Shell, way: Way = chooseWay(shell)): Promise<Mesh> {
    const session = await way.open();
    try {
      return new Mesh(shell, session);
    } catch (thrown) {
      await session.close();
      throw thrown;
    }
  }

  private constructor(shell: Shell, session: Session) {
    this.session = session;
    if (session.state === undefined && session.surroundings.isEmpty) throw noTargets(session);
    this.network = requireNetwork(shell, session);
    const { clock, store, role } = session;
    const bearer = reachDevices(session);
    this.#smpWay = new SmpWay(shell, session, () => this.smpUri);
    this.job = new UpdateJob({
      role,
      network: this.network,
      ...(bearer && { reprovision: { bearer } }),
      clock,
      crypto: portableCrypto,
      random: session.openJobs(),
      smp: session.smp ?? this.#smpWay,
      store: storeView(store, 'job/'),
    });
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

  /** Company Identifier of the firmware of the targets; where nobody tells, that of Nordic Semiconductor. */
  get company(): number {
    const { nodes } = this.network.document;
    const addresses = new Set(this.targets);
    const target = nodes.find((node) => addresses.has(nodeRange(node).address));
    return this.session.surroundings.company ?? (target?.cid === undefined ? NORDIC : hexNumber(target.cid));
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

  /** How the Distributor of the unfinished job is reached by SMP, as it was typed last; undefined where it was not. */
  get smpUri(): string | undefined {
    return readRecord<string>(this.session.store, SMP);
  }

  set smpUri(uri: string | undefined) {
    this.session.store.batch([[SMP, uri === undefined ? null : encodeRecord(uri)]]);
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
    if (this.targets.length === 0) throw noTargets(this.session);
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
    // One that is too silent to tell what it is made of is one nevertheless.
    const { distributors, advice } = this.session.surroundings;
    const known = [...new Set([...distributorsIn(this.network.document), ...distributors])];
    if (known.includes(wanted)) return wanted;
    const hint =
      known.length > 0
        ? `Give --distributor ${known.map(formatAddress).join(' or ')}, or self.`
        : `${advice.distributor}, or give self.`;
    throw badInput('unknown-distributor', `${formatAddress(wanted)} is not a Distributor of this network`, hint);
  }

  async close(): Promise<void> {
    await this.#smpWay.end();
    await this.session.close();
  }

  get #targets(): readonly UpdateTarget[] {
    return updateTargets(this.network, this.session.surroundings.targets);
  }
}

/** Opens the network for `use` and closes it whatever happens. */
export async function withMesh<T>(shell: Shell, use: (mesh: Mesh) => Promise<T>, way?: Way): Promise<T> {
  const mesh = await Mesh.open(shell, way);
  try {
    return await use(mesh);
  } finally {
    await mesh.close();
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
const SMP = 'smp';
const NORDIC = 0x0059;

function noTargets({ surroundings }: Session): Stop {
  return badInput(
    'no-targets',
    'the network has no targets',
    `${surroundings.advice.targets} a node with a Firmware Update Server: see "meshferry node config --help".`,
  );
}
