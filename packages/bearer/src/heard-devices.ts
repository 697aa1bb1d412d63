import type { GattDevice, GattUuid } from './gatt.ts';
import { sameGattUuid } from './gatt-uuid.ts';

/** One report of a device: of an advertisement, of a scan response, or of what a library has put together of them. */
export interface DeviceReport {
  readonly peer: string;
  readonly address: string | null;
  /** As received; undefined: not in this report. */
  readonly name: string | undefined;
  readonly services: readonly GattUuid[];
  /** dBm; 127: not known. */
  readonly rssi: number;
  /** Clock time, ms. */
  readonly at: number;
  /** That of a scan response is not known by itself: false does not take back what an advertisement said. */
  readonly connectable: boolean;
}

/** In a crowd that changes its addresses as fast as it can; the one heard longest ago goes. */
const MOST_DEVICES = 1024;
const NOT_MEASURED = 127;
const RSSI_LEAST = -127;

/** What each device has shown since a scan began: for centrals, one for each `scan`. */
export class HeardDevices {
  /** The one heard last is last. */
  readonly #devices = new Map<string, GattDevice>();

  /** The device with what this report adds. */
  hear({ peer, address, name, services, rssi, at, connectable }: DeviceReport): GattDevice {
    const before = this.#devices.get(peer);
    const known = before?.services ?? [];
    const added = services.filter((service) => !known.some((each) => sameGattUuid(each, service)));
    const device: GattDevice = {
      peer,
      address,
      name: name === undefined || name === '' ? (before?.name ?? null) : printableName(name),
      services: added.length === 0 ? known : [...known, ...new Set(added)],
      rssi: rssi === NOT_MEASURED ? RSSI_LEAST : rssi,
      at,
      connectable: connectable || before?.connectable === true,
    };
    this.#devices.delete(peer);
    this.#devices.set(peer, device);
    if (this.#devices.size > MOST_DEVICES) this.#devices.delete(this.#devices.keys().next().value!);
    return device;
  }
}

/** A name off the air, fit to be printed. */
function printableName(name: string): string {
  return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
