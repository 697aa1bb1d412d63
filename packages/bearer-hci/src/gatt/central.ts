import {
  decodeAdStructures,
  decodeDevice,
  decodeServiceData,
  type GattAdvertisement,
  type GattCentral,
  type GattDevice,
  type GattLink,
  type GattService,
  HeardDevices,
  pairingNeeded,
} from '@meshferry/bearer';
import { type Cancel, MeshError, type Unsubscribe } from '@meshferry/core';
import type { HciHost } from '../host.ts';
import { printAddress } from '../initialise.ts';
import type { Report } from '../reports.ts';
import { ClientConnection, type ClientGround, type LinkOutcome } from './client-connection.ts';
import type { Connections } from './connections.ts';
import { AttributeDatabase } from './database.ts';
import type { NotFound } from './discovery.ts';
import { Initiator, type Pausable } from './initiator.ts';
import { type Peer, parseAddress, parsePeerHandle, peerHandle } from './peer.ts';

/** What a central needs of scanning. */
export interface CentralScanning extends Pausable {
  listen(heard: (report: Report) => void, mode?: 'passive' | 'active'): Unsubscribe;
}

/** A peer that is named by its address is looked for so long, ms. */
const FIND_MS = 10_000;
/** Reported where a controller does not measure, dBm: last in every comparison. */
const UNKNOWN_RSSI = -127;
const NOT_MEASURED = 127;
/** Characters of a printed address. */
const ADDRESS_LENGTH = 17;

/** GATT central on a controller: any number of connections, as far as the controller goes. */
export class HciCentral implements GattCentral {
  readonly #host: HciHost;
  readonly #scanning: CentralScanning;
  readonly #ground: ClientGround;
  /** By handle of the peer. */
  readonly #connections = new Map<string, ClientConnection>();
  /** Each ends looking for an address. */
  readonly #searches = new Set<Cancel>();
  #closed: MeshError | undefined;

  constructor(host: HciHost, scanning: CentralScanning, connections: Connections) {
    this.#host = host;
    this.#scanning = scanning;
    const initiator = new Initiator(host, scanning, connections);
    // A peer may ask us as well; it finds no more than a name.
    this.#ground = { host, initiator, database: new AttributeDatabase() };
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    if (this.#closed !== undefined) return () => {};
    return this.#scanning.listen((report) => {
      if (report.kind !== 'connectable') return;
      for (const structure of decodeAdStructures(report.data)) {
        const { service, data } = decodeServiceData(structure) ?? {};
        if (service === undefined || data === undefined || !services.includes(service)) continue;
        const rssi = report.rssi === NOT_MEASURED ? UNKNOWN_RSSI : report.rssi;
        found({ service, data: data.slice(), peer: peerHandle(report), rssi, at: this.#host.clock.now });
      }
    });
  }

  scan(found: (device: GattDevice) => void): Unsubscribe {
    if (this.#closed !== undefined) return () => {};
    const devices = new HeardDevices();
    const { clock } = this.#host;
    const connected = clock.after(0, () => {
      const unknown = { name: undefined, services: [], rssi: NOT_MEASURED, at: clock.now, connectable: true };
      for (const [peer, { isOpen }] of this.#connections)
        if (isOpen) found(devices.hear({ peer, address: peer.slice(0, ADDRESS_LENGTH), ...unknown }));
    });
    const stop = this.#scanning.listen((report) => {
      const { address, data, rssi, connectable } = report;
      const shown = decodeDevice(decodeAdStructures(data));
      const who = { peer: peerHandle(report), address: printAddress(address) };
      found(devices.hear({ ...who, ...shown, rssi, at: clock.now, connectable }));
    }, 'active');
    return () => {
      connected.cancel();
      stop();
    };
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    let cancelled = false;
    const { clock } = this.#host;
    const settle = (outcome: LinkOutcome) => {
      if (cancelled) return;
      if (!('problem' in outcome)) done(outcome);
      // Not before `connect` returned; and a controller that went down may turn out to be gone for good.
      else clock.after(0, () => cancelled || done(this.#closed ?? connectError(peer, outcome)));
    };
    const cancel = this.#connect(peer, service, settle);
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** No more connections are made; those under way fail with `reason`. */
  close(reason: MeshError): void {
    this.#closed = reason;
    for (const end of [...this.#searches]) end();
    this.#ground.initiator.close();
  }

  #connect(handle: string, service: GattService, settle: (outcome: LinkOutcome) => void): Cancel {
    const problem = this.#whyNot();
    const peer = parsePeerHandle(handle);
    if (problem === undefined && peer !== undefined) return this.#use(peer, service, settle);
    const address = parseAddress(handle);
    if (problem === undefined && address !== undefined) return this.#findAndUse(address, service, settle);
    settle({ problem: problem ?? 'it is no advertiser that was heard here' });
    return () => {};
  }

  #use(peer: Peer, service: GattService, settle: (outcome: LinkOutcome) => void): Cancel {
    const handle = peerHandle(peer);
    const known = this.#connections.get(handle);
    if (known !== undefined) return known.use(service, settle);
    const connection = new ClientConnection(this.#ground, peer, () => this.#connections.delete(handle));
    this.#connections.set(handle, connection);
    return connection.use(service, settle);
  }

  /** Whether an address is public or random is only known when it shows itself, or is connected. */
  #findAndUse(address: string, service: GattService, settle: (outcome: LinkOutcome) => void): Cancel {
    const connected = [...this.#connections.keys()].find((handle) => handle.startsWith(`${address}/`));
    const peer = connected === undefined ? undefined : parsePeerHandle(connected);
    if (peer !== undefined) return this.#use(peer, service, settle);
    let cancel: Cancel = () => {};
    const stop = this.#find(address, (found) => {
      if (found === undefined) settle({ problem: `it did not show itself in ${FIND_MS / 1000} s` });
      else cancel = this.#use(found, service, settle);
    });
    return () => {
      stop();
      cancel();
    };
  }

  /** `found` is called once, unless cancelled; with nothing when the time is over or the central closed. */
  #find(address: string, found: (peer: Peer | undefined) => void): Cancel {
    const stop = () => {
      this.#searches.delete(giveUp);
      limit.cancel();
      unsubscribe();
    };
    const giveUp = () => {
      stop();
      found(undefined);
    };
    const limit = this.#host.clock.after(FIND_MS, giveUp);
    const unsubscribe = this.#scanning.listen((report) => {
      if (!report.connectable || printAddress(report.address) !== address) return;
      stop();
      found({ addressType: report.addressType, address: report.address.slice() });
    });
    this.#searches.add(giveUp);
    return stop;
  }

  #whyNot(): string | undefined {
    if (this.#closed !== undefined) return this.#closed.message;
    if (this.#host.capabilities === undefined) return 'the controller is not ready';
    return this.#host.capabilities.acl.packets === 0 ? 'the controller has no connections' : undefined;
  }
}

function connectError(peer: string, { problem, needsPairing }: NotFound): MeshError {
  // People know it by its address, not by the handle.
  const who = parsePeerHandle(peer) === undefined ? peer : peer.slice(0, ADDRESS_LENGTH);
  if (needsPairing === true) return pairingNeeded(who, problem);
  return new MeshError('connect-failed', `no connection to ${who}: ${problem}`, {
    hint: 'Discover again: the device may have changed its address, be out of reach, or have no connection free.',
  });
}
