import { type DeviceWanted, findDevice, type GattCentral, type GattDevice } from '@meshferry/bearer';
import { type Cancel, type Clock, type Log, MeshError, silent } from '@meshferry/core';
import type { SmpOpenOptions, SmpRoute, SmpTransport } from '../transport.ts';
import { SmpBleTransport } from './ble-transport.ts';
import { SMP_SERVICE } from './service.ts';

/** Which device a {@link bleRoute} leads to, and by what radio. One of `address` and `name` is needed. */
export interface BleRouteOptions {
  readonly central: GattCentral;
  readonly clock: Clock;
  /** Bluetooth address, or the handle of a peer where the platform has no addresses. */
  readonly address?: string;
  /** What the device calls itself, or a part of it; upper or lower case. */
  readonly name?: string;
  readonly log?: Log;
  /** How long the device is looked for at each opening, ms. Default 15 000. */
  readonly searchMs?: number;
}

const SEARCH_MS = 15_000;

/**
 * The way to a device over Bluetooth LE: it is looked for at each opening. Where its address has changed since the last one (a
 * reset, without bonding), the only device in range that has exactly its name is taken for it [spec: smp section 6].
 */
export function bleRoute(options: BleRouteOptions): SmpRoute {
  return new BleRoute(options);
}

class BleRoute implements SmpRoute {
  readonly name: string;
  readonly #options: BleRouteOptions;
  /** As last connected to. */
  #device: GattDevice | undefined;
  /** Peers that were heard beside it: none of them is it. */
  readonly #others = new Set<string>();

  constructor(options: BleRouteOptions) {
    this.#options = options;
    this.name = `ble:${options.address ?? options.name ?? ''}`;
  }

  open(done: (outcome: SmpTransport | MeshError) => void, { deviceName }: SmpOpenOptions = {}): Cancel {
    const opening = new Opening(this.#options, this.#others, (outcome, device) => {
      // The loader is another application of the device: what comes after it is looked for as before.
      if (device !== undefined && deviceName === undefined) this.#isAt(device, opening.heard);
      done(outcome);
    });
    if (deviceName !== undefined) opening.find({ name: deviceName });
    else opening.findAgain(this.#device);
    return () => opening.cancel();
  }

  /** The radio belongs to who gave it. */
  close(): void {}

  #isAt(device: GattDevice, heard: ReadonlySet<string>): void {
    this.#device = device;
    for (const peer of heard) if (peer !== device.peer) this.#others.add(peer);
  }
}

/** One search with the connection after it. */
class Opening {
  /** Peers in range. */
  readonly heard: Set<string> = new Set();
  readonly #options: BleRouteOptions;
  readonly #others: ReadonlySet<string>;
  readonly #done: (outcome: SmpTransport | MeshError, device?: GattDevice) => void;
  #cancel: Cancel = () => {};

  constructor(
    options: BleRouteOptions,
    others: ReadonlySet<string>,
    done: (outcome: SmpTransport | MeshError, device?: GattDevice) => void,
  ) {
    this.#options = options;
    this.#others = others;
    this.#done = done;
  }

  cancel(): void {
    this.#cancel();
  }

  /** As the options say; if it is not there and was there before under a name, by that name. */
  findAgain(before: GattDevice | undefined): void {
    const { address, name, central } = this.#options;
    if (central.scan === undefined && address !== undefined) {
      this.#connect(address);
      return;
    }
    const isMoved = before !== undefined && before.name !== null && address !== undefined;
    const wanted = { ...(address !== undefined && { address }), ...(name !== undefined && { name }) };
    this.find(wanted, isMoved ? () => this.#findByName(before.name!) : undefined);
  }

  find(wanted: Wanted, otherwise?: () => void): void {
    this.#search(
      wanted,
      ({ peer }) => void this.heard.add(peer),
      (found) => {
        if (!(found instanceof MeshError)) this.#connect(found.peer, found);
        else if (found.code === 'device-not-found' && otherwise !== undefined) otherwise();
        else this.#done(found);
      },
    );
  }

  #findByName(name: string): void {
    const { log = silent } = this.#options;
    const namesakes = new Set<string>();
    const hear = (device: GattDevice) => {
      this.heard.add(device.peer);
      if (device.name === name) namesakes.add(device.peer);
    };
    this.#search({ name }, hear, (found) => {
      if (found instanceof MeshError) this.#done(found);
      else if (namesakes.size > 1 || !namesakes.has(found.peer) || this.#others.has(found.peer)) {
        this.#done(ambiguous(name));
      } else {
        log('warn', 'the device has another address now', { name, address: found.address });
        this.#connect(found.peer, found);
      }
    });
  }

  #search(wanted: Wanted, hear: (device: GattDevice) => void, done: (found: GattDevice | MeshError) => void): void {
    const { central, clock, searchMs = SEARCH_MS } = this.#options;
    const stopListening = central.scan?.(hear);
    const stopSearch = findDevice(central, clock, { ...wanted, timeoutMs: searchMs }, (found) => {
      stopListening?.();
      done(found);
    });
    this.#cancel = () => {
      stopListening?.();
      stopSearch();
    };
  }

  #connect(peer: string, device?: GattDevice): void {
    const { central, clock, log = silent } = this.#options;
    const dropped = (reason: string, octets: Uint8Array) =>
      log('debug', 'octets of no SMP packet', { reason, octets: octets.length });
    this.#cancel = central.connect(peer, SMP_SERVICE, (link) => {
      if (link instanceof MeshError) this.#done(link);
      else this.#done(new SmpBleTransport(link, clock, { side: 'client', dropped }), device);
    });
  }
}

type Wanted = Pick<DeviceWanted, 'address' | 'name'>;

function ambiguous(name: string): MeshError {
  const message = `the device is not at its address any more, and others here are called "${name}" as well`;
  return new MeshError('connect-failed', message, {
    hint: 'Give the address that it has now; the update goes on from there.',
  });
}
