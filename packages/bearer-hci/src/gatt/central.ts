import {
  decodeAdStructures,
  decodeServiceData,
  type GattAdvertisement,
  type GattCentral,
  type GattLink,
  type GattService,
} from '@meshferry/bearer';
import { type Cancel, MeshError, type Timer, type Unsubscribe } from '@meshferry/core';
import { OPCODE, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import type { Report } from '../reports.ts';
import { ATT } from './att.ts';
import type { AttProcedure } from './att-client.ts';
import { AttLink } from './att-link.ts';
import { AttServer } from './att-server.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { AttributeDatabase } from './database.ts';
import { exchangeMtu, findService, type NotFound, subscribe } from './discovery.ts';
import { Initiator, type Outcome, type Pausable } from './initiator.ts';
import { parsePeerHandle, peerHandle } from './peer.ts';

/** What a central needs of scanning. */
export interface CentralScanning extends Pausable {
  listen(heard: (report: Report) => void): Unsubscribe;
}

/** From the connection to the subscription, ms: a dozen requests, the slowest connection interval is 4 s. */
const SETUP_MS = 30_000;
/** A connection that the other end did not take up is tried so often in all: that happens by chance. */
const TRIES = 3;
/** Reported where a controller does not measure, dBm: last in every comparison. */
const UNKNOWN_RSSI = -127;
const NOT_MEASURED = 127;

/** GATT central on a controller: any number of connections, as far as the controller goes. */
export class HciCentral implements GattCentral {
  readonly #host: HciHost;
  readonly #scanning: CentralScanning;
  readonly #connections: Connections;
  readonly #initiator: Initiator;
  /** A peer may ask us as well; it finds no more than a name. */
  readonly #database = new AttributeDatabase();
  #closed: MeshError | undefined;

  constructor(host: HciHost, scanning: CentralScanning, connections: Connections) {
    this.#host = host;
    this.#scanning = scanning;
    this.#connections = connections;
    this.#initiator = new Initiator(host, scanning, connections);
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

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    let cancelled = false;
    const { clock } = this.#host;
    const settle = (outcome: AttLink | NotFound) => {
      if (cancelled) return;
      if (!('problem' in outcome)) done(outcome);
      // Not before `connect` returned; and a controller that went down may turn out to be gone for good.
      else clock.after(0, () => cancelled || done(this.#closed ?? connectFailed(peer, outcome.problem)));
    };
    let cancel = this.#connect(peer, service, TRIES, settle, (next) => {
      cancel = next;
    });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** No more connections are made; those under way fail with `reason`. */
  close(reason: MeshError): void {
    this.#closed = reason;
    this.#initiator.close();
  }

  #connect(
    handle: string,
    service: GattService,
    tries: number,
    settle: (outcome: AttLink | NotFound) => void,
    replaceCancel: (cancel: Cancel) => void,
  ): Cancel {
    const peer = parsePeerHandle(handle);
    const problem = this.#whyNot(handle);
    if (peer === undefined || problem !== undefined) {
      settle({ problem: problem ?? 'it is no advertiser that was heard here' });
      return () => {};
    }
    const retry = () => replaceCancel(this.#connect(handle, service, tries - 1, settle, replaceCancel));
    return this.#initiator.connect(peer, (outcome: Outcome) => {
      if ('problem' in outcome) settle(outcome);
      else replaceCancel(this.#setUp(outcome.connection, service, settle, tries > 1 ? retry : undefined));
    });
  }

  #whyNot(handle: string): string | undefined {
    if (this.#closed !== undefined) return this.#closed.message;
    if (this.#host.capabilities === undefined) return 'the controller is not ready';
    if (this.#host.capabilities.acl.packets === 0) return 'the controller has no connections';
    const isConnected = this.#connections.of('central').some(({ peer }) => handle.startsWith(`${peer}/`));
    return isConnected ? 'it is connected already' : undefined;
  }

  /** From a new connection to a link. What goes wrong is told when the connection has ended, so that it can be tried again. */
  #setUp(
    connection: Connection,
    service: GattService,
    settle: (outcome: AttLink | NotFound) => void,
    retry: (() => void) | undefined,
  ): Cancel {
    let problem: string | undefined;
    let isSettled = false;
    const giveUp = (reason: string) => {
      if (isSettled) return;
      problem ??= reason;
      connection.disconnect();
    };
    const limit: Timer = this.#host.clock.after(SETUP_MS, () => giveUp('it took too long to answer'));
    connection.server = new AttServer(connection, this.#database);
    connection.onEnded(({ reason, status }) => {
      limit.cancel();
      if (isSettled) return;
      isSettled = true;
      if (problem === undefined && status === STATUS.CONNECTION_FAILED && retry !== undefined) retry();
      else settle({ problem: problem ?? reason });
    });
    this.#speedUp(connection);
    connection.client.run(open(connection, service), (outcome) => {
      if (!connection.isOpen || isSettled) return;
      if ('problem' in outcome) giveUp(outcome.problem);
      else {
        isSettled = true;
        limit.cancel();
        settle(outcome);
      }
    });
    return () => {
      isSettled = true;
      limit.cancel();
      connection.disconnect();
    };
  }

  /** Longer packets and the faster PHY, where both ends have them; who refuses goes on as before. */
  #speedUp({ handle }: Connection): void {
    const { capabilities } = this.#host;
    const [low, high] = [handle & 0xff, handle >> 8];
    if (capabilities?.supports(33, 6))
      this.#host.command(OPCODE.LE_SET_DATA_LENGTH, Uint8Array.of(low, high, 251, 0, 0x48, 0x08), () => {});
    if (capabilities?.supports(35, 6))
      this.#host.command(OPCODE.LE_SET_PHY, Uint8Array.of(low, high, 0, LE_2M, LE_2M, 0, 0), () => {});
  }
}

const LE_2M = 0x02;

function* open(connection: Connection, service: GattService): AttProcedure<AttLink | NotFound> {
  connection.mtu = yield* exchangeMtu();
  const found = yield* findService(service);
  if ('problem' in found) return found;
  const link = new AttLink(connection, ATT.WRITE_COMMAND, found.dataIn);
  // Values may come before the answer to the subscription.
  connection.values = (handle, value) => {
    if (handle === found.dataOut) link.deliver(value);
  };
  return (yield* subscribe(found)) ?? link;
}

function connectFailed(peer: string, problem: string): MeshError {
  return new MeshError('connect-failed', `no connection to ${peer}: ${problem}`, {
    hint: 'Discover again: the device may have changed its address, be out of reach, or have no connection free.',
  });
}
