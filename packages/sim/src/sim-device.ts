import type { PublicKey } from '@meshferry/firmware';
import { type MeshDevice, type NodeGround, TargetDevice, type TargetFlash, type TargetRole } from '@meshferry/node';
import { type SimLabel, simLabel } from './sim-label.ts';
import { SimNode, type WorldGround } from './sim-node.ts';
import { simFlash } from './sim-target-flash.ts';
import {
  BOOT_MS,
  blobCapabilities,
  blobSettings,
  peerController,
  peerLimits,
  targetComposition,
  targetElements,
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
  #target: TargetDevice | undefined;
  #attentionUntil = 0;
  readonly #clock: { readonly now: number };

  constructor(options: SimDeviceOptions) {
    const { world, sim, number, index } = options;
    super({
      world,
      name: `device/${String(number).padStart(4, '0')}`,
      index,
      controller: peerController(sim),
      ...(sim.link === 'gatt' && { proxy: 'server' }),
      compose: (ground) => this.#compose(options, ground),
    });
    this.#sim = sim;
    this.#clock = world.clock;
    this.label = simLabel(sim, number);
    this.user = new SimUser(world.clock);
  }

  /** The image that it runs, octet for octet (the first one of several); undefined while it runs what it was made with. */
  get runningImage(): Uint8Array | undefined {
    return this.flashes[0]?.runningImage();
  }

  /** The Firmware ID that it runs now. */
  get firmwareId(): Uint8Array | undefined {
    return this.flashes[0]?.firmwareId();
  }

  /** What is behind each of its Firmware Update Servers. */
  get flashes(): readonly TargetFlash[] {
    return this.#target?.flashes ?? [];
  }

  /** Its update models, for tests that look inside; undefined while it is in no network. */
  get role(): TargetRole | undefined {
    return this.roles[0];
  }

  /** The same of all its elements; none while it is in no network. */
  get roles(): readonly TargetRole[] {
    return this.device === undefined ? [] : (this.#target?.roles ?? []);
  }

  /** Whether it draws attention to itself now, as a Provisioner or a Health Client asked it to. */
  get drawsAttention(): boolean {
    return this.#clock.now < this.#attentionUntil;
  }

  #compose({ sim, trust, world, relay }: SimDeviceOptions, ground: NodeGround): MeshDevice {
    const target = new TargetDevice({
      ...ground,
      instances: sim.instances,
      flash: simFlash(sim, trust, () => void world.clock.after(0, () => this.restart(BOOT_MS))),
      traits: { capabilities: blobCapabilities(sim, true), settings: blobSettings(sim) },
      announced: { uuid: this.label.uuid, oobInformation: this.#oobInformation },
      provisioning: { ...this.#oob(), attention: (seconds) => this.#drawAttention(seconds) },
      elements: (changes) => targetElements(sim, changes),
      compose: ({ remote }, roles, changes) => ({
        ...targetComposition({ sim, roles, changes, remote }),
        relay: relay ? RELAY_RETRANSMIT[sim.peer] : false,
        defaultTtl: world.defaultTtl,
        // Who was provisioned over GATT must be reachable that way.
        gattProxy: sim.link === 'gatt',
        health: { attention: (seconds) => this.#drawAttention(seconds) },
        ...peerLimits(sim),
      }),
    });
    this.#target = target;
    return target.device;
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
