import { type GattService, sameGattUuid } from '@meshferry/bearer';
import type { Cancel, Timer } from '@meshferry/core';
import { OPCODE, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import { ATT } from './att.ts';
import type { AttProcedure } from './att-client.ts';
import { AttLink } from './att-link.ts';
import { AttServer } from './att-server.ts';
import type { Connection, Ending } from './connection.ts';
import type { AttributeDatabase } from './database.ts';
import { exchangeMtu, type FoundService, findService, type NotFound, subscribe, unsubscribePdu } from './discovery.ts';
import type { Initiator, Outcome } from './initiator.ts';
import type { Peer } from './peer.ts';

/** What client connections stand on. */
export interface ClientGround {
  readonly host: HciHost;
  readonly initiator: Initiator;
  /** What a peer finds that asks us. */
  readonly database: AttributeDatabase;
}

/** A link, or why there is none. */
export type LinkOutcome = AttLink | NotFound;

/** From the connection to the subscription, ms: a dozen requests, the slowest connection interval is 4 s. */
const SETUP_MS = 30_000;
/** A connection that the other end did not take up is tried so often in all: that happens by chance. */
const TRIES = 3;

/** Who uses one service of the peer. */
interface User {
  readonly service: GattService;
  /** Undefined once it was called, or is not wanted any more. */
  settle: ((outcome: LinkOutcome) => void) | undefined;
  limit?: Timer;
  /** What it came to, to be told when the connection has ended, so that it can be tried again at once. */
  problem?: NotFound;
  found?: FoundService;
}

/**
 * The connection to one peer as its client, with a link for each service that somebody uses: it comes with the first and goes with
 * the last. States: connecting; open; ending, with those who want the next one; over.
 */
export class ClientConnection {
  readonly #ground: ClientGround;
  readonly #peer: Peer;
  readonly #over: () => void;
  readonly #users = new Set<User>();
  /** Those whose problem ended it. */
  readonly #failed = new Set<User>();
  readonly #links = new Map<number, AttLink>();
  #state: 'connecting' | 'open' | 'ending' | 'over' = 'connecting';
  #connection: Connection | undefined;
  #tries = 0;
  #cancelInitiation: Cancel = () => {};

  /** `over` is called once, when nobody uses it and the connection has ended. The first {@link use} begins it. */
  constructor(ground: ClientGround, peer: Peer, over: () => void) {
    this.#ground = ground;
    this.#peer = peer;
    this.#over = over;
  }

  /** Whether there is a connection at present. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** `settle` is called once, unless cancelled before; perhaps before this returned. */
  use(service: GattService, settle: (outcome: LinkOutcome) => void): Cancel {
    if ([...this.#users].some((user) => sameGattUuid(user.service.uuid, service.uuid))) {
      settle({ problem: 'it is connected already, and this service of it is in use' });
      return () => {};
    }
    const user: User = { service, settle };
    this.#users.add(user);
    if (this.#state === 'open') this.#setUp(user, findAndOpen);
    else if (this.#state === 'connecting' && this.#users.size === 1) this.#connect();
    return () => {
      if (user.settle === undefined) return;
      user.settle = undefined;
      this.#leave(user);
    };
  }

  #connect(): void {
    this.#state = 'connecting';
    this.#tries++;
    let isReturned = false;
    const cancel = this.#ground.initiator.connect(this.#peer, (outcome: Outcome) => {
      isReturned = true;
      this.#cancelInitiation = () => {};
      if ('connection' in outcome) this.#opened(outcome.connection);
      else this.#end(outcome);
    });
    if (!isReturned) this.#cancelInitiation = cancel;
  }

  #opened(connection: Connection): void {
    const { database } = this.#ground;
    this.#state = 'open';
    this.#connection = connection;
    connection.server = new AttServer(connection, database);
    connection.values = (handle, value) => this.#links.get(handle)?.deliver(value);
    connection.onEnded((ending) => this.#ended(ending));
    this.#speedUp(connection);
    const [first, ...others] = this.#users;
    // The first one asks for the MTU; the requests of the others wait behind.
    if (first !== undefined) this.#setUp(first, agreeAndOpen);
    for (const user of others) this.#setUp(user, findAndOpen);
  }

  #setUp(user: User, procedure: Opening): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    user.limit = this.#ground.host.clock.after(SETUP_MS, () => this.#fail(user, TOO_LONG));
    const made = (found: FoundService) => (user.settle === undefined ? undefined : this.#link(user, connection, found));
    connection.client.run(procedure(connection, user.service, made), (outcome) => {
      if (!connection.isOpen || connection !== this.#connection) return;
      user.limit?.cancel();
      const { settle } = user;
      if (settle === undefined) this.#unsubscribe(user);
      else if ('problem' in outcome) this.#fail(user, outcome);
      else {
        user.settle = undefined;
        settle(outcome);
      }
    });
  }

  /** Values may come before the answer to the subscription: the link takes them from now on. */
  #link(user: User, connection: Connection, found: FoundService): AttLink {
    user.found = found;
    const link: AttLink = new AttLink(connection, ATT.WRITE_COMMAND, found.dataIn, () => {
      this.#leave(user);
      if (!connection.isOpen) return;
      this.#unsubscribe(user);
      this.#ground.host.clock.after(0, () => connection.isOpen && link.end());
    });
    this.#links.set(found.dataOut, link);
    return link;
  }

  /** The peer is to know that a link has ended while the connection goes on. Nobody has asked for the service anew by now. */
  #unsubscribe({ found }: User): void {
    const connection = this.#connection;
    if (found === undefined || connection === undefined) return;
    this.#links.delete(found.dataOut);
    connection.client.request(unsubscribePdu(found), () => {});
  }

  #fail(user: User, problem: NotFound): void {
    user.limit?.cancel();
    if (this.#users.size > 1) {
      const { settle } = user;
      user.settle = undefined;
      this.#leave(user);
      settle?.(problem);
      return;
    }
    user.problem = problem;
    this.#failed.add(user);
    this.#leave(user);
  }

  #leave(user: User): void {
    user.limit?.cancel();
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    if (this.#state === 'connecting') {
      this.#cancelInitiation();
      this.#finish();
    } else if (this.#state === 'open') {
      this.#state = 'ending';
      this.#connection?.disconnect();
    }
  }

  #ended({ reason, status }: Ending): void {
    const wasEnding = this.#state === 'ending';
    this.#connection = undefined;
    this.#links.clear();
    const failed = [...this.#failed];
    this.#failed.clear();
    // Who came while it ended wants the next connection; and by chance this one did not come about at all.
    const isByChance = status === STATUS.CONNECTION_FAILED && failed.length === 0 && this.#tries < TRIES;
    const hopeful = [...this.#users].filter(({ settle }) => settle !== undefined && (wasEnding || isByChance));
    const gone = [...this.#users].filter((user) => !hopeful.includes(user));
    for (const user of gone) this.#users.delete(user);
    for (const { limit } of [...hopeful, ...gone]) limit?.cancel();
    if (hopeful.length > 0) {
      if (wasEnding) this.#tries = 0;
      this.#connect();
    } else this.#finish();
    const isRefusal = status !== undefined && PAIRING_REASONS.has(status);
    const problem: NotFound = { problem: reason, ...(isRefusal && { needsPairing: true }) };
    for (const user of [...failed, ...gone]) user.settle?.(user.problem ?? problem);
  }

  /** There is no connection, and there will be none. */
  #end(problem: NotFound): void {
    const users = [...this.#users];
    this.#users.clear();
    this.#finish();
    for (const { settle } of users) settle?.(problem);
  }

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#over();
  }

  /** Longer packets and the faster PHY, where both ends have them; who refuses goes on as before. */
  #speedUp({ handle }: Connection): void {
    const { host } = this.#ground;
    const [low, high] = [handle & 0xff, handle >> 8];
    if (host.capabilities?.supports(33, 6))
      host.command(OPCODE.LE_SET_DATA_LENGTH, Uint8Array.of(low, high, 251, 0, 0x48, 0x08), () => {});
    if (host.capabilities?.supports(35, 6))
      host.command(OPCODE.LE_SET_PHY, Uint8Array.of(low, high, 0, LE_2M, LE_2M, 0, 0), () => {});
  }
}

const LE_2M = 0x02;
const NOT_WANTED: NotFound = { problem: 'it was cancelled' };
const TOO_LONG: NotFound = { problem: 'it took too long to answer' };
/** Reasons of a disconnection: authentication failure, PIN or key missing. */
const PAIRING_REASONS: ReadonlySet<number> = new Set([0x05, 0x06]);

/** From the connection to the link of a service; `made` makes it as soon as its handles are known, if it is still wanted. */
type Opening = (
  connection: Connection,
  service: GattService,
  made: (found: FoundService) => AttLink | undefined,
) => AttProcedure<LinkOutcome>;

function* agreeAndOpen(...[connection, service, made]: Parameters<Opening>): ReturnType<Opening> {
  connection.mtu = yield* exchangeMtu();
  return yield* findAndOpen(connection, service, made);
}

function* findAndOpen(...[, service, made]: Parameters<Opening>): ReturnType<Opening> {
  const found = yield* findService(service);
  if ('problem' in found) return found;
  const link = made(found);
  return link === undefined ? NOT_WANTED : ((yield* subscribe(found)) ?? link);
}
