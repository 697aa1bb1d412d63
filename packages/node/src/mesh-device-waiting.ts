import type { Unsubscribe } from '@meshferry/core';
import {
  type AnnouncedDevice,
  type DeviceSession,
  type ProvisionedNode,
  type ProvisioningAcceptor,
  type ProvisioningCapabilities,
  ProvisioningDevice,
  type ProvisioningDeviceOptions,
  type ProvisioningLink,
} from '@meshferry/provisioning';
import type { NodeGround } from './mesh-node.ts';

/** What an unprovisioned device offers; what becomes of its data is the device's own business. */
export type DeviceProvisioningOptions = Omit<ProvisioningDeviceOptions, 'provisioned'>;

/** A way to reach the device, and how its announcing ends while it lasts. */
interface Way {
  readonly acceptor: ProvisioningAcceptor;
  stop: Unsubscribe | undefined;
}

/**
 * An unprovisioned device: announces itself on all its bearers, and takes one link at a time over all of them. States:
 * announcing, linked (announcing on no other bearer), stopped (a link that is open lives on, to say Complete).
 */
export class WaitingDevice {
  readonly #announced: AnnouncedDevice;
  readonly #device: ProvisioningDevice;
  readonly #ways: Way[] = [];
  #session: DeviceSession | undefined;
  #stopped = false;

  /** `provisioned` as in `ProvisioningDeviceOptions`. Throws `bad-field`, `bad-static-oob`. */
  constructor(
    ground: NodeGround,
    announced: AnnouncedDevice,
    options: DeviceProvisioningOptions,
    provisioned: (node: ProvisionedNode) => void,
  ) {
    this.#announced = announced;
    this.#device = new ProvisioningDevice(ground, {
      ...options,
      provisioned: (node) => {
        provisioned(node);
        this.stop();
      },
      ended: (outcome) => {
        this.#session = undefined;
        this.#announce();
        options.ended?.(outcome);
      },
    });
  }

  get capabilities(): ProvisioningCapabilities {
    return this.#device.capabilities;
  }

  /** Whether a Provisioner has a link to it. */
  get isLinked(): boolean {
    return this.#session !== undefined;
  }

  /** Announces itself over this as well. */
  add(acceptor: ProvisioningAcceptor): void {
    this.#ways.push({ acceptor, stop: undefined });
    this.#announce();
  }

  /** Announces itself no more, and takes no new link. */
  stop(): void {
    this.#stopped = true;
    for (const way of this.#ways) silence(way);
  }

  /** The same, and ends the link. */
  close(): void {
    this.stop();
    this.#session?.close();
  }

  #announce(): void {
    if (this.#stopped || this.#session !== undefined) return;
    for (const way of this.#ways) way.stop ??= way.acceptor.accept(this.#announced, (link) => this.#opened(way, link));
  }

  #opened(way: Way, link: ProvisioningLink): void {
    if (this.#stopped || this.#session !== undefined) {
      link.close('fail');
      return;
    }
    for (const other of this.#ways) if (other !== way) silence(other);
    this.#session = this.#device.serve(link);
  }
}

function silence(way: Way): void {
  way.stop?.();
  way.stop = undefined;
}
