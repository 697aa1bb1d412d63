import { type Context, type MessageType, type Model, request, type SendOptions } from '@meshferry/access';
import { type Address, type AppIndex, type Cancel, MeshError, type NetIndex } from '@meshferry/core';

/** Whom a request goes to, under which keys. */
export interface RequestTarget {
  /** Primary element of the node; for models of AppKeys any element, or a group. */
  readonly address: Address;
  /** The subnet. Default: that of the AppKey, or the primary one. */
  readonly netIndex?: NetIndex;
  /** For models of AppKeys; default: the one bound to the client with the lowest index. */
  readonly appIndex?: AppIndex;
}

/** How long a client asks. */
export interface RequestOptions {
  /** Transmissions in all. Default: as many as fit into 30 s, 3 at least. */
  readonly attempts?: number;
  /** From the end of one transmission to the next, ms. Default: {@link answerTimeMs}. */
  readonly intervalMs?: number;
  /** TTL of the request, 0 or 2 to 127; also bounds the hops that time is allowed for. Default: the Default TTL. */
  readonly ttl?: number;
  /** Aborted: the request ends with `cancelled`. */
  readonly signal?: AbortSignal;
}

/** A request and what answers it. */
export interface Exchange<T, R> {
  readonly type: MessageType<T>;
  readonly value: T;
  readonly response: MessageType<R>;
  /** Tells the answer to this request from one to another. Default: any is. */
  readonly matches?: (response: R, context: Context) => boolean;
  /**
   * Whether the response says that the node did what it was asked. The first three that do not are taken for late answers
   * to an earlier request that was repeated, the next one for the answer. Default: no such care.
   */
  readonly isDone?: (response: R) => boolean;
  /** Longest access message that may answer, octets. Default 11: it is not segmented. */
  readonly answerOctets?: number;
  /** Time that the node needs before it answers, ms. Default 0. */
  readonly extraMs?: number;
}

/** Answers of this length take the most segments that there are [Mesh Protocol 1.1, 3.5.2.2]. */
export const LONGEST_ANSWER = 380;

/** A client goes on asking for so long at least [3.7.3.2], ms. */
const OVERALL_MS = 30_000;
const FEWEST_ATTEMPTS = 3;

/** Hops that time is allowed for where the TTL says nothing better. */
const HOPS = 5;
const MOST_HOPS = 20;

/** Late answers to one request, at most: a slow node may have heard it several times. */
const MOST_LATE = 3;

/** Reply delay and the time of a busy node; what one hop there and back takes with repetitions; ms. */
const BASE_MS = 1000;
const HOP_MS = 200;
/** One segment of an answer, and what repeating some of them takes, in all and for each hop; ms. */
const SEGMENT_MS = 100;
const REPEAT_MS = 900;
const REPEAT_HOP_MS = 300;

/**
 * How long to wait for an answer of `octets` over so many hops, from the end of the request: time for all its segments
 * and for three rounds of repeating some of them, ms.
 */
export function answerTimeMs(octets: number, hops: number = HOPS): number {
  const far = Math.min(MOST_HOPS, Math.max(1, hops));
  const unsegmented = BASE_MS + HOP_MS * far;
  if (octets <= 11) return unsegmented;
  return unsegmented + SEGMENT_MS * Math.ceil((octets + 4) / 12) + REPEAT_MS + REPEAT_HOP_MS * far;
}

/**
 * The requests of a client model: repeated until they are answered, one at a time to each node, in the order in which
 * they were asked for [3.7.3.2].
 */
export class ClientRequests {
  readonly #model: Model;
  /** Requests that wait for the one before, by destination; an entry stands for the one under way. */
  readonly #waiting = new Map<Address, (() => void)[]>();

  constructor(model: Model) {
    this.#model = model;
  }

  /**
   * The answer to a request. Rejects with `no-response`, `cancelled`, `bad-field` for a value that the message cannot hold,
   * `key-not-bound`, and what sending fails with.
   */
  ask<T, R>(exchange: Exchange<T, R>, to: RequestTarget, options: RequestOptions = {}): Promise<R> {
    const { signal } = options;
    return new Promise<R>((resolve, reject) => {
      let cancel: Cancel | undefined;
      const abort = (): void => {
        if (cancel === undefined) reject(cancelled(exchange.type.name));
        else cancel();
      };
      const end = (settle: () => void): void => {
        signal?.removeEventListener('abort', abort);
        settle();
        this.#next(to.address);
      };
      const start = (): void => {
        if (signal?.aborted) {
          end(abort);
          return;
        }
        try {
          cancel = this.#send(exchange, to, options, (outcome) =>
            end(() => (outcome.ok ? resolve(outcome.value) : reject(outcome.error))),
          );
        } catch (error) {
          end(() => reject(error));
        }
      };
      signal?.addEventListener('abort', abort);
      this.#enqueue(to.address, start);
    });
  }

  /** Sends a message that nothing answers; rejects with what sending fails with. */
  tell<T>(type: MessageType<T>, value: T, to: RequestTarget, options: RequestOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#model.send(type, value, this.#route(to, options), (error) => (error ? reject(error) : resolve()));
    });
  }

  #send<T, R>(
    exchange: Exchange<T, R>,
    to: RequestTarget,
    options: RequestOptions,
    done: Parameters<typeof request<T, R>>[2],
  ): Cancel {
    const { type, value, response, answerOctets = 11, extraMs = 0 } = exchange;
    const intervalMs = options.intervalMs ?? answerTimeMs(answerOctets, options.ttl) + extraMs;
    const attempts = options.attempts ?? Math.max(FEWEST_ATTEMPTS, Math.ceil(OVERALL_MS / intervalMs));
    const asked = { type, value, to: this.#route(to, options), response, attempts, intervalMs };
    return request(this.#model, { ...asked, matches: answers(exchange) }, done);
  }

  #route({ address, netIndex, appIndex }: RequestTarget, { ttl }: RequestOptions): SendOptions {
    return {
      dst: address,
      ...(netIndex !== undefined && { netIndex }),
      ...(ttl !== undefined && { ttl }),
      ...(appIndex !== undefined && { appIndex }),
      ...(this.#model.security !== 'app' && appIndex === undefined && { deviceKeyOf: address }),
    };
  }

  #enqueue(address: Address, start: () => void): void {
    const waiting = this.#waiting.get(address);
    if (waiting !== undefined) {
      waiting.push(start);
      return;
    }
    this.#waiting.set(address, []);
    start();
  }

  #next(address: Address): void {
    const start = this.#waiting.get(address)?.shift();
    if (start === undefined) this.#waiting.delete(address);
    else start();
  }
}

function answers<R>({
  matches,
  isDone,
}: Pick<Exchange<unknown, R>, 'matches' | 'isDone'>): (response: R, context: Context) => boolean {
  let late = 0;
  return (response, context) => {
    if (matches?.(response, context) === false) return false;
    return isDone === undefined || isDone(response) || ++late > MOST_LATE;
  };
}

function cancelled(name: string): MeshError {
  return new MeshError('cancelled', `${name} was cancelled before it was sent`);
}
