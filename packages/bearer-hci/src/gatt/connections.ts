import { equal, type Unsubscribe } from '@meshferry/core';
import { EVENT, hexCode, LE_EVENT, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import { printAddress } from '../initialise.ts';
import { word } from './att.ts';
import { Connection, type Ending } from './connection.ts';

/** The outcome of an initiation: status of the controller, and the connection where it is 0. */
export type Initiated = (status: number, connection: Connection | undefined) => void;

/** So long the other ends have to take notice of a disconnection before the controller goes, ms. */
const LINGER_MS = 300;
const ROLE_CENTRAL = 0;
/** Octets of the events up to and with the peer address. */
const COMPLETE_LENGTH = 18;

/** All LE connections of a controller, as its events tell of them; what nobody waits for is disconnected. */
export class Connections {
  /** Who initiates at present; `address` on the wire. */
  initiator: { readonly address: Uint8Array; readonly initiated: Initiated } | undefined;
  /** Who takes connections of centrals. */
  acceptor: ((connection: Connection) => void) | undefined;
  readonly #host: HciHost;
  readonly #open = new Map<number, Connection>();
  readonly #unsubscribe: Unsubscribe[];

  constructor(host: HciHost) {
    this.#host = host;
    const complete = (parameters: Uint8Array) => this.#complete(parameters);
    this.#unsubscribe = [
      host.onLeEvent(LE_EVENT.CONNECTION_COMPLETE, complete),
      host.onLeEvent(LE_EVENT.ENHANCED_CONNECTION_COMPLETE, complete),
      host.onEvent(EVENT.DISCONNECTION_COMPLETE, (parameters) => this.#disconnected(parameters)),
      host.onDown(() => this.#endAll()),
    ];
  }

  /** How many have not ended. */
  get size(): number {
    return this.#open.size;
  }

  /** Those of one role that have not ended. */
  of(role: Connection['role']): Connection[] {
    return [...this.#open.values()].filter((connection) => connection.role === role);
  }

  /** Disconnects all, and calls `ended` when the other ends know, or after {@link LINGER_MS}; at once when there are none. */
  close(ended: () => void): void {
    this.initiator = undefined;
    this.acceptor = undefined;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      limit.cancel();
      for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
      this.#endAll();
      ended();
    };
    const limit = this.#host.clock.after(LINGER_MS, end);
    for (const connection of this.#open.values()) {
      connection.onEnded(() => this.#open.size === 0 && end());
      connection.disconnect();
    }
    if (this.#open.size === 0) end();
  }

  #complete(parameters: Uint8Array): void {
    if (parameters.length < COMPLETE_LENGTH) return;
    const status = parameters[0]!;
    const isCentral = parameters[3] === ROLE_CENTRAL;
    // A failure has no role to speak of: only an initiation can fail.
    if (status !== STATUS.SUCCESS) this.initiator?.initiated(status, undefined);
    else this.#opened(word(parameters, 1) & 0x0fff, isCentral ? 'central' : 'peripheral', parameters.slice(5, 11));
  }

  #opened(handle: number, role: Connection['role'], address: Uint8Array): void {
    const peer = printAddress(address);
    const old = this.#open.get(handle);
    // Some controllers report twice; another peer under the same handle means that we missed the end of the first.
    if (old !== undefined && old.peer === peer && old.role === role) return;
    old?.end({ kind: 'controller', reason: 'the controller gave its handle to another connection' });
    const connection = new Connection(this.#host, handle, role, peer);
    this.#open.set(handle, connection);
    connection.onEnded((ending) => this.#ended(connection, ending));
    this.#host.log('info', 'a GATT connection is open', { peer, role });
    const { initiator } = this;
    if (role === 'peripheral' && this.acceptor !== undefined) this.acceptor(connection);
    else if (role === 'central' && initiator !== undefined && equal(initiator.address, address))
      initiator.initiated(STATUS.SUCCESS, connection);
    else connection.disconnect();
  }

  #disconnected(parameters: Uint8Array): void {
    if (parameters.length < 4 || parameters[0] !== STATUS.SUCCESS) return;
    this.#open.get(word(parameters, 1) & 0x0fff)?.end(endingOf(parameters[3]!));
  }

  #ended(connection: Connection, { reason, kind }: Ending): void {
    const { handle, peer, role } = connection;
    if (this.#open.get(handle) === connection) this.#open.delete(handle);
    this.#host.log('info', 'a GATT connection has ended', { peer, role, kind, reason });
  }

  #endAll(): void {
    for (const connection of [...this.#open.values()])
      connection.end({ kind: 'controller', reason: 'the controller was reset or is gone' });
  }
}

/** What a reason code means. */
export function endingOf(status: number): Ending {
  if (status === STATUS.REMOTE_USER_TERMINATED) return { kind: 'peer', status, reason: 'the other end disconnected' };
  if (status === STATUS.TERMINATED_BY_LOCAL_HOST) return { kind: 'local', status, reason: 'this end has disconnected' };
  if (status === STATUS.CONNECTION_TIMEOUT)
    return { kind: 'lost', status, reason: 'the other end was not heard any more' };
  if (status === STATUS.CONNECTION_FAILED)
    return { kind: 'lost', status, reason: 'the other end did not take up the connection' };
  return { kind: 'lost', status, reason: `the connection ended with reason ${hexCode(status, 2)}` };
}
