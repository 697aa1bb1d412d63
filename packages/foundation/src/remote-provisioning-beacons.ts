import { AD_MESH_BEACON, type AdStructure, type Advertising } from '@meshferry/bearer';
import { equal, toHex, type Unsubscribe } from '@meshferry/core';
import { type CryptoProvider, uriHash } from '@meshferry/crypto';
import { decodeBeacon } from '@meshferry/network';

/** AD type of a URI. */
export const AD_URI = 0x24;
/** URIs that are remembered at most. */
const URIS_MAX = 100;

/** A beacon of an unprovisioned device. */
export interface HeardDevice {
  readonly uuid: Uint8Array;
  readonly oobInformation: number;
  /** Absent: it has no URI. */
  readonly uriHash?: Uint8Array;
  /** dBm. */
  readonly rssi: number;
}

/** What the scans of a server listen to: the beacons of unprovisioned devices, and the URIs that their hashes stand for. */
export class DeviceBeacons {
  readonly #crypto: CryptoProvider;
  readonly #advertising = new Map<Advertising, Unsubscribe | undefined>();
  readonly #listeners = new Set<(device: HeardDevice) => void>();
  /** By hash. */
  readonly #uris = new Map<string, Uint8Array>();

  constructor(crypto: CryptoProvider) {
    this.#crypto = crypto;
  }

  /** Listens there as well, while someone wants to know. */
  attach(advertising: Advertising): Unsubscribe {
    this.#advertising.set(advertising, this.#listeners.size > 0 ? this.#receive(advertising) : undefined);
    return () => {
      this.#advertising.get(advertising)?.();
      this.#advertising.delete(advertising);
    };
  }

  /** Whether anything can be heard. */
  get isAttached(): boolean {
    return this.#advertising.size > 0;
  }

  /** The radio is asked for beacons only while there are listeners. */
  listen(listener: (device: HeardDevice) => void): Unsubscribe {
    this.#listeners.add(listener);
    for (const [advertising, unsubscribe] of this.#advertising) {
      if (unsubscribe === undefined) this.#advertising.set(advertising, this.#receive(advertising));
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      for (const [advertising, unsubscribe] of this.#advertising) {
        unsubscribe?.();
        this.#advertising.set(advertising, undefined);
      }
      this.#uris.clear();
    };
  }

  /** The URI of a device, once it was heard while someone listened. */
  uriOf({ uriHash: hash }: Pick<HeardDevice, 'uriHash'>): Uint8Array | undefined {
    return hash === undefined ? undefined : this.#uris.get(toHex(hash));
  }

  #receive(advertising: Advertising): Unsubscribe {
    return advertising.receive([AD_MESH_BEACON, AD_URI], ({ type, data, rssi }) => {
      if (type === AD_URI) return this.#heardUri(data);
      const beacon = decodeBeacon(data);
      if (!beacon.ok || beacon.value.type !== 'unprovisioned-device') return;
      const { deviceUuid: uuid, oobInformation, uriHash: hash } = beacon.value;
      const hasHash = hash?.some((octet) => octet !== 0); // Zephyr sends zeros for none
      const device = { uuid, oobInformation, rssi, ...(hasHash && { uriHash: hash! }) };
      for (const listener of [...this.#listeners]) listener(device);
    });
  }

  #heardUri(data: Uint8Array): void {
    const key = toHex(uriHash(this.#crypto, data));
    if (!this.#uris.has(key) && this.#uris.size < URIS_MAX) this.#uris.set(key, data.slice());
  }
}

/** Of `structures` those of the asked types; the complete forms of names and UUID lists stand for both forms. */
export function ofTypes(structures: readonly AdStructure[], asked: readonly number[]): AdStructure[] {
  return structures.filter(({ type }) => asked.includes(type) || (SHORT_FORMS.has(type) && asked.includes(type + 1)));
}

/** Incomplete lists of 16, 32 and 128-bit UUIDs, shortened name: the complete form is the next number. */
const SHORT_FORMS: ReadonlySet<number> = new Set([0x02, 0x04, 0x06, 0x08]);

/** Whether a beacon is of this device. */
export function isDevice({ uuid }: HeardDevice, wanted: Uint8Array): boolean {
  return equal(uuid, wanted);
}
