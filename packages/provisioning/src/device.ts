import { AttemptLimit } from './attempt-limit.ts';
import type { ProvisioningCapabilities } from './capabilities.ts';
import { capabilitiesOf, type DeviceSession, type ProvisioningDeviceOptions } from './device-options.ts';
import { Session } from './device-session.ts';
import type { ProvisioningGround } from './ground.ts';
import type { ProvisioningLink } from './link.ts';

/** An unprovisioned device, or a node during NPPI: the side that gets provisioned [Mesh Protocol 1.1, 5.4.2]. */
export class ProvisioningDevice {
  /** What it offers. */
  readonly capabilities: ProvisioningCapabilities;
  readonly #ground: ProvisioningGround;
  readonly #options: ProvisioningDeviceOptions;
  readonly #limit: AttemptLimit;

  /** Throws `bad-field` or `bad-static-oob` for options that no device can offer. */
  constructor(ground: ProvisioningGround, options: ProvisioningDeviceOptions) {
    this.capabilities = capabilitiesOf(options);
    this.#ground = ground;
    this.#options = options;
    this.#limit = new AttemptLimit(ground.clock);
  }

  /**
   * Serves a link that a Provisioner has opened, until it closes. After three failed attempts with OOB values further ones
   * are refused (Out of Resources) for a time that doubles, over all links.
   */
  serve(link: ProvisioningLink): DeviceSession {
    return new Session(this.#ground, link, this.#options, this.capabilities, this.#limit);
  }
}
