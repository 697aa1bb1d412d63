import { Feature } from '@meshferry/access';
import type { TargetApplication } from '@meshferry/dfu';
import type { PublicKey } from '@meshferry/firmware';
import { type McubootTarget, MeshNode, type NodeGround, type TargetRole, targetRole } from '@meshferry/node';
import { faulty } from './faulty-target.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import { BOOT_MS, blobCapabilities, flash, peerLimits, targetComposition, tellOutcome } from './sim-target-parts.ts';
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
  #application: McubootTarget | undefined;
  #role: TargetRole | undefined;
  /** Offsets of the blocks that have come: planned failures happen once, also when the power fails in between. */
  readonly #written = new Set<number>();

  constructor(options: SimTargetOptions) {
    super({
      world: options.world,
      address: options.address,
      index: options.index,
      ...(options.proxy && { proxy: 'server' }),
      compose: (ground) => this.#compose(options, ground),
    });
    if (options.sim.fail.some(({ address, step }) => address === options.address && step === 'silent')) this.silence();
  }

  /** The image that it runs, octet for octet; undefined while it runs what it was made with. */
  get runningImage(): Uint8Array | undefined {
    return this.#application?.runningImage();
  }

  /** The Firmware ID that it runs now. */
  get firmwareId(): Uint8Array | undefined {
    return this.#application?.images()[0]?.firmwareId;
  }

  /** Its update models, for tests that look inside; undefined while it is off. */
  get role(): TargetRole | undefined {
    return this.node === undefined ? undefined : this.#role;
  }

  #compose(options: SimTargetOptions, ground: NodeGround): MeshNode | null {
    const { sim, address, lowPower, trust, world } = options;
    const application = flash(ground, {
      sim,
      store: ground.store,
      trust,
      compositionPage0: () => node.access.compositionPage0(),
      // Not while the node is being composed, when it finds that a power cut kept it from applying.
      restart: () => void world.clock.after(0, () => this.restart(BOOT_MS)),
    });
    this.#application = application;
    const outcome = application.boot();
    if (outcome === 'swapped-and-unprovisioned') return null;
    // What it asks for waits at its Friend at once.
    const pull = { friendQueue: FRIEND_QUEUE, reported: () => node.network.lowPower?.poll() };
    const failing = this.#withFailures(options, application);
    const role = targetRole(ground, failing, blobCapabilities(sim, !lowPower), lowPower ? pull : undefined);
    this.#role = role;
    const node: MeshNode = new MeshNode({
      ...ground,
      ...targetComposition(sim, role, lowPower ? Feature.lowPower : undefined),
      address,
      keys: worldKeys(sim.seed, address),
      ...(lowPower && { lowPower: LOW_POWER }),
      relay: options.relay ? RELAY_RETRANSMIT[sim.peer] : false,
      defaultTtl: world.defaultTtl,
      gattProxy: options.proxy,
      beacon: options.beacon,
      ...peerLimits(sim, ground),
    });
    role.bind(SIM_APP_INDEX);
    role.subscribe(SIM_GROUP);
    tellOutcome(role, outcome);
    role.update.start();
    return node;
  }

  #withFailures({ sim, world, address }: SimTargetOptions, application: McubootTarget): TargetApplication {
    const failures = sim.fail.filter((failure) => failure.address === address);
    const device = {
      // Not inside the write of a block: the stack finishes what it does, then the power is gone.
      silence: () => void world.clock.after(0, () => this.silence()),
      restart: () => void world.clock.after(0, () => this.restart(BOOT_MS)),
      flipOctet: () => application.flipOctet(),
    };
    return faulty(application, failures, device, this.#written);
  }
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
