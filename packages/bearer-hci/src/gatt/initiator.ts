import type { Cancel, Timer, Unsubscribe } from '@meshferry/core';
import { hexCode, OPCODE, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import { OWN_PUBLIC, OWN_RANDOM } from '../own-address.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Peer } from './peer.ts';

/** What connections need of scanning: a pause meanwhile, as many controllers cannot scan and initiate together. */
export interface Pausable {
  /** `paused` is called once scanning has stopped, perhaps before this returned; it resumes when what is returned is called. */
  pause(paused: () => void): Cancel;
}

/** Longest wait for an advertisement to connect by, ms: the slowest advertisers show themselves every 1.3 s. */
const INITIATE_MS = 8000;
/** A refusal passes, for example while advertising is on air, ms. */
const RETRY_MS = 50;
/** The event after Create Connection Cancel comes sooner, ms. */
const CANCEL_MS = 2000;

/** Initiating scan: 30 ms of 30 ms. In units of 0.625 ms. */
const SCAN = 0x30;
/** Connection interval 15 to 30 ms (units of 1.25 ms): bursts go at once and several connections have room. */
const INTERVAL = { min: 12, max: 24 } as const;
/** Supervision timeout of 4 s, in units of 10 ms. */
const TIMEOUT = 400;

/** The connection, or why there is none, for people. */
export type Outcome = { readonly connection: Connection } | { readonly problem: string };

interface Attempt {
  readonly peer: Peer;
  readonly done: (outcome: Outcome) => void;
  /** Why the outcome is not wanted any more: it was cancelled, or took too long. */
  over: string | undefined;
  /** Status that the controller has refused it with last, and will until it is tried no more. */
  refused: number | undefined;
}

/**
 * Makes connections as the central, one after the other, as a controller does. States: no attempt; pausing the scan;
 * asking (command sent); waiting (accepted); cancelling. The event may come before the answer to the command, and success
 * may come after a cancel: that connection is ended again.
 */
export class Initiator {
  readonly #host: HciHost;
  readonly #scanning: Pausable;
  readonly #connections: Connections;
  readonly #unsubscribe: Unsubscribe;
  readonly #queue: Attempt[] = [];
  #current: Attempt | undefined;
  #state: 'pausing' | 'asking' | 'waiting' | 'cancelling' = 'pausing';
  #resume: Cancel | undefined;
  #deadline: Timer | undefined;
  #timer: Timer | undefined;
  #ownType: number = OWN_RANDOM;
  #closed = false;

  constructor(host: HciHost, scanning: Pausable, connections: Connections) {
    this.#host = host;
    this.#scanning = scanning;
    this.#connections = connections;
    this.#unsubscribe = host.onDown(() => this.#down());
  }

  /** `done` is called once, unless cancelled before; perhaps before this returned. */
  connect(peer: Peer, done: (outcome: Outcome) => void): Cancel {
    if (this.#closed) {
      done({ problem: 'the bearer was closed' });
      return () => {};
    }
    const attempt: Attempt = { peer, done, over: undefined, refused: undefined };
    this.#queue.push(attempt);
    if (this.#current === undefined) this.#next();
    return () => {
      const at = this.#queue.indexOf(attempt);
      if (at >= 0) this.#queue.splice(at, 1);
      else this.#giveUp(attempt, 'it was cancelled');
    };
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#down();
  }

  #next(): void {
    const attempt = this.#queue.shift();
    this.#current = attempt;
    if (attempt === undefined) return;
    this.#state = 'pausing';
    this.#deadline = this.#host.clock.after(INITIATE_MS, () => this.#giveUp(attempt, whyNotIn(attempt)));
    const resume = this.#scanning.pause(() => this.#create(attempt));
    if (this.#current === attempt) this.#resume = resume;
    else resume();
  }

  #create(attempt: Attempt): void {
    if (this.#current !== attempt) return;
    const { extended = false } = this.#host.capabilities ?? {};
    this.#state = 'asking';
    this.#connections.initiator = {
      address: attempt.peer.address,
      initiated: (status, connection) => this.#initiated(status, connection),
    };
    const opcode = extended ? OPCODE.LE_EXTENDED_CREATE_CONNECTION : OPCODE.LE_CREATE_CONNECTION;
    const parameters = extended
      ? extendedCreateConnection(attempt.peer, this.#ownType)
      : createConnection(attempt.peer, this.#ownType);
    this.#host.command(opcode, parameters, (status) => this.#answered(attempt, status));
  }

  #answered(attempt: Attempt, status: number): void {
    if (this.#current !== attempt || this.#state !== 'asking') return;
    if (status === STATUS.SUCCESS) {
      attempt.refused = undefined;
      this.#state = 'waiting';
      if (attempt.over !== undefined) this.#cancel();
    } else if (attempt.over !== undefined || status === STATUS.NO_ANSWER) {
      this.#finish({ problem: attempt.over ?? 'the controller was reset' });
    } else if (status === STATUS.INVALID_PARAMETERS && this.#ownType === OWN_RANDOM) {
      // It has no random address: a controller that refused to set one.
      this.#ownType = OWN_PUBLIC;
      this.#create(attempt);
    } else if (status === STATUS.COMMAND_DISALLOWED || status === STATUS.LIMITED_RESOURCES) {
      attempt.refused = status;
      // Perhaps it initiates still, as a cancel before was lost; where it does not, this is refused.
      this.#host.command(OPCODE.LE_CREATE_CONNECTION_CANCEL, new Uint8Array(), () => {});
      this.#timer = this.#host.clock.after(RETRY_MS, () => {
        this.#timer = undefined;
        this.#create(attempt);
      });
    } else this.#finish({ problem: `the controller refused to connect with status ${hexCode(status, 2)}` });
  }

  #initiated(status: number, connection: Connection | undefined): void {
    const attempt = this.#current;
    // The end of an attempt before, which was cancelled.
    const isOld = status === STATUS.UNKNOWN_CONNECTION && attempt?.over === undefined;
    if (attempt === undefined || isOld) connection?.disconnect();
    else if (connection === undefined) {
      this.#finish({ problem: attempt.over ?? `the controller could not connect, status ${hexCode(status, 2)}` });
    } else if (attempt.over !== undefined) {
      connection.disconnect();
      this.#finish({ problem: attempt.over });
    } else this.#finish({ connection });
  }

  #giveUp(attempt: Attempt, reason: string): void {
    if (this.#current !== attempt || attempt.over !== undefined) return;
    attempt.over = reason;
    this.#deadline?.cancel();
    const isAsked = this.#state === 'asking' && this.#timer === undefined;
    if (this.#state === 'waiting') this.#cancel();
    else if (!isAsked) this.#finish({ problem: reason });
  }

  #cancel(): void {
    this.#state = 'cancelling';
    this.#timer = this.#host.clock.after(CANCEL_MS, () => this.#finish({ problem: this.#current?.over ?? '' }));
    this.#host.command(OPCODE.LE_CREATE_CONNECTION_CANCEL, new Uint8Array(), () => {});
  }

  #finish(outcome: Outcome): void {
    const attempt = this.#current;
    this.#deadline?.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#connections.initiator = undefined;
    this.#current = undefined;
    this.#resume?.();
    this.#resume = undefined;
    attempt?.done(outcome);
    if (this.#current === undefined) this.#next();
  }

  #down(): void {
    for (const { done } of this.#queue.splice(0)) done({ problem: 'the controller was reset' });
    this.#ownType = OWN_RANDOM;
    if (this.#current !== undefined) this.#finish({ problem: this.#current.over ?? 'the controller was reset' });
  }
}

function whyNotIn({ refused }: Attempt): string {
  const seconds = INITIATE_MS / 1000;
  if (refused === undefined) return `it did not show itself in ${seconds} s`;
  return `the controller refused to connect for ${seconds} s, with status ${hexCode(refused, 2)}; it may have no connection left`;
}

function createConnection({ addressType, address }: Peer, ownType: number): Uint8Array {
  return Uint8Array.of(...[SCAN, 0, SCAN, 0, 0, addressType], ...address, ownType, ...timing());
}

function extendedCreateConnection({ addressType, address }: Peer, ownType: number): Uint8Array {
  return Uint8Array.of(...[0, ownType, addressType], ...address, LE_1M, ...[SCAN, 0, SCAN, 0], ...timing());
}

const LE_1M = 0x01;

/** Interval, latency, timeout, length of connection events. */
function timing(): number[] {
  return [INTERVAL.min, 0, INTERVAL.max, 0, 0, 0, TIMEOUT & 0xff, TIMEOUT >> 8, 0, 0, 0, 0];
}
