import { Feature } from '@meshferry/access';
import { storeView } from '@meshferry/core';
import type { TargetApplication } from '@meshferry/dfu';
import { type PublicKey, parseVersion } from '@meshferry/firmware';
import {
  type BootOutcome,
  McubootTarget,
  MeshNode,
  type MeshNodeOptions,
  type NodeGround,
  type TargetRole,
  targetRole,
} from '@meshferry/node';
import { faulty } from './faulty-target.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import type { SimOptions } from './uri.ts';
import { RELAY_RETRANSMIT, SIM_APP_INDEX, SIM_GROUP, worldKeys } from './world-keys.ts';

/** How long a simulated device takes to swap images and boot, ms. */
const BOOT_MS = 8000;

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
    const { sim, address, lowPower } = options;
    const version = parseVersion(sim.version);
    if (!version.ok) throw version.error;
    const flash = storeView(ground.store, 'flash/');
    const application = new McubootTarget({
      store: flash,
      crypto: ground.crypto,
      ...(ground.log && { log: ground.log }),
      company: sim.company,
      version: version.value,
      slotSize: sim.slot,
      effect: sim.effect,
      compositionPage0: () => node.access.compositionPage0(),
      trust: options.trust,
      // Not while the node is being composed, when it finds that a power cut kept it from applying.
      restart: () => void options.world.clock.after(0, () => this.restart(BOOT_MS)),
    });
    this.#application = application;
    const outcome = application.boot();
    if (outcome === 'swapped-and-unprovisioned') return null;
    // What it asks for waits at its Friend at once.
    const pull = { friendQueue: FRIEND_QUEUE, reported: () => node.network.lowPower?.poll() };
    const failing = this.#withFailures(options, application);
    const role = targetRole(ground, failing, capabilities(options), lowPower ? pull : undefined);
    this.#role = role;
    const node: MeshNode = new MeshNode({
      ...ground,
      address,
      keys: worldKeys(sim.seed, address),
      // The composition of the nRF Connect SDK's Target sample, so that its packages mean "unchanged" to effect=auto.
      identity: { cid: sim.company, pid: 0, vid: 0, crpl: 10, features: lowPower ? Feature.lowPower : 3 },
      elements: [{ location: 1, models: role.models }],
      servers: [],
      ...(lowPower && { lowPower: LOW_POWER }),
      relay: options.relay ? RELAY_RETRANSMIT[sim.peer] : false,
      defaultTtl: options.world.defaultTtl,
      gattProxy: options.proxy,
      ...(sim.peer === 'stock' && stockLimits(ground)),
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

/** Segments of the longest message that a stock peer takes. */
const STOCK_SEGMENTS = 6;
/** Access payload of so many segments: 12 octets each, less the TransMIC. */
const STOCK_MTU = 12 * STOCK_SEGMENTS - 4;

/** What sets Zephyr 3.4.99 apart: one segmented message at a time, and answers without the random delay [airtime.md]. */
function stockLimits({ random }: NodeGround): Partial<MeshNodeOptions> {
  return {
    segments: STOCK_SEGMENTS,
    incoming: 1,
    outgoingParallel: 1,
    replyDelayMs: () => 3 + 3 * random.uniform(),
  };
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

function capabilities({ sim, lowPower }: SimTargetOptions): Parameters<typeof targetRole>[2] {
  const common = {
    push: !lowPower,
    minBlockSizeLog: sim.block.min,
    maxBlockSizeLog: sim.block.max,
    maxChunksNumber: sim.chunks,
    maxBlobSize: sim.slot,
  };
  if (sim.peer !== 'stock') return common;
  return { ...common, minBlockSizeLog: 12, maxBlockSizeLog: 12, maxChunkSize: STOCK_MTU - 3, mtuSize: STOCK_MTU };
}

function tellOutcome(role: TargetRole, outcome: BootOutcome): void {
  if (outcome === 'swapped') role.update.applied(true);
  if (outcome === 'reverted') role.update.applied(false);
}
