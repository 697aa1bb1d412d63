import { join } from 'node:path';
import type { Advertising, GattCentral } from '@meshferry/bearer';
import {
  type Clock,
  encodeRecord,
  equal,
  formatAddress,
  MemoryStore,
  type MeshError,
  type Random,
  readRecord,
  SeededRandom,
  type Store,
  storeView,
  toHex,
  utf8,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type MeshNetwork, NetworkState, type UpdaterRole } from '@meshferry/node';
import {
  canonicalSimUri,
  describeNodes,
  readyNetwork,
  SIM_DISTRIBUTOR_ADDRESS,
  type SimOptions,
  World,
} from '@meshferry/sim';
import type { SmpRoute } from '@meshferry/smp';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { DistributorArchive } from '../archive/distributor.ts';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { asInput, ExitCode, Stop } from '../shell/exit.ts';
import { formatSeconds } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';
import {
  composeOwnPart,
  type OwnPart,
  type Session,
  type SessionOptions,
  type Surroundings,
  type Traffic,
} from './session.ts';

/**
 * A simulated world and what is kept of its network: as the last command with the same URI and `--state` left both. Time
 * passes only while somebody waits for it.
 */
export class SimSession implements Session {
  readonly sim: SimOptions;
  readonly world: World;
  readonly store: Store;
  readonly networkStore: Store;
  readonly folder: string | undefined;
  /** Heard from the first moment on: the work begins, and writes, before {@link run} waits for it. */
  #interrupt = new AbortController();
  readonly #unlisten: () => void;
  readonly #archive = new DistributorArchive();
  #state: NetworkState | undefined;
  #own: OwnPart | undefined;

  constructor(shell: Shell, sim: SimOptions, { ready: takesReady = true }: SessionOptions = {}) {
    this.sim = sim;
    this.folder = shell.state;
    const trust = sim.trust === undefined ? [] : [readPublicKeyFile(shell.io, sim.trust)];
    this.store = openStore(shell.state, sim);
    this.networkStore = storeView(this.store, 'network/');
    this.#unlisten = shell.io.signals.listen(() => this.#interrupt.abort());
    try {
      const ready = takesReady ? readyNetwork(sim) : undefined;
      const state = asInput(() => NetworkState.open(this.networkStore));
      this.#state = state ?? (ready && NetworkState.begin(this.networkStore, ready.document, ready.own));
      const store = storeView(this.store, 'sim/');
      this.world = new World({
        sim,
        trust,
        log: shell.log,
        store,
        archive: this.#archive.retriever,
        self: ({ defaultTtl, incoming, ...ground }) => {
          this.#own = composeOwnPart(shell, ground, this.#state, { defaultTtl, incoming });
          return this.#own?.network.node ?? null;
        },
      });
      if (state === undefined && ready !== undefined) this.#describe();
    } catch (thrown) {
      this.#unlisten();
      this.store.close();
      throw thrown;
    }
  }

  get clock(): Clock {
    return this.world.clock;
  }

  get random(): Random {
    return this.world.random;
  }

  get advertising(): Advertising | undefined {
    return this.world.advertising;
  }

  get central(): GattCentral | undefined {
    return this.world.central;
  }

  get state(): NetworkState | undefined {
    return this.#state;
  }

  get network(): MeshNetwork | undefined {
    return this.#own?.network;
  }

  get role(): UpdaterRole {
    return this.#own?.role as UpdaterRole;
  }

  get smp(): SmpRoute | undefined {
    return this.world.smp;
  }

  get surroundings(): Surroundings {
    const { sim, world } = this;
    const device = (uuid: Uint8Array) => world.devices.find(({ label }) => equal(label.uuid, uuid));
    return {
      company: sim.company,
      isEmpty: sim.unprovisioned === 0 && sim.targets === 0,
      targets: world.targets.map(({ address }) => address),
      distributors: sim.distributor ? [SIM_DISTRIBUTOR_ADDRESS] : [],
      label: (uuid) => {
        const label = device(uuid)?.label;
        return [
          ...(label?.staticOob === undefined ? [] : [`static:${toHex(label.staticOob)}`]),
          ...(label?.keyPair === undefined ? [] : [`publickey:${toHex(label.keyPair.publicKey)}`]),
        ];
      },
      user: (uuid) => device(uuid)?.user,
      advice: {
        targets: 'Give the URI targets=10, or configure',
        distributor: `Add distributor=1 to the URI and give --distributor ${formatAddress(SIM_DISTRIBUTOR_ADDRESS)}`,
      },
    };
  }

  get traffic(): Traffic {
    const { radio } = this.world;
    return {
      events: radio.stats.events,
      isOnAir: true,
      controller: this.sim.controller,
      listen: (heard) =>
        radio.tap(({ node, at, type, data }) => heard({ t: Math.round(at * 1000), device: node, type, data })),
      duration: (seconds, wallSeconds) =>
        wallSeconds === undefined
          ? `${formatSeconds(seconds)} of simulated time`
          : `${formatSeconds(seconds)} of mesh time, simulated in ${formatSeconds(wallSeconds)}`,
    };
  }

  async run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T> {
    const { signal } = this.#interrupt;
    try {
      return await this.world.run(work, signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      this.#interrupt = new AbortController();
      if (leave !== undefined) {
        leave();
        this.world.clock.advance(LEAVE_MS);
      }
      throw new Stop(ExitCode.interrupted, interrupted());
    }
  }

  openJobs(): Random {
    return new SeededRandom(`${this.sim.seed}/jobs/${countOpening(this.store)}`);
  }

  hold(until: Promise<unknown>): void {
    this.world.hold(until);
  }

  async close(): Promise<void> {
    this.#unlisten();
    this.world.close();
    this.store.close();
    this.#archive.close();
  }

  /** The nodes that the world came with are in the document from the start, as if they had been configured by us. */
  #describe(): void {
    const { targets, friends, distributor } = this.world;
    const nodes = [...targets, ...friends, distributor].map((device) => device?.node);
    const network = this.#own?.network;
    if (network !== undefined) network.change(describeNodes(network.document, nodes));
  }
}

/** Simulated time in which the last messages leave, ms: Link Close goes out within a tenth of a second, also through a node. */
const LEAVE_MS = 1000;

function openStore(state: string | undefined, sim: SimOptions): Store {
  if (state === undefined) return new MemoryStore();
  const name = toHex(portableCrypto.sha256(utf8(canonicalSimUri(sim))).subarray(0, 8));
  // The nodes live and die with this process: what it wrote before it was killed is all that can matter.
  return asInput(() => openSqliteStore(join(state, 'sim', name, 'world.sqlite'), { durability: 'process' }));
}

/** How often jobs were opened: BLOB identifiers must differ from one job to the next. */
function countOpening(store: Store): number {
  const opened = readRecord<number>(store, 'opened') ?? 0;
  store.batch([['opened', encodeRecord(opened + 1)]]);
  return opened;
}
