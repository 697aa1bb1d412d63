import type { Clock, Timer } from '@meshferry/core';
import { ATT, ATT_ERROR, TRANSACTION_MS } from './att.ts';

/** What a request came to: 0 and the response PDU, or an error code of `ATT_ERROR`. */
export interface AttResponse {
  readonly error: number;
  readonly pdu: Uint8Array;
}

/** Requests one after the other, written top to bottom: a generator that yields a request PDU and gets its response. */
export type AttProcedure<T> = Generator<Uint8Array, T, AttResponse>;

const NOTHING = new Uint8Array();
const ENDED: AttResponse = { error: ATT_ERROR.ENDED, pdu: NOTHING };

interface Request {
  readonly pdu: Uint8Array;
  readonly answered: (response: AttResponse) => void;
}

/**
 * The client's half of the Attribute Protocol: one request outstanding, each response within 30 s [Bluetooth Core, Vol 3,
 * Part F, 3.3]. Responses that nobody asked for mean nothing.
 */
export class AttClient {
  readonly #clock: Clock;
  readonly #send: (pdu: Uint8Array) => void;
  readonly #silent: () => void;
  readonly #waiting: Request[] = [];
  #outstanding: Request | undefined;
  #timer: Timer | undefined;
  #ended = false;

  /** `silent`: a response did not come in time, the connection is of no use any more. */
  constructor(clock: Clock, send: (pdu: Uint8Array) => void, silent: () => void) {
    this.#clock = clock;
    this.#send = send;
    this.#silent = silent;
  }

  /** `answered` is called once, at once when the connection has ended. */
  request(pdu: Uint8Array, answered: (response: AttResponse) => void): void {
    if (this.#ended) answered(ENDED);
    else {
      this.#waiting.push({ pdu, answered });
      this.#next();
    }
  }

  /** Runs a procedure; `done` gets what it returns. */
  run<T>(procedure: AttProcedure<T>, done: (result: T) => void): void {
    const step = (result: IteratorResult<Uint8Array, T>): void => {
      if (result.done) done(result.value);
      else this.request(result.value, (response) => step(procedure.next(response)));
    };
    step(procedure.next(undefined as never));
  }

  /** A response PDU, an Error Response included. */
  receive(pdu: Uint8Array): void {
    const request = this.#outstanding;
    if (request === undefined) return;
    const isError = pdu[0] === ATT.ERROR;
    // The opcode of a response is that of its request plus one; an Error Response names the request's.
    if (isError ? pdu.length !== 5 || pdu[1] !== request.pdu[0] : pdu[0] !== request.pdu[0]! + 1) return;
    this.#outstanding = undefined;
    this.#timer?.cancel();
    // An Error Response without an error is one all the same.
    request.answered(isError ? { error: pdu[4] || ATT_ERROR.INVALID_PDU, pdu: NOTHING } : { error: 0, pdu });
    this.#next();
  }

  /** The connection has ended: nothing is asked or answered any more. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    const ended = [...(this.#outstanding ? [this.#outstanding] : []), ...this.#waiting.splice(0)];
    this.#outstanding = undefined;
    for (const { answered } of ended) answered(ENDED);
  }

  #next(): void {
    if (this.#outstanding !== undefined || this.#ended) return;
    const request = this.#waiting.shift();
    if (request === undefined) return;
    this.#outstanding = request;
    this.#timer = this.#clock.after(TRANSACTION_MS, () => this.#silent());
    this.#send(request.pdu);
  }
}
