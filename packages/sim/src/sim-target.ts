import { Feature } from '@meshferry/access';
import { encodeRecord, readRecord, SeededRandom, type Unicast } from '@meshferry/core';
import type { TargetApplication } from '@meshferry/dfu';
import type { PublicKey } from '@meshferry/firmware';
import {
  MeshNode,
  type NodeGround,
  type RemoteOptions,
  TargetFlash,
  type TargetRole,
  targetRoles,
} from '@meshferry/node';
import { faulty } from './faulty-target.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import { simFlash } from './sim-target-flash.ts';
import {
  BOOT_MS,
  blobCapabilities,
  blobSettings,
  peerController,
  peerLimits,
  targetComposition,
} from './sim-target-parts.ts';
import type { SimOptions } from './uri.ts';
import { RELAY_RETRANSMIT, SIM_APP_INDEX, SIM_GROUP, worldKeys } from './world-keys.ts';

export interface SimTargetOptions {
  readonly world: WorldGround;
  readonly sim: SimOptions;
  readonly address: number;
  readonly index: number;
  readonly relay: boolean;
  /** It sleeps, and hears what a Friend keeps for it. */
  readonly lowPower: boolean;
  /** It is a Proxy Server. */
  readonly proxy: boolean;
  /** It sends Secure Network beacons. */
  readonly beacon: boolean;
  readonly trust: readonly PublicKey[];
}

/** A device that takes firmware: the full stack with keys, sequence numbers and a virtual flash of its own. */
export class SimTarget extends SimNode {
  #flashes: readonly TargetFlash[] = [];
  #roles: readonly TargetRole[] = [];
  /** Offsets of the blocks that have come: planned failures happen once, also when the power fails in between. */
  readonly #written: Set<number>[] = [];

  constructor(options: SimTargetOptions) {
    super({
      world: options.world,
      address: options.address,
      index: options.index,
      controller: peerController(options.sim),
      ...(options.proxy && { proxy: 'server' }),
      compose: (ground) => this.#compose(options, ground),
    });
    if (options.sim.fail.some(({ address, step }) => address === options.address && step === 'silent')) this.silence();
  }

  /** The image that it runs, octet for octet (the first one of several); undefined while it runs what it was made with. */
  get runningImage(): Uint8Array | undefined {
    return this.#flashes[0]?.runningImage();
  }

  /** The Firmware ID that it runs now. */
  get firmwareId(): Uint8Array | undefined {
    return this.#flashes[0]?.firmwareId();
  }

  /** What is behind each of its Firmware Update Servers. */
  get flashes(): readonly TargetFlash[] {
    return this.#flashes;
  }

  /** Its update models, for tests that look inside; undefined while it is off. */
  get role(): TargetRole | undefined {
    return this.roles[0];
  }

  /** The same of all its elements; none while it is off. */
  get roles(): readonly TargetRole[] {
    return this.node === undefined ? [] : this.#roles;
  }

  #compose(options: SimTargetOptions, ground: NodeGround): MeshNode | null {
    const { sim, lowPower, trust, world } = options;
    // Not while the node is being composed, when it finds that a power cut kept it from applying.
    const restart = () => void world.clock.after(0, () => this.restart(BOOT_MS));
    const { store, crypto, log } = ground;
    const flash = {
      ...simFlash(sim, trust, restart),
      ...{ store, crypto, ...(log && { log }) },
      compositionPage0: () => node.access.compositionPage0(),
    };
    const flashes = Array.from({ length: sim.instances }, (_, instance) => new TargetFlash(flash, instance));
    this.#flashes = flashes;
    // Every one of them boots.
    if (flashes.map((flash) => flash.boot()).includes(true)) return null;
    // What it asks for waits at its Friend at once.
    const pull = { friendQueue: FRIEND_QUEUE, reported: () => node.network.lowPower?.poll() };
    const failing = flashes.map((flash, i) => this.#withFailures(options, flash, i));
    const roles = targetRoles(ground, failing, {
      capabilities: blobCapabilities(sim, !lowPower),
      settings: blobSettings(sim),
      ...(lowPower && { pull }),
    });
    this.#roles = roles;
    const moved = readRecord<Place>(ground.store, PLACE);
    const { address, deviceKey } = moved ?? { address: options.address };
    const node: MeshNode = new MeshNode({
      ...ground,
      ...targetComposition({
        sim,
        roles,
        changes: changesOf(flashes),
        ...(lowPower && { features: Feature.lowPower }),
        remote: this.#remote(options),
      }),
      address,
      keys: { ...worldKeys(sim.seed, options.address), ...(deviceKey && { deviceKey }) },
      ...(lowPower && { lowPower: LOW_POWER }),
      relay: options.relay ? RELAY_RETRANSMIT[sim.peer] : false,
      defaultTtl: world.defaultTtl,
      gattProxy: options.proxy,
      beacon: options.beacon,
      ...peerLimits(sim),
    });
    flashes.forEach((flash, i) => {
      const role = roles[i] as TargetRole;
      // The network that it comes with is configured; of another term on it whoever began that takes care.
      if (moved === undefined) {
        role.bind(SIM_APP_INDEX);
        role.subscribe(SIM_GROUP);
      }
      flash.tellOutcome(role.update);
      role.update.start();
    });
    return node;
  }

  /** It can be given other addresses (Node Address Refresh), which it keeps beside the states of the node. */
  #remote({ sim, address, world }: SimTargetOptions): RemoteOptions {
    return {
      self: { uuid: new SeededRandom(`${sim.seed}/uuid ${address}`).bytes(16) },
      moving: (to, deviceKey) => [[PLACE, encodeRecord({ address: to, deviceKey } satisfies Place)]],
      moved: () => void world.clock.after(0, () => this.restart(MOVE_MS)),
    };
  }

  #withFailures({ sim, world, address }: SimTargetOptions, flash: TargetFlash, instance: number): TargetApplication {
    const written = this.#written[instance] ?? new Set<number>();
    this.#written[instance] = written;
    const failures = sim.fail.filter((failure) => failure.address === address);
    const device = {
      // Not inside the write of a block: the stack finishes what it does, then the power is gone.
      silence: () => void world.clock.after(0, () => this.silence()),
      restart: () => void world.clock.after(0, () => this.restart(BOOT_MS)),
      flipOctet: (imageIndex: number) => flash.flipOctet(imageIndex),
    };
    return faulty(flash.application, failures, device, written);
  }
}

/** Where a target stands after it was moved, and its device key there. */
interface Place {
  readonly address: Unicast;
  readonly deviceKey: Uint8Array;
}

const PLACE = 'place';
/** How long it is off to begin at another address, or with more elements. */
const MOVE_MS = 100;

function changesOf(flashes: readonly TargetFlash[]): number {
  return flashes.reduce((sum, flash) => sum + flash.compositionChanges, 0);
}

/**
 * How Low Power targets behave: patient devices would ask their Friend every few minutes, but an update comes to those that
 * ask every second.
 */
const LOW_POWER = {
  minQueueSizeLog: 5,
  receiveDelayMs: 50,
  pollTimeoutMs: 10_000,
  pollIntervalMs: 1000,
  requestIntervalMs: 2000,
};
/** Chunks may take that much of the queue: the rest is for what else comes. */
const FRIEND_QUEUE = 2 ** LOW_POWER.minQueueSizeLog - 3;
