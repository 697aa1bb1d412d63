import type { GattAdvertisement, GattCentral, GattLink, GattService } from '@meshferry/bearer';
import type { Cancel, Clock, Log, MeshError, Unsubscribe } from '@meshferry/core';
import { Attempt } from './attempt.ts';
import { Devices } from './devices.ts';
import { connectFailed } from './errors.ts';
import { queuedPackets } from './internals.ts';
import type { NobleLibrary, NoblePeripheral } from './noble-api.ts';
import { Pace } from './pace.ts';
import { Scanner } from './scanner.ts';
import { step } from './steps.ts';

/** A peer that is named, not discovered, is looked for so long, ms. */
const FIND_MS = 10_000;
/** What HCI says where the signal strength is not known; nobody is further away. */
const RSSI_UNKNOWN = 127;
const RSSI_LEAST = -127;

/** GATT central over a library that is powered on. Several connections at a time, made one after the other. */
export class NobleCentral implements GattCentral {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #only: string | undefined;
  readonly #scanner: Scanner;
  readonly #devices: Devices;
  readonly #pace: Pace;
  readonly #attempts = new Set<Attempt>();
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
    this.#pace = new Pace(clock, () => queuedPackets(library));
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

  /** `peer`: of an advertisement; or an address, which is looked for first: not every service is advertised. */
  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    if (this.#ended !== undefined) {
      const ended = this.#ended;
      const timer = this.#clock.after(0, () => done(ended));
      return () => timer.cancel();
    }
    const ground = {
      clock: this.#clock,
      log: this.#log,
      pace: this.#pace,
      turn: () => this.#turn(),
      pause: () => this.#scanner.pause(),
      find: (name: string) => this.#find(name),
      free: (peripheral: NoblePeripheral) => this.#free(peripheral),
    };
    const attempt = new Attempt(ground, peer, service, done, (over) => this.#attempts.delete(over));
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

  async #free(peripheral: NoblePeripheral): Promise<boolean> {
    for (;;) {
      const other = [...this.#attempts].find((attempt) => attempt.uses(peripheral));
      if (other === undefined || other.isLinked) return other === undefined;
      // It is being set up, or undone.
      await other.settled;
    }
  }

  async #find(peer: string): Promise<NoblePeripheral> {
    const known = this.#devices.get(peer);
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
