import { storeView } from '@meshferry/core';
import type { PublicKey } from '@meshferry/firmware';
import {
  type BootOutcome,
  type McubootTarget,
  type Membership,
  MeshDevice,
  MeshNode,
  type NodeGround,
  type TargetRole,
  targetRole,
} from '@meshferry/node';
import { type SimLabel, simLabel } from './sim-label.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import {
  BOOT_MS,
  blobCapabilities,
  flash,
  peerLimits,
  TARGET_ELEMENTS,
  targetComposition,
  tellOutcome,
} from './sim-target-parts.ts';
import { SimUser } from './sim-user.ts';
import type { SimOptions } from './uri.ts';
import { RELAY_RETRANSMIT } from './world-keys.ts';

export interface SimDeviceOptions {
  readonly world: WorldGround;
  readonly sim: SimOptions;
  /** Among the devices to be provisioned, from 0. */
  readonly number: number;
  readonly index: number;
  readonly relay: boolean;
  readonly trust: readonly PublicKey[];
}

/** A device that is to be provisioned; then it takes firmware like a `SimTarget`, once its models are configured. */
export class SimDevice extends SimNode {
  /** What is printed on it. */
  readonly label: SimLabel;
  /** Who stands before it. */
  readonly user: SimUser;
  readonly #sim: SimOptions;
  #application: McubootTarget | undefined;
  #role: TargetRole | undefined;
  #attentionUntil = 0;
  readonly #clock: { readonly now: number };

  constructor(options: SimDeviceOptions) {
    const { world, sim, number, index } = options;
    super({
      world,
      name: `device/${String(number).padStart(4, '0')}`,
      index,
      ...(sim.link === 'gatt' && { proxy: 'server' }),
      compose: (ground) => this.#compose(options, ground),
    });
    this.#sim = sim;
    this.#clock = world.clock;
    this.label = simLabel(sim, number);
    this.user = new SimUser(world.clock);
  }

  /** The image that it runs, octet for octet; undefined while it runs what it was made with. */
  get runningImage(): Uint8Array | undefined {
    return this.#application?.runningImage();
  }

  /** The Firmware ID that it runs now. */
  get firmwareId(): Uint8Array | undefined {
    return this.#application?.images()[0]?.firmwareId;
  }

  /** Its update models, for tests that look inside; undefined while it is in no network. */
  get role(): TargetRole | undefined {
    return this.node === undefined ? undefined : this.#role;
  }

  /** Whether it draws attention to itself now, as a Provisioner or a Health Client asked it to. */
  get drawsAttention(): boolean {
    return this.#clock.now < this.#attentionUntil;
  }

  #compose(options: SimDeviceOptions, ground: NodeGround): MeshDevice {
    const { sim, trust, world } = options;
    const application = flash(ground, {
      sim,
      store: ground.store,
      trust,
      compositionPage0: () => (device.node as MeshNode).access.compositionPage0(),
      restart: () => void world.clock.after(0, () => this.restart(BOOT_MS)),
    });
    this.#application = application;
    const outcome = application.boot();
    const device: MeshDevice = new MeshDevice({
      ...ground,
      store: storeView(ground.store, 'device/'),
      announced: { uuid: this.label.uuid, oobInformation: this.#oobInformation },
      provisioning: {
        elements: TARGET_ELEMENTS,
        ...this.#oob(),
        attention: (seconds) => this.#drawAttention(seconds),
      },
      compose: (membership) => this.#join(options, application, outcome, membership),
    });
    if (outcome === 'swapped-and-unprovisioned') {
      device.reset();
      // Only now: a power cut in between lets it leave once more.
      application.forgetOutcome();
    }
    return device;
  }

  #join(
    { sim, relay, world }: SimDeviceOptions,
    application: McubootTarget,
    outcome: BootOutcome,
    membership: Membership,
  ): MeshNode {
    const role = targetRole(membership, application, blobCapabilities(sim, true));
    this.#role = role;
    const node = new MeshNode({
      ...membership,
      ...targetComposition(sim, role),
      relay: relay ? RELAY_RETRANSMIT[sim.peer] : false,
      defaultTtl: world.defaultTtl,
      // Who was provisioned over GATT must be reachable that way.
      gattProxy: sim.link === 'gatt',
      health: { attention: (seconds) => this.#drawAttention(seconds) },
      ...peerLimits(sim, membership),
    });
    tellOutcome(role, outcome);
    role.update.start();
    return node;
  }

  #drawAttention(seconds: number): void {
    this.#attentionUntil = this.#clock.now + 1000 * seconds;
  }

  #oob() {
    const { label, user } = this;
    const has = (kind: SimOptions['oob'][number]): boolean => this.#sim.oob.includes(kind);
    return {
      ...(label.staticOob && { staticOob: label.staticOob }),
      ...(label.keyPair && { oobKeyPair: label.keyPair }),
      ...(has('output') && { output: user.output }),
      ...(has('input') && { input: user.input }),
    };
  }

  get #oobInformation(): number {
    const { staticOob, keyPair } = this.label;
    return staticOob === undefined && keyPair === undefined ? 0 : ON_DEVICE;
  }
}

/** OOB Information: on the device [Mesh Protocol 1.1, 3.10.2]. */
const ON_DEVICE = 1 << 15;
