import { AD_MESH_BEACON, type Advertising, type GattCentral, MESH_PROVISIONING_SERVICE } from '@meshferry/bearer';
import { type Clock, Emitter, equal, toHex, type Unsubscribe } from '@meshferry/core';
import { type CryptoProvider, uriHash } from '@meshferry/crypto';
import { decodeBeacon } from '@meshferry/network';
import { AD_URI } from './unprovisioned-beacon.ts';
import { decodeUnprovisionedServiceData } from './unprovisioned-service-data.ts';

/** A device that waits to be provisioned, as it was last heard over one kind of bearer. */
export interface UnprovisionedDevice {
  /** Device UUID, 16 octets. */
  readonly uuid: Uint8Array;
  /** How it was heard, and so how it can be provisioned: PB-ADV or PB-GATT. */
  readonly bearer: 'adv' | 'gatt';
  /** 16 bits [Mesh Protocol 1.1, 3.10.2]; over GATT a hint only, as some stacks swap its octets. */
  readonly oobInformation: number;
  /** 4 octets; PB-ADV only, undefined for none. */
  readonly uriHash?: Uint8Array;
  /** The URI with that hash, once it was heard: scheme code first. */
  readonly uri?: Uint8Array;
  /** Of the last time, dBm. */
  readonly rssi: number;
  /** Clock time of the last time, ms. */
  readonly lastHeard: number;
}

/** What an {@link UnprovisionedScanner} listens with. */
export interface UnprovisionedScannerOptions {
  readonly clock: Clock;
  readonly crypto: CryptoProvider;
  readonly advertising?: Advertising;
  readonly central?: GattCentral;
  /** A device that was not heard for this time is gone, ms. Default 30 000; the slowest devices are heard every 5 s. */
  readonly forgetMs?: number;
}

const FORGET_MS = 30_000;
/** Devices and URIs in the list at most; who floods the air with others displaces those not heard for longest. */
const DEVICES_MAX = 1000;
const URIS_MAX = 100;

/**
 * The unprovisioned devices in reach, over all bearers: a live list until closed.
 *
 * ```ts
 * const scanner = new UnprovisionedScanner({ clock, crypto, advertising });
 * scanner.changes.subscribe(({ uuid, rssi }) => console.log(toHex(uuid), rssi));
 * ```
 */
export class UnprovisionedScanner {
  /** A device that is new to the list, or says something else than before. Another RSSI is no change. */
  readonly changes: Emitter<UnprovisionedDevice> = new Emitter();
  readonly #options: UnprovisionedScannerOptions;
  /** By bearer and UUID, in the order of when they were heard last. */
  readonly #devices = new Map<string, UnprovisionedDevice>();
  /** By hash. */
  readonly #uris = new Map<string, Uint8Array>();
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(options: UnprovisionedScannerOptions) {
    const { advertising, central } = options;
    this.#options = options;
    if (advertising !== undefined) this.#unsubscribe.push(this.#receive(advertising));
    if (central !== undefined) this.#unsubscribe.push(this.#discover(central));
  }

  /** Those heard lately, the nearest (by RSSI) first. */
  get devices(): UnprovisionedDevice[] {
    const since = this.#options.clock.now - (this.#options.forgetMs ?? FORGET_MS);
    for (const [key, { lastHeard }] of this.#devices) if (lastHeard < since) this.#devices.delete(key);
    return [...this.#devices.values()].sort((a, b) => b.rssi - a.rssi);
  }

  /** Listens no more; the list stays as it is. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  #receive(advertising: Advertising): Unsubscribe {
    return advertising.receive([AD_MESH_BEACON, AD_URI], ({ type, data, rssi, at }) => {
      if (type === AD_URI) return this.#heardUri(data);
      const beacon = decodeBeacon(data);
      if (!beacon.ok || beacon.value.type !== 'unprovisioned-device') return;
      const { deviceUuid: uuid, oobInformation, uriHash: hash } = beacon.value;
      const hasHash = hash?.some((octet) => octet !== 0); // Zephyr sends zeros for none
      const uri = hasHash ? this.#uris.get(toHex(hash!)) : undefined;
      this.#heard({
        uuid,
        bearer: 'adv',
        oobInformation,
        rssi,
        lastHeard: at,
        ...(hasHash && { uriHash: hash! }),
        ...(uri && { uri }),
      });
    });
  }

  #discover(central: GattCentral): Unsubscribe {
    return central.discover([MESH_PROVISIONING_SERVICE.uuid as number], ({ data, rssi, at }) => {
      const decoded = decodeUnprovisionedServiceData(data);
      if (decoded.ok) this.#heard({ ...decoded.value, bearer: 'gatt', rssi, lastHeard: at });
    });
  }

  #heard(device: UnprovisionedDevice): void {
    const key = device.bearer + toHex(device.uuid);
    const before = this.#devices.get(key);
    const isGone = before !== undefined && device.lastHeard - before.lastHeard > (this.#options.forgetMs ?? FORGET_MS);
    this.#devices.delete(key);
    putBounded(this.#devices, key, device, DEVICES_MAX);
    if (before === undefined || isGone || !saysTheSame(before, device)) this.changes.emit(device);
  }

  /** The URI of devices that were heard before it, or will be. */
  #heardUri(data: Uint8Array): void {
    const hash = uriHash(this.#options.crypto, data);
    const key = toHex(hash);
    if (this.#uris.has(key)) return;
    const uri = data.slice();
    putBounded(this.#uris, key, uri, URIS_MAX);
    for (const [name, device] of this.#devices) {
      if (device.uriHash === undefined || !equal(device.uriHash, hash)) continue;
      const known = { ...device, uri };
      this.#devices.set(name, known);
      this.changes.emit(known);
    }
  }
}

function saysTheSame(a: UnprovisionedDevice, b: UnprovisionedDevice): boolean {
  const hashes = [a.uriHash, b.uriHash].map((hash) => (hash === undefined ? '' : toHex(hash)));
  return a.oobInformation === b.oobInformation && hashes[0] === hashes[1] && (a.uri ?? b.uri) === b.uri;
}

function putBounded<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  if (map.size >= most) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
