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
/** A name comes in a scan response, right after the first that is heard of a device, ms. */
const NAME_MS = 500;
/** The first octet of an address that changes: non-resolvable or resolvable private [Bluetooth Core, Vol 6, Part B, 1.3.2.2]. */
const PRIVATE_ADDRESS = /^[0-7]/;

/**
 * The way to a device over Bluetooth LE: it is looked for at each opening, and no other is taken for it: not one of several that
 * are called alike, nor later one with a fixed address. Where its own has changed since the last opening (a reset, without
 * bonding), the only device in range that has exactly its name and such an address is it [spec: smp section 6].
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
  readonly #openings = new Set<Opening>();

  constructor(options: BleRouteOptions) {
    this.#options = options;
    this.name = `ble:${options.address ?? options.name ?? ''}`;
  }

  open(done: (outcome: SmpTransport | MeshError) => void, { deviceName }: SmpOpenOptions = {}): Cancel {
    const opening = new Opening(this.#options, this.#others, (outcome, device) => {
      // The loader is another application of the device: what comes after it is looked for as before.
      if (device !== undefined && deviceName === undefined) this.#isAt(device, opening.heard);
      this.#openings.delete(opening);
      done(outcome);
    });
    this.#openings.add(opening);
    if (deviceName !== undefined) opening.find({ name: deviceName });
    else if (this.#device === undefined) opening.findFirst();
    else opening.findAgain(this.#device);
    return () => this.#giveUp(opening);
  }

  /** Ends what is being opened. The radio belongs to who gave it. */
  close(): void {
    for (const opening of [...this.#openings]) this.#giveUp(opening);
  }

  #giveUp(opening: Opening): void {
    this.#openings.delete(opening);
    opening.cancel();
  }

  #isAt(device: GattDevice, heard: ReadonlyMap<string, GattDevice>): void {
    this.#device = { ...device, name: device.name ?? this.#device?.name ?? null };
    for (const peer of heard.keys()) if (peer !== device.peer) this.#others.add(peer);
  }
}

/** One search with the connection after it. */
class Opening {
  /** Who is in range, by peer. */
  readonly heard: Map<string, GattDevice> = new Map();
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

  /** As the options say. */
  findFirst(): void {
    const { address, name, central } = this.#options;
    if (central.scan === undefined && address !== undefined) this.#connect(address);
    else if (address !== undefined) {
      this.#search({ address, ...(name !== undefined && { name }) }, (found) => {
        if (found instanceof MeshError) this.#done(found);
        else this.#hearName(found);
      });
    } else this.find({ name: name! });
  }

  /** The one that there was; if it is not there any more, by the name that it had. */
  findAgain(before: GattDevice): void {
    this.#search({ address: before.peer }, (found) => {
      if (!(found instanceof MeshError)) this.#connect(found.peer, found);
      else if (found.code === 'device-not-found' && before.name !== null) this.#findMoved(before.name);
      else this.#done(found);
    });
  }

  /** By name, if only one has it; exactly this name goes before a part of one. */
  find({ name }: Required<Pick<Wanted, 'name'>>): void {
    this.#search({ name }, (found) => {
      if (found instanceof MeshError) {
        this.#done(found);
        return;
      }
      const fitting = this.#called((each) => each.toLowerCase().includes(name.toLowerCase()));
      const exact = fitting.filter((device) => device.name === name);
      const alike = exact.length > 0 ? exact : fitting;
      if (alike.length > 1) this.#done(severalDevices(name, alike));
      else this.#connect(found.peer, found);
    });
  }

  /** It is called so, has an address of those that change, and has not been there beside the device. */
  #findMoved(name: string): void {
    const { log = silent } = this.#options;
    this.heard.clear();
    this.#search({ name }, (found) => {
      if (found instanceof MeshError) {
        this.#done(found);
        return;
      }
      const namesakes = this.#called((each) => each === name);
      const moved = namesakes.filter(
        ({ peer, address }) => !this.#others.has(peer) && (address === null || PRIVATE_ADDRESS.test(address)),
      );
      const [device] = moved;
      if (device === undefined || moved.length > 1) this.#done(ambiguous(name));
      else {
        log('warn', 'the device has another address now', { name, address: device.address });
        this.#connect(device.peer, device);
      }
    });
  }

  #called(fits: (name: string) => boolean): GattDevice[] {
    return [...this.heard.values()].filter(({ name, connectable }) => connectable && name !== null && fits(name));
  }

  /** The name of a device at its address is what it can be found by when it has another one. */
  #hearName(device: GattDevice): void {
    const { central, clock } = this.#options;
    const go = () => {
      this.#cancel();
      this.#connect(device.peer, this.heard.get(device.peer) ?? device);
    };
    if (device.name !== null || central.scan === undefined) {
      go();
      return;
    }
    const timer = clock.after(NAME_MS, go);
    const stop = central.scan((other) => {
      this.heard.set(other.peer, other);
      if (other.peer === device.peer && other.name !== null) go();
    });
    this.#cancel = () => {
      timer.cancel();
      stop();
    };
  }

  #search(wanted: Wanted, done: (found: GattDevice | MeshError) => void): void {
    const { central, clock, searchMs = SEARCH_MS } = this.#options;
    const stopListening = central.scan?.((device) => void this.heard.set(device.peer, device));
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
      if (link instanceof MeshError) this.#done(advised(link));
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

function severalDevices(name: string, devices: readonly GattDevice[]): MeshError {
  const where = devices.map((device) => `${device.address ?? device.peer} "${device.name}" (${device.rssi} dBm)`);
  return new MeshError('several-devices', `${devices.length} devices have a name with "${name}": ${where.join(', ')}`, {
    hint: 'Give the address of the one that is meant.',
  });
}

/** What to do where there is a device, but no link of SMP to it. */
function advised(error: MeshError): MeshError {
  if (error.code !== 'connect-failed') return error;
  return new MeshError(error.code, error.message, {
    hint:
      'Is it the right device, near, and connected to nobody else? It needs the SMP service: ' +
      'CONFIG_MCUMGR_TRANSPORT_BT=y in Zephyr.',
    cause: error,
  });
}
