import type { Advertising, GattCentral } from '@meshferry/bearer';
import {
  encodeRecord,
  formatAddress,
  type Log,
  MemoryStore,
  MeshError,
  readRecord,
  SeededRandom,
  type Store,
  silent,
  VirtualClock,
} from '@meshferry/core';
import { type CryptoProvider, portableCrypto, sharedCrypto } from '@meshferry/crypto';
import type { OobRetriever } from '@meshferry/dfu';
import type { PublicKey } from '@meshferry/firmware';
import type { ProxyConnector } from '@meshferry/network';
import { MeshNode, type NodeGround, type UpdaterRole, updaterRole } from '@meshferry/node';
import type { SmpRoute } from '@meshferry/smp';
import { SMP_LINK, smpRouteTo } from './distributor-smp.ts';
import { GattAir, type GattPort } from './gatt-air.ts';
import { heldRetriever } from './held-retriever.ts';
import { Radio } from './radio.ts';
import { SimDevice } from './sim-device.ts';
import { SimDistributor } from './sim-distributor.ts';
import { SimFriend } from './sim-friend.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import { SimTarget } from './sim-target.ts';
import { SimulatedTime } from './simulated-time.ts';
import { chooseRelays, layOut, type Topology } from './topology.ts';
import {
  SIM_DISTRIBUTOR_ADDRESS,
  SIM_FIRST_FRIEND_ADDRESS,
  SIM_PROCESS_ADDRESS,
  type SimOptions,
  simTargetAddress,
} from './uri.ts';
import { MANY_ANSWERS, SIM_APP_INDEX, worldKeys } from './world-keys.ts';

export interface WorldOptions {
  readonly sim: SimOptions;
  /** What survives from one opening of the world to the next. Default: nothing does. */
  readonly store?: Store;
  /** Default {@link portableCrypto}: the fastest, and nothing here is secret. */
  readonly crypto?: CryptoProvider;
  readonly log?: Log;
  /** Public keys that targets trust; with any, they take signed images alone. */
  readonly trust?: readonly PublicKey[];
  /** How the simulated Distributor fetches firmware by itself, from a real archive. Default: it can not. */
  readonly archive?: OobRetriever;
  /**
   * Composes the node of this process; null: it is in no network yet, and only its radio works. Default: the updater of
   * the ready network, see {@link World.role}.
   */
  readonly self?: (ground: SelfGround) => MeshNode | null;
}

/** What the node of this process stands on. */
export interface SelfGround extends NodeGround {
  /** That reaches the farthest node of the world. */
  readonly defaultTtl: number;
  /** Segmented answers that it must be able to take at a time. */
  readonly incoming: number;
}

/**
 * A simulated mesh network: this process as node 0x0001, targets, perhaps a Distributor and Friends, devices that are not in
 * it yet, and the radio between them.
 */
export class World {
  readonly sim: SimOptions;
  readonly clock: VirtualClock = new VirtualClock();
  readonly radio: Radio;
  readonly targets: readonly SimTarget[];
  readonly distributor: SimDistributor | undefined;
  readonly friends: readonly SimFriend[];
  /** Unprovisioned at first. */
  readonly devices: readonly SimDevice[];
  /** For jobs of this process: other numbers at each opening of the world. */
  readonly random: SeededRandom;
  /** How the Distributor is reached by SMP over its GATT, if there is one and it offers that (`smp=1`). */
  readonly smp: SmpRoute | undefined;
  /** For that alone, where this process is not attached by GATT. */
  #smpPort: GattPort | undefined;
  readonly #self: SimNode;
  readonly #store: Store;
  #role: UpdaterRole | undefined;
  readonly #time: SimulatedTime = new SimulatedTime(this.clock);

  /**
   * Opens the world with all power on. Nodes find in the store what they knew before. Throws `no-proxy-in-reach` when
   * this process is to be attached by GATT and can not.
   */
  constructor(options: WorldOptions) {
    const { sim, trust = [] } = options;
    this.sim = sim;
    this.#store = options.store ?? new MemoryStore();
    const chances = `${sim.seed}/${countOpening(this.#store)}`;
    this.random = new SeededRandom(`${chances}/jobs`);
    const first = sim.distributor ? 2 : 1;
    const firstDevice = first + sim.targets + sim.friends;
    const nodes = firstDevice + sim.unprovisioned;
    const topology = layOut(sim.topology, nodes, new SeededRandom(`${sim.seed}/topology`), sim.hops);
    const isProxy = (index: number) =>
      (index >= first && index < first + sim.proxies) || index >= firstDevice || (sim.smp && index === 1);
    if (sim.link === 'gatt' && !topology.neighbours(0).some(isProxy)) throw noProxyInReach(sim);
    const relays = chooseRelays(topology, sim.relays);
    const beaconer = beaconerAmong(topology, sim, first, firstDevice);
    this.radio = new Radio({
      clock: this.clock,
      random: new SeededRandom(`${chances}/radio`),
      topology,
      model: sim.radio,
      loss: sim.loss,
    });
    const { crypto = portableCrypto } = options;
    const world: WorldGround = {
      clock: this.clock,
      radio: this.radio,
      gatt: new GattAir(this.clock, topology, new Map(sim.smp ? [[1, SMP_LINK]] : [])),
      store: this.#store,
      crypto: sim.memo === 'on' ? sharedCrypto(crypto) : crypto,
      log: options.log ?? silent,
      chances,
      defaultTtl: ttlFor(topology),
    };
    this.#self = this.#process(world, options.self ?? ((ground) => this.#updater(ground)));
    if (sim.distributor) {
      this.distributor = new SimDistributor({
        world,
        sim,
        address: SIM_DISTRIBUTOR_ADDRESS,
        index: 1,
        relay: relays(1),
        beacon: beaconer === 1,
        ...(options.archive && { archive: heldRetriever(options.archive, (until) => this.hold(until)) }),
      });
    }
    this.targets = Array.from({ length: sim.targets }, (_, i) => {
      const index = first + i;
      const lowPower = i >= sim.targets - sim.lowpower;
      const address = simTargetAddress(sim, i);
      const proxy = i < sim.proxies;
      const relay = relays(index) && !lowPower;
      return new SimTarget({
        world,
        sim,
        address,
        index,
        relay,
        lowPower,
        proxy,
        beacon: index === beaconer,
        trust,
      });
    });
    this.friends = Array.from({ length: sim.friends }, (_, i) => {
      const index = first + sim.targets + i;
      const address = SIM_FIRST_FRIEND_ADDRESS + i;
      return new SimFriend({ world, sim, address, index, relay: relays(index), beacon: index === beaconer });
    });
    this.devices = Array.from({ length: sim.unprovisioned }, (_, number) => {
      const index = firstDevice + number;
      return new SimDevice({ world, sim, number, index, relay: relays(index), trust });
    });
    for (const node of this.#nodes) node.powerOn();
    if (sim.distributor) this.smp = this.#smpRoute(world.gatt);
  }

  /** The node that is this process, unless it is in no network. */
  get node(): MeshNode {
    return this.#self.node as MeshNode;
  }

  /** Its radio; undefined when it is attached by GATT (`link=gatt`). */
  get advertising(): Advertising | undefined {
    return this.#self.port;
  }

  /** Its GATT central, if it is attached by GATT (`link=gatt`). */
  get central(): GattCentral | undefined {
    return this.#self.gatt?.central;
  }

  /** Its way to a proxy, if it is attached by GATT (`link=gatt`) and in a network. */
  get connector(): ProxyConnector | undefined {
    return this.#self.connector;
  }

  /** Its firmware update models, if it was composed by this world. */
  get role(): UpdaterRole {
    return this.#role as UpdaterRole;
  }

  /**
   * Lets simulated time pass until `work` has settled, and gives its outcome. Throws `aborted` as soon as `signal` asks
   * for it, and `simulation-stalled` when nothing in the world would ever happen again.
   */
  run<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#time.run(work, signal);
  }

  /** No simulated time passes until this has settled: somebody outside is being asked. */
  hold(until: Promise<unknown>): void {
    this.#time.hold(until);
  }

  /** Switches everything off. The store stays the caller's to close. */
  close(): void {
    this.#smpPort?.close();
    for (const node of this.#nodes) node.powerOff();
  }

  get #nodes(): SimNode[] {
    const distributor = this.distributor === undefined ? [] : [this.distributor];
    return [this.#self, ...distributor, ...this.friends, ...this.targets, ...this.devices];
  }

  #smpRoute(air: GattAir): SmpRoute {
    let { central } = this;
    if (central === undefined) {
      this.#smpPort = air.attach(0);
      central = this.#smpPort.central;
    }
    return smpRouteTo(`sim:${formatAddress(SIM_DISTRIBUTOR_ADDRESS)}`, central, this.clock, 1);
  }

  #process(world: WorldGround, compose: (ground: SelfGround) => MeshNode | null): SimNode {
    const { sim } = this;
    return new SimNode({
      world,
      address: SIM_PROCESS_ADDRESS,
      index: 0,
      controller: sim.controller,
      bare: true,
      ...(sim.link === 'gatt' && { proxy: 'client' }),
      compose: (ground) => compose({ ...ground, defaultTtl: world.defaultTtl, incoming: MANY_ANSWERS }),
    });
  }

  #updater(ground: SelfGround): MeshNode {
    const { seed } = this.sim;
    const role = updaterRole(ground);
    this.#role = role;
    const node: MeshNode = new MeshNode({
      ...ground,
      address: SIM_PROCESS_ADDRESS,
      keys: worldKeys(seed, SIM_PROCESS_ADDRESS),
      identity: { cid: 0xffff, pid: 0, vid: 0, crpl: 0xffff, features: 0 },
      elements: [{ location: 0, models: role.models }],
      deviceKeyOf: (address) => worldKeys(seed, address).deviceKey,
    });
    role.bind(SIM_APP_INDEX);
    return node;
  }
}

/** A client that has no neighbour to connect to would look for one forever. */
function noProxyInReach({ proxies, unprovisioned }: SimOptions): MeshError {
  const what = [
    ...(proxies > 0 ? [`${proxies} proxies`] : []),
    ...(unprovisioned > 0 ? [`${unprovisioned} devices`] : []),
  ];
  return new MeshError('no-proxy-in-reach', `none of the ${what.join(' and ')} is in reach of this process`, {
    hint: 'Give more proxies=N, or another topology.',
  });
}

/**
 * Index of the node that sends Secure Network beacons: one is enough for who listens beside this process, and does not
 * disturb an update. The Distributor or a target that never sleeps, else a Friend, in reach of this process.
 */
function beaconerAmong(topology: Topology, sim: SimOptions, first: number, firstDevice: number): number | undefined {
  const sleeps = (index: number) => index >= first + sim.targets - sim.lowpower && index < first + sim.targets;
  return topology.neighbours(0).find((index) => index < firstDevice && !sleeps(index));
}

/** A message with TTL n is heard n hops away. 5 is what nodes have out of the box. */
function ttlFor({ nodes, hopsTo }: Topology): number {
  const farthest = Math.max(...Array.from({ length: nodes }, (_, index) => hopsTo(index)));
  return Math.min(Math.max(5, farthest), MAX_TTL);
}

const MAX_TTL = 0x7f;

/** How often the world was opened before: chances must not repeat, or identifiers drawn at random would. */
function countOpening(store: Store): number {
  const opened = readRecord<number>(store, 'world/opened') ?? 0;
  store.batch([['world/opened', encodeRecord(opened + 1)]]);
  return opened;
}
