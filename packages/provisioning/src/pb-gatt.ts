import { type GattAdvertisement, type GattCentral, type GattLink, MESH_PROVISIONING_SERVICE } from '@meshferry/bearer';
import { type Cancel, type Clock, Deadline, equal, MeshError, toHex } from '@meshferry/core';
import type { ProvisioningBearer, ProvisioningLink } from './link.ts';
import { checkUuid, LINK_TIMEOUT_MS, linkOpenFailed } from './link-rules.ts';
import { PbGattLink } from './pb-gatt-link.ts';
import { decodeUnprovisionedServiceData } from './unprovisioned-service-data.ts';

/** A connection that does not come about is given up, ms: the device may have changed its address. */
const CONNECT_TIMEOUT_MS = 10_000;

/** PB-GATT for a Provisioner: finds the device by its advertisement, and connects [Mesh Protocol 1.1, 5.2.2]. */
export function pbGatt({ clock }: { readonly clock: Clock }, central: GattCentral): ProvisioningBearer {
  return {
    open: (device, done) => {
      const opening = new Opening(clock, central, checkUuid(device), done);
      return () => opening.cancel();
    },
  };
}

/** States: scanning, connecting, ended; a connection that fails leads back to scanning. */
class Opening {
  readonly #clock: Clock;
  readonly #central: GattCentral;
  readonly #device: Uint8Array;
  readonly #done: (outcome: ProvisioningLink | MeshError) => void;
  readonly #timeout: Deadline;
  readonly #connectTimeout: Deadline;
  #stop: Cancel = () => {};
  #lastError: MeshError | undefined;

  constructor(
    clock: Clock,
    central: GattCentral,
    device: Uint8Array,
    done: (outcome: ProvisioningLink | MeshError) => void,
  ) {
    this.#clock = clock;
    this.#central = central;
    this.#device = device;
    this.#done = done;
    this.#timeout = new Deadline(clock, () => this.#failed());
    this.#connectTimeout = new Deadline(clock, () => this.#scan());
    this.#timeout.set(LINK_TIMEOUT_MS);
    this.#scan();
  }

  cancel(): void {
    this.#stop();
    this.#timeout.clear();
    this.#connectTimeout.clear();
  }

  #scan(): void {
    this.#stop();
    let scanning = true;
    const stop = this.#central.discover([MESH_PROVISIONING_SERVICE.uuid as number], (found) => {
      if (!scanning || !this.#isDevice(found)) return;
      scanning = false;
      stop();
      this.#connect(found.peer);
    });
    this.#stop = stop;
  }

  #isDevice({ data }: GattAdvertisement): boolean {
    const decoded = decodeUnprovisionedServiceData(data);
    return decoded.ok && equal(decoded.value.uuid, this.#device);
  }

  #connect(peer: string): void {
    this.#connectTimeout.set(CONNECT_TIMEOUT_MS);
    this.#stop = this.#central.connect(peer, MESH_PROVISIONING_SERVICE, (outcome) => {
      this.#connectTimeout.clear();
      if (outcome instanceof MeshError) {
        this.#lastError = outcome;
        this.#scan();
      } else this.#connected(outcome);
    });
  }

  #connected(gatt: GattLink): void {
    this.#timeout.clear();
    this.#stop = () => {};
    this.#done(new PbGattLink(this.#clock, gatt, () => {}));
  }

  #failed(): void {
    this.cancel();
    const { message = 'it did not advertise itself' } = this.#lastError ?? {};
    this.#done(
      linkOpenFailed(
        `no PB-GATT link to the device ${toHex(this.#device)} in ${LINK_TIMEOUT_MS / 1000} s: ${message}`,
        'It has to be switched on, in reach, unprovisioned and without a connection to another provisioner.',
        this.#lastError,
      ),
    );
  }
}
