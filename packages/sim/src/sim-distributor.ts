import type { GattPeripheral } from '@meshferry/bearer';
import { storeView } from '@meshferry/core';
import type { OobRetriever } from '@meshferry/dfu';
import { type DistributorRole, distributorRole, MeshNode, type NodeGround } from '@meshferry/node';
import { serveDistributorSmp } from './distributor-smp.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import { BOOT_MS } from './sim-target-parts.ts';
import type { Failure, SimOptions } from './uri.ts';
import { MANY_ANSWERS, RELAY_RETRANSMIT, SIM_APP_INDEX, worldKeys } from './world-keys.ts';

/** Images that a simulated Distributor has room for. */
const SLOTS = 4;

export interface SimDistributorOptions {
  readonly world: WorldGround;
  readonly sim: SimOptions;
  readonly address: number;
  readonly index: number;
  readonly relay: boolean;
  /** It sends Secure Network beacons. */
  readonly beacon: boolean;
  /** How it fetches firmware by itself. */
  readonly archive?: OobRetriever;
}

/**
 * A node that keeps firmware images and updates others with them. With `smp=1` it is a proxy, and takes images over SMP on the
 * same connection.
 */
export class SimDistributor extends SimNode {
  #role: DistributorRole | undefined;
  /** Of its present run. */
  #ground: NodeGround | undefined;
  readonly #failures: readonly Failure[];

  constructor(options: SimDistributorOptions) {
    super({
      world: options.world,
      address: options.address,
      index: options.index,
      ...(options.sim.smp && { proxy: 'server', serve: (peripheral) => this.#serveSmp(peripheral) }),
      compose: (ground) => this.#compose(options, ground),
    });
    this.#failures = options.sim.fail.filter(({ address }) => address === options.address);
    if (this.#failures.some(({ step }) => step === 'silent')) this.silence();
  }

  /** Its models, for tests that look inside; undefined while it is off. */
  get role(): DistributorRole | undefined {
    return this.node === undefined ? undefined : this.#role;
  }

  #compose({ world, sim, address, relay, beacon, archive }: SimDistributorOptions, ground: NodeGround): MeshNode {
    const limits = { images: SLOTS, imageSize: sim.slot, space: SLOTS * sim.slot };
    const role = distributorRole(ground, limits, archive && { oob: archive });
    this.#role = role;
    this.#ground = ground;
    const node: MeshNode = new MeshNode({
      ...ground,
      address,
      keys: worldKeys(sim.seed, address),
      identity: { cid: sim.company, pid: 0, vid: 0, crpl: 1024, features: 3 },
      elements: [{ location: 1, models: role.models }],
      incoming: MANY_ANSWERS,
      defaultTtl: world.defaultTtl,
      relay: relay ? RELAY_RETRANSMIT.meshferry : false,
      beacon,
      gattProxy: sim.smp,
    });
    role.bind(SIM_APP_INDEX);
    role.distribution.start();
    return node;
  }

  #serveSmp(peripheral: GattPeripheral): void {
    if (this.#role === undefined || this.#ground === undefined) return;
    const { clock, store, crypto } = this.#ground;
    const { distribution } = this.#role;
    serveDistributorSmp(peripheral, {
      clock,
      crypto,
      distribution,
      store: storeView(store, 'smp/'),
      fail: this.#failures,
      restart: () => this.restart(BOOT_MS),
    });
  }
}
