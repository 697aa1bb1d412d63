import {
  type GattAdvertisement,
  type GattCentral,
  type GattDevice,
  type GattLink,
  type GattService,
  HeardDevices,
  parseGattUuid,
} from '@meshferry/bearer';
import type { Cancel, Clock, Log, MeshError, Unsubscribe } from '@meshferry/core';
import { Attempt, type AttemptGround, isSameService } from './attempt.ts';
import { NobleConnection } from './connection.ts';
import { Devices } from './devices.ts';
import { connectFailed } from './errors.ts';
import { MTU, queuedPackets } from './internals.ts';
import type { NobleLibrary, NoblePeripheral } from './noble-api.ts';
import { Pace } from './pace.ts';
import { watchRefusals } from './refusals.ts';
import { Scanner } from './scanner.ts';
import { step } from './steps.ts';

/** A peer that is named, not discovered, is looked for so long, ms. */
const FIND_MS = 10_000;
/** What HCI says where the signal strength is not known; nobody is further away. */
const RSSI_UNKNOWN = 127;
const RSSI_LEAST = -127;
const ADDRESS = /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/**
 * GATT central over a library that is powered on. Several connections at a time, made one after the other; a device has one, for all
 * its services that are used.
 */
export class NobleCentral implements GattCentral {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #only: string | undefined;
  readonly #scanner: Scanner;
  readonly #devices: Devices;
  readonly #attempts = new Set<Attempt>();
  readonly #connections = new Map<NoblePeripheral, NobleConnection>();
  readonly #ground: AttemptGround;
  /** The end of the line of those who wait to connect. */
  #lastTurn: Promise<void> = Promise.resolve();
  #ended: MeshError | undefined;

  /** `only`: the address or identifier of the only peer that there is. */
  constructor(library: NobleLibrary, clock: Clock, log: Log, only?: string) {
    this.#clock = clock;
    this.#log = log;
    this.#only = only;
    this.#scanner = new Scanner(library, clock, log);
    this.#devices = new Devices(library, clock);
    this.#ground = {
      clock,
      log,
      pace: new Pace(clock, () => queuedPackets(library)),
      mtu: MTU,
      find: (name) => this.#find(name),
      rival: (attempt, peripheral) =>
        [...this.#attempts].find(
          (other) => other !== attempt && other.uses(peripheral) && isSameService(other, attempt),
        ),
      connection: (peripheral, peer) => this.#connectionTo(peripheral, peer),
      refusals: ({ id }) => watchRefusals(library, id),
    };
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    if (this.#ended !== undefined) return () => {};
    let open = true;
    const end = this.#scanner.search(services.map(hex), (peripheral) => {
      if (!peripheral.connectable || !this.#isWanted(peripheral)) return;
      for (const { uuid, data } of peripheral.advertisement.serviceData ?? []) {
        const service = uuid.length <= 4 ? Number.parseInt(uuid, 16) : undefined;
        if (!open || service === undefined || !services.includes(service)) continue;
        this.#devices.seen(peripheral);
        const rssi = peripheral.rssi === RSSI_UNKNOWN ? RSSI_LEAST : peripheral.rssi;
        found({ service, data: Uint8Array.from(data), peer: peripheral.id, rssi, at: this.#clock.now });
      }
    });
    return () => {
      open = false;
      end();
    };
  }

  /** Scans are active in any case. What comes of it is not limited to the only peer: only connecting is. */
  scan(found: (device: GattDevice) => void): Unsubscribe {
    if (this.#ended !== undefined) return () => {};
    const devices = new HeardDevices();
    const hear = (peripheral: NoblePeripheral, rssi: number) => {
      const { id, address, advertisement } = peripheral;
      const { localName, serviceUuids, serviceData } = advertisement;
      const uuids = [...(serviceUuids ?? []), ...(serviceData ?? []).map(({ uuid }) => uuid)];
      const report = {
        peer: id,
        address: ADDRESS.test(address) ? address.toUpperCase().replaceAll('-', ':') : null,
        name: localName ?? undefined,
        services: uuids.flatMap((uuid) => parseGattUuid(uuid) ?? []),
        // Of extended reports it is a bit, 0 or 1.
        connectable: Boolean(peripheral.connectable),
      };
      found(devices.hear({ ...report, rssi, at: this.#clock.now }));
    };
    const connected = this.#clock.after(0, () => {
      for (const { isOpen, peripheral } of this.#connections.values()) if (isOpen) hear(peripheral, RSSI_UNKNOWN);
    });
    const stop = this.#scanner.search(undefined, (peripheral) => {
      this.#devices.seen(peripheral);
      hear(peripheral, peripheral.rssi);
    });
    return () => {
      connected.cancel();
      stop();
    };
  }

  /** `peer`: of an advertisement; or an address, which is looked for first: not every service is advertised. */
  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    if (this.#ended !== undefined) {
      const ended = this.#ended;
      const timer = this.#clock.after(0, () => done(ended));
      return () => timer.cancel();
    }
    const attempt = new Attempt(this.#ground, peer, service, done, (over) => this.#attempts.delete(over));
    this.#attempts.add(attempt);
    return () => attempt.cancel();
  }

  /** Ends everything with this error. */
  end(reason: MeshError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#scanner.close();
    for (const attempt of [...this.#attempts]) attempt.end(reason);
  }

  async #turn(): Promise<() => void> {
    const former = this.#lastTurn;
    let end: () => void = () => {};
    this.#lastTurn = new Promise((resolve) => {
      end = resolve;
    });
    await former;
    return end;
  }

  #connectionTo(peripheral: NoblePeripheral, peer: string): NobleConnection {
    const known = this.#connections.get(peripheral);
    if (known !== undefined) return known;
    const [clock, log] = [this.#clock, this.#log];
    const ground = { clock, log, turn: () => this.#turn(), pause: () => this.#scanner.pause() };
    const connection = new NobleConnection(ground, peripheral, peer);
    this.#connections.set(peripheral, connection);
    void connection.over.then(() => this.#connections.delete(peripheral));
    return connection;
  }

  async #find(peer: string): Promise<NoblePeripheral> {
    const connected = [...this.#connections.keys()].find((device) => isCalled(device, peer.toLowerCase()));
    const known = connected ?? this.#devices.get(peer);
    const peripheral = known ?? (await this.#search(peer.toLowerCase()));
    if (!this.#isWanted(peripheral)) throw connectFailed(peer, `the bearer is for ${this.#only} alone`);
    return peripheral;
  }

  async #search(peer: string): Promise<NoblePeripheral> {
    let end: Unsubscribe = () => {};
    const found = step<NoblePeripheral>(this.#clock, 'finding it', FIND_MS, (done) => {
      end = this.#scanner.search(undefined, (peripheral) => {
        if (!isCalled(peripheral, peer)) return;
        this.#devices.seen(peripheral);
        done(undefined, peripheral);
      });
    });
    return found.finally(() => end());
  }

  #isWanted(peripheral: NoblePeripheral): boolean {
    return this.#only === undefined || isCalled(peripheral, this.#only);
  }
}

function isCalled({ id, address }: NoblePeripheral, name: string): boolean {
  const bare = name.replaceAll(/[:-]/g, '');
  return bare === id.replaceAll(/[:-]/g, '').toLowerCase() || bare === address.replaceAll(/[:-]/g, '').toLowerCase();
}

/** As the libraries write 16-bit UUIDs of services. */
function hex(uuid: number): string {
  return uuid.toString(16);
}
