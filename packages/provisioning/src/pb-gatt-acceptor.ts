import { type GattLink, type GattPeripheral, MESH_PROVISIONING_SERVICE } from '@meshferry/bearer';
import { type Cancel, type Clock, Deadline, type Unsubscribe } from '@meshferry/core';
import type { AnnouncedDevice, ProvisioningAcceptor, ProvisioningLink } from './link.ts';
import { checkUuid } from './link-rules.ts';
import { PbGattLink } from './pb-gatt-link.ts';
import { encodeUnprovisionedServiceData } from './unprovisioned-service-data.ts';

/** Fast while somebody is likely to look for the device, then slow, ms. */
const FAST_MS = 100;
const SLOW_MS = 1000;
const FAST_FOR_MS = 60_000;

/** PB-GATT for a device: offers the Mesh Provisioning Service, to one client at a time [Mesh Protocol 1.1, 7.1]. */
export function pbGattAcceptor({ clock }: { readonly clock: Clock }, peripheral: GattPeripheral): ProvisioningAcceptor {
  return {
    accept: (device, opened) => {
      const accepting = new Accepting(clock, peripheral, device, opened);
      return () => accepting.stop();
    },
  };
}

/** States: advertising (fast, then slow), linked, stopped; an open link outlives being stopped. */
class Accepting {
  readonly #clock: Clock;
  readonly #peripheral: GattPeripheral;
  readonly #data: Uint8Array;
  readonly #opened: (link: ProvisioningLink) => void;
  readonly #unserve: Unsubscribe;
  readonly #slower: Deadline;
  #stopAdvertising: Cancel | undefined;
  #link: PbGattLink | undefined;
  #stopped = false;

  constructor(
    clock: Clock,
    peripheral: GattPeripheral,
    { uuid, oobInformation }: AnnouncedDevice,
    opened: (link: ProvisioningLink) => void,
  ) {
    this.#clock = clock;
    this.#peripheral = peripheral;
    this.#data = encodeUnprovisionedServiceData({ uuid: checkUuid(uuid), oobInformation });
    this.#opened = opened;
    this.#slower = new Deadline(clock, () => this.#advertise(SLOW_MS));
    this.#unserve = peripheral.serve(MESH_PROVISIONING_SERVICE, (link) => this.#connected(link));
    this.#announce();
  }

  stop(): void {
    this.#stopped = true;
    this.#unserve();
    this.#silence();
  }

  #announce(): void {
    this.#advertise(FAST_MS);
    this.#slower.set(FAST_FOR_MS);
  }

  #advertise(intervalMs: number): void {
    this.#stopAdvertising?.();
    const service = MESH_PROVISIONING_SERVICE.uuid as number;
    this.#stopAdvertising = this.#peripheral.advertise({
      service,
      data: this.#data,
      intervalMs,
      privateAddress: false,
    });
  }

  #silence(): void {
    this.#slower.clear();
    this.#stopAdvertising?.();
    this.#stopAdvertising = undefined;
  }

  #connected(gatt: GattLink): void {
    if (this.#link !== undefined || this.#stopped) {
      gatt.disconnect();
      return;
    }
    this.#silence();
    const link = new PbGattLink(this.#clock, gatt, () => {
      this.#link = undefined;
      if (!this.#stopped) this.#announce();
    });
    this.#link = link;
    this.#opened(link);
  }
}
