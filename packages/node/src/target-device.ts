import { storeView } from '@meshferry/core';
import type { TargetApplication } from '@meshferry/dfu';
import type { AnnouncedDevice } from '@meshferry/provisioning';
import { type DeviceProvisioningOptions, type Membership, MeshDevice } from './mesh-device.ts';
import { MeshNode, type MeshNodeOptions, type NodeGround } from './mesh-node.ts';
import { type TargetRole, targetRole } from './roles.ts';
import { TargetFlash, type TargetFlashOptions } from './target-flash.ts';

/** How the BLOB Transfer Servers of a target behave: the last arguments of `targetRole`. */
export interface TargetTraits {
  readonly capabilities?: Parameters<typeof targetRole>[2];
  readonly pull?: Parameters<typeof targetRole>[3];
  readonly settings?: Parameters<typeof targetRole>[4];
}

/** The firmware models of a device, one pair for each application. */
export function targetRoles(
  ground: NodeGround,
  applications: readonly TargetApplication[],
  { capabilities, pull, settings }: TargetTraits = {},
): TargetRole[] {
  return applications.map((application, instance) => {
    const store = instance === 0 ? ground.store : storeView(ground.store, `instance${instance}/`);
    return targetRole({ ...ground, store }, application, capabilities, pull, settings);
  });
}

/** A device that takes firmware. */
export interface TargetDeviceOptions extends NodeGround {
  /** Firmware Update Servers, each with a flash of its own. Default 1. */
  readonly instances?: number;
  readonly flash: Omit<TargetFlashOptions, 'store' | 'crypto' | 'log' | 'compositionPage0'>;
  readonly traits?: TargetTraits;
  /** What the servers call instead of the application of the flash, to which it passes on what it does not do itself. */
  readonly application?: (flash: TargetFlash) => TargetApplication;
  /** What it says of itself while it is unprovisioned. */
  readonly announced: AnnouncedDevice;
  readonly provisioning: Omit<DeviceProvisioningOptions, 'elements'>;
  /** How many elements it has after so many updates that changed what it is made of. */
  readonly elements: (changes: number) => number;
  /** What its node is made of, with these firmware models, after so many updates that changed that. */
  readonly compose: (
    membership: Membership,
    roles: readonly TargetRole[],
    changes: number,
  ) => Pick<MeshNodeOptions, 'identity' | 'elements'> & Partial<MeshNodeOptions>;
}

/**
 * A device that takes firmware, over its whole life: its bootloader has run, and it is unprovisioned or a node. What it
 * applies it runs after a restart: made anew on the same store.
 */
export class TargetDevice {
  readonly device: MeshDevice;
  /** What is behind each of its Firmware Update Servers. */
  readonly flashes: readonly TargetFlash[];
  #roles: readonly TargetRole[] = [];

  constructor(options: TargetDeviceOptions) {
    const { instances = 1, crypto, log, store } = options;
    this.flashes = Array.from({ length: instances }, (_, instance) => {
      const compositionPage0 = () => (this.device.node as MeshNode).access.compositionPage0();
      return new TargetFlash({ ...options.flash, crypto, ...(log && { log }), store, compositionPage0 }, instance);
    });
    // Every one of them boots.
    const leaves = this.flashes.map((flash) => flash.boot()).includes(true);
    const changes = this.flashes.reduce((sum, flash) => sum + flash.compositionChanges, 0);
    this.device = new MeshDevice({
      ...options,
      store: storeView(store, 'device/'),
      provisioning: { ...options.provisioning, elements: options.elements(changes) },
      compose: (membership) => this.#join(options, changes, membership),
    });
    if (leaves) {
      this.device.reset();
      // Only now: a power cut in between lets it leave once more.
      for (const flash of this.flashes) flash.forgetOutcome();
    }
  }

  /** Its firmware models; none while it is in no network. */
  get roles(): readonly TargetRole[] {
    return this.device.node === undefined ? [] : this.#roles;
  }

  #join(options: TargetDeviceOptions, changes: number, membership: Membership): MeshNode {
    const { traits, compose, application = (flash) => flash.application } = options;
    const roles = targetRoles(membership, this.flashes.map(application), traits);
    this.#roles = roles;
    const node = new MeshNode({ ...membership, ...compose(membership, roles, changes) });
    roles.forEach((role, i) => {
      this.flashes[i]?.tellOutcome(role.update);
      role.update.start();
    });
    return node;
  }
}
