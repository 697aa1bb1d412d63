import { join } from 'node:path';
import { MemoryStore, type MeshError, type Store, storeView, toHex, utf8 } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { MeshNetwork, type MeshNode, NetworkState, type UpdaterRole, updaterRole } from '@meshferry/node';
import { canonicalSimUri, describeNodes, readyNetwork, type SelfGround, type SimOptions, World } from '@meshferry/sim';
import { openSqliteStore } from '@meshferry/store-sqlite';
import { DistributorArchive } from '../archive/distributor.ts';
import { readPublicKeyFile } from '../firmware/read-file.ts';
import { asInput, ExitCode, Stop } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';

export interface SessionOptions {
  /** Whether the network that the world comes with is kept when there is none. Default true. */
  readonly ready?: boolean;
}

/**
 * A simulated world and what is kept of its network, open for one command: as the last command with the same URI and
 * `--state` left both. There may be no network in it yet, or one that this process is not in.
 */
export class Session {
  readonly sim: SimOptions;
  readonly world: World;
  /** The file of this session; see {@link networkStore} for what the network keeps in it. */
  readonly store: Store;
  readonly #shell: Shell;
  /** Heard from the first moment on: the work begins, and writes, before {@link run} waits for it. */
  #interrupt = new AbortController();
  readonly #unlisten: () => void;
  readonly #archive = new DistributorArchive();
  #state: NetworkState | undefined;
  #network: MeshNetwork | undefined;
  #role: UpdaterRole | undefined;

  constructor(shell: Shell, sim: SimOptions, { ready: takesReady = true }: SessionOptions = {}) {
    this.sim = sim;
    this.#shell = shell;
    const trust = sim.trust === undefined ? [] : [readPublicKeyFile(shell.io, sim.trust)];
    this.store = openStore(shell.state, sim);
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
        self: (ground) => this.#compose(ground),
      });
      if (state === undefined && ready !== undefined) this.#describe();
    } catch (thrown) {
      this.#unlisten();
      this.store.close();
      throw thrown;
    }
  }

  /** Where the network is kept. */
  get networkStore(): Store {
    return storeView(this.store, 'network/');
  }

  /** The network that is kept, if there is one. */
  get state(): NetworkState | undefined {
    return this.#state;
  }

  /** The network with the node of this process in it; undefined while there is none. */
  get network(): MeshNetwork | undefined {
    return this.#network;
  }

  /** The firmware update models of that node. */
  get role(): UpdaterRole {
    return this.#role as UpdaterRole;
  }

  /**
   * Lets time pass in the world until `work` is done. `interrupted` makes the error of a first Ctrl-C, exit code 130.
   * `leave` takes leave of who takes part in the work, and what that sends still goes on air; a second Ctrl-C ends the
   * process without.
   */
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

  close(): void {
    this.#unlisten();
    this.world.close();
    this.store.close();
    this.#archive.close();
  }

  #compose(ground: SelfGround): MeshNode | null {
    const state = this.#state;
    if (state?.own === undefined) return null;
    const { defaultTtl, incoming } = ground;
    const role = updaterRole(ground);
    this.#role = role;
    this.#network = new MeshNetwork({
      ...ground,
      state,
      wallTime: () => this.#shell.io.wallTime(),
      models: role.models,
      node: { defaultTtl, incoming },
    });
    return this.#network.node;
  }

  /** The nodes that the world came with are in the document from the start, as if they had been configured by us. */
  #describe(): void {
    const { targets, friends, distributor } = this.world;
    const nodes = [...targets, ...friends, distributor].map((device) => device?.node);
    const network = this.#network;
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
