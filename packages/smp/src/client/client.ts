import {
  type Cancel,
  type Clock,
  Deadline,
  Emitter,
  fail,
  type MeshError,
  type Result,
  toMeshError,
  type Unsubscribe,
} from '@meshferry/core';
import type { SmpCommand } from '../message.ts';
import { decodeHeader, SMP_HEADER_SIZE, type SmpHeader, SmpOp, type SmpVersion } from '../packet.ts';
import type { SmpTransport } from '../transport.ts';
import { SmpCapacity } from './capacity.ts';
import {
  cancelled,
  clientClosed,
  malformedAnswer,
  SmpRefusedError,
  stuckTransport,
  tooManyRequests,
} from './errors.ts';
import { type Attempt, Exchange, type ExchangeClient, type ExchangeTimes } from './exchange.ts';
import { SequenceNumbers } from './sequence-numbers.ts';

/** How long a client asks. */
export interface SmpRequestOptions {
  /** Until it gives up, from when the request has left, ms. Default 40 000 [spec: smp section 5]. */
  readonly timeoutMs?: number;
  /**
   * Whether the request is sent again, with a new sequence number, while there is no answer: only for what may be done twice.
   * A number is the time to the first repetition, ms; it doubles with each. Default: reads, after 1.5 s where packets can be
   * lost and after 10 s elsewhere.
   */
  readonly repeat?: boolean | number;
  /** Aborted: the request ends with `cancelled`. What was sent may be done all the same. */
  readonly signal?: AbortSignal;
}

/** What is known of a device from earlier connections; a client of it reads and writes this. */
export interface SmpKnowledge {
  /** Version of the protocol to speak. */
  protocol?: 1 | 2;
  /** Whether it puts packets together that come in several writes (BLE). */
  reassembles?: boolean;
}

/** How an {@link SmpClient} works. */
export interface SmpClientOptions {
  /** Hand the same object to the next client of the same device. Default: nothing is known. */
  readonly knowledge?: SmpKnowledge;
  /** 0 to 255. Over UDP a random one keeps answers to an earlier client apart. Default 0. */
  readonly firstSequence?: number;
  /** Sees every packet. */
  readonly trace?: (event: SmpTraceEvent) => void;
}

/** A packet that a client sent, took as an answer, or dropped, see {@link SmpDropReason}. */
export type SmpTraceEvent =
  | { readonly kind: 'sent' | 'received'; readonly at: number; readonly packet: Uint8Array }
  | { readonly kind: 'dropped'; readonly at: number; readonly packet: Uint8Array; readonly reason: SmpDropReason };

/** Why a packet was dropped: an answer too late, one to nothing that was asked, or octets that are none. */
export type SmpDropReason = 'stale' | 'foreign' | 'malformed';

const TIMEOUT_MS = 40_000;
const REPEAT_MS = 10_000;
const REPEAT_LOSSY_MS = 1500;
/** For one packet to leave: at 9600 baud the longest buffers take some seconds. */
const SENDING_MS = 30_000;
const WAITING_MAX = 128;
/** The version of a request is too old, too new. */
const VERSION_CODES: ReadonlySet<number> = new Set([12, 13]);
const NOT_SUPPORTED = 8;

/**
 * The client of one connection to a device: sends requests, several at a time, and finds their answers by sequence number, group,
 * command and kind [spec: smp sections 1 and 9]. It takes over the transport's events, and fails everything when that ends.
 *
 * ```ts
 * const client = new SmpClient(transport, clock);
 * const { r } = await client.request(Echo, { d: 'hello' });
 * const { images } = await client.request(ImageStateRead, {});
 * client.close();
 * ```
 */
export class SmpClient {
  readonly transport: SmpTransport;
  readonly clock: Clock;
  readonly knowledge: SmpKnowledge;
  /** How much the device takes at a time. */
  readonly capacity: SmpCapacity;
  readonly #trace: ((event: SmpTraceEvent) => void) | undefined;
  readonly #numbers: SequenceNumbers;
  readonly #waiting: (Attempt | undefined)[] = new Array<Attempt | undefined>(256).fill(undefined);
  #waitingCount = 0;
  /** The first is with the transport. */
  readonly #outbox: Attempt[] = [];
  readonly #stuck: Deadline;
  readonly #dropped: Record<SmpDropReason, number> = { stale: 0, foreign: 0, malformed: 0 };
  readonly #ends = new Emitter<MeshError>();
  readonly #forExchanges: ExchangeClient = {
    transmit: (exchange) => this.#transmit(exchange, this.#versionFor(exchange)) === undefined,
    forget: (exchange) => this.#forget(exchange),
  };
  #heard = false;
  #end: MeshError | undefined;

  constructor(transport: SmpTransport, clock: Clock, options: SmpClientOptions = {}) {
    this.transport = transport;
    this.clock = clock;
    this.knowledge = options.knowledge ?? {};
    this.#trace = options.trace;
    this.#numbers = new SequenceNumbers(clock, options.firstSequence ?? 0);
    this.#stuck = new Deadline(clock, () => this.#isStuck());
    this.capacity = new SmpCapacity(this);
    transport.listen({
      received: (packet) => this.#received(packet),
      ended: (reason) => this.#ended(reason),
    });
  }

  /** Why the connection has ended; undefined while it has not. */
  get ended(): MeshError | undefined {
    return this.#end;
  }

  /** Packets dropped so far. */
  get dropped(): Readonly<Record<SmpDropReason, number>> {
    return this.#dropped;
  }

  /** Told once when the connection ends, also by {@link close}. */
  whenEnded(run: (reason: MeshError) => void): Unsubscribe {
    return this.#ends.subscribe(run);
  }

  /**
   * The answer to a request. Rejects with {@link SmpRefusedError}, `smp-timeout`, `smp-malformed-answer`, `cancelled`,
   * `link-lost` or another reason of the transport, `smp-closed`, `packet-too-long`, `bad-field`, `smp-too-many-requests`.
   */
  request<Q, A>(command: SmpCommand<Q, A>, params: Q, options: SmpRequestOptions = {}): Promise<A> {
    const { signal } = options;
    return new Promise<A>((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled(command.name));
        return;
      }
      const abort = () => {
        cancel();
        reject(cancelled(command.name));
      };
      const cancel = this.ask(command, params, options, (outcome) => {
        signal?.removeEventListener('abort', abort);
        if (outcome.ok) resolve(outcome.value);
        else reject(outcome.error);
      });
      signal?.addEventListener('abort', abort);
    });
  }

  /**
   * {@link request} for state machines: `done` is called once, never before this returned, and not any more once cancelled. The
   * `signal` is not looked at.
   */
  ask<Q, A>(
    command: SmpCommand<Q, A>,
    params: Q,
    options: SmpRequestOptions,
    done: (outcome: Result<A, MeshError>) => void,
  ): Cancel {
    let wanted = true;
    const exchange = new Exchange(
      command as SmpCommand<unknown, unknown>,
      params,
      this.#times(command.op, options),
      (outcome) => {
        if (wanted) done(outcome as Result<A, MeshError>);
      },
      this.clock,
      this.#forExchanges,
    );
    const error = this.#begin(exchange);
    if (error !== undefined) this.clock.after(0, () => exchange.end(fail(error)));
    return () => {
      wanted = false;
      exchange.end(fail(cancelled(command.name)));
    };
  }

  /** Ends the connection; what waits fails with `smp-closed`. Harmless when it has ended. */
  close(): void {
    this.#ended(clientClosed());
    this.transport.close();
  }

  /** Forgotten attempts that have left may still be answered: their numbers rest. */
  #forget(exchange: Exchange): void {
    for (const attempt of exchange.attempts) {
      if (this.#waiting[attempt.sequence] !== attempt) continue;
      this.#stopWaiting(attempt);
      // The first of the outbox is with the transport already.
      const place = this.#outbox.indexOf(attempt);
      if (place > 0) this.#outbox.splice(place, 1);
      if (place > 0) this.#numbers.release(attempt.sequence);
      else this.#numbers.giveUp(attempt.sequence);
    }
  }

  #times(op: number, { timeoutMs = TIMEOUT_MS, repeat = op === SmpOp.read }: SmpRequestOptions): ExchangeTimes {
    if (repeat === false) return { timeoutMs, repeatMs: Number.POSITIVE_INFINITY };
    const usual = this.transport.lossy ? REPEAT_LOSSY_MS : REPEAT_MS;
    return { timeoutMs, repeatMs: repeat === true ? usual : repeat };
  }

  #begin(exchange: Exchange): MeshError | undefined {
    try {
      return this.#end ?? this.#transmit(exchange, this.#versionFor(exchange));
    } catch (thrown) {
      return toMeshError(thrown);
    }
  }

  /** v2, unless the device is known to speak v1, or says nothing at all to v2. */
  #versionFor(exchange: Exchange): SmpVersion {
    const { protocol } = this.knowledge;
    if (protocol !== undefined) return protocol === 1 ? 0 : 1;
    return !this.#heard && exchange.isLate ? 0 : 1;
  }

  #transmit(exchange: Exchange, version: SmpVersion): MeshError | undefined {
    if (this.#waitingCount >= WAITING_MAX) return tooManyRequests(WAITING_MAX);
    const sequence = this.#numbers.take();
    let packet: Uint8Array;
    try {
      packet = exchange.command.encodeRequest(exchange.params, { version, sequence });
    } catch (thrown) {
      this.#numbers.release(sequence);
      return toMeshError(thrown);
    }
    const attempt = { exchange, sequence, version, packet };
    exchange.attempts.push(attempt);
    this.#waiting[sequence] = attempt;
    this.#waitingCount++;
    this.#outbox.push(attempt);
    if (this.#outbox.length === 1) this.#sendFirst();
    return undefined;
  }

  #sendFirst(): void {
    const { packet } = this.#outbox[0]!;
    this.#stuck.set(SENDING_MS);
    this.#trace?.({ kind: 'sent', at: this.clock.now, packet });
    this.transport.send(packet, this.#sent);
  }

  readonly #sent = (error?: MeshError): void => {
    const attempt = this.#outbox.shift();
    if (attempt === undefined) return;
    if (this.#outbox.length > 0) this.#sendFirst();
    else this.#stuck.clear();
    if (error === undefined) attempt.exchange.sent();
    else attempt.exchange.end(fail(error));
  };

  #isStuck(): void {
    this.#ended(stuckTransport(SENDING_MS));
    this.transport.close();
  }

  /** Several packets in one message are taken one by one [spec: smp section 1]. */
  #received(message: Uint8Array): void {
    let at = 0;
    do {
      const header = decodeHeader(message, at);
      const end = at + SMP_HEADER_SIZE + (header?.length ?? 0);
      if (header === undefined || end > message.length) {
        this.#answerCutShort(message.subarray(at), header);
        return;
      }
      this.#packet(at === 0 && end === message.length ? message : message.subarray(at, end), header);
      at = end;
    } while (message.length - at >= SMP_HEADER_SIZE);
  }

  #answerCutShort(packet: Uint8Array, header: SmpHeader | undefined): void {
    const attempt = header && this.#attemptFor(header);
    this.#drop(packet, 'malformed');
    if (attempt === undefined) return;
    const reason = `${packet.length - SMP_HEADER_SIZE} of ${header!.length} octets`;
    this.#unreadable(attempt, { kind: 'malformed', command: attempt.exchange.command.name, field: 'payload', reason });
  }

  #packet(packet: Uint8Array, header: SmpHeader): void {
    const attempt = this.#attemptFor(header);
    if (attempt === undefined) {
      this.#drop(packet, this.#numbers.rests(header.sequence) ? 'stale' : 'foreign');
      return;
    }
    const { exchange } = attempt;
    const answer = exchange.command.decodeResponse(packet.subarray(SMP_HEADER_SIZE));
    if (answer.ok) {
      this.#trace?.({ kind: 'received', at: this.clock.now, packet });
      this.#answered(attempt);
      if (exchange.refusal !== undefined) delete this.knowledge.protocol;
      this.#speaks(attempt.version);
      exchange.end(answer);
    } else if (answer.error.kind === 'malformed') {
      this.#drop(packet, 'malformed');
      this.#unreadable(attempt, answer.error);
    } else {
      this.#trace?.({ kind: 'received', at: this.clock.now, packet });
      this.#answered(attempt);
      this.#refused(attempt, new SmpRefusedError(exchange.command.name, answer.error.refusal));
    }
  }

  #attemptFor({ op, group, command, sequence }: SmpHeader): Attempt | undefined {
    const attempt = this.#waiting[sequence];
    const asked = attempt?.exchange.command;
    const fits = asked?.group === group && asked.command === command && (asked.op | 1) === op;
    return fits && op !== asked.op ? attempt : undefined;
  }

  #unreadable(attempt: Attempt, why: Parameters<typeof malformedAnswer>[0]): void {
    this.#answered(attempt);
    if (!attempt.exchange.repeatsAfterMalformed()) attempt.exchange.end(fail(malformedAnswer(why)));
  }

  /** A refusal may be one of the version, "not supported" to the first request only: the other is tried once [spec: smp section 9]. */
  #refused({ exchange, version }: Attempt, error: SmpRefusedError): void {
    const { layer, code } = error.refusal;
    const isVersions =
      layer === 'smp' && (VERSION_CODES.has(code) || (code === NOT_SUPPORTED && this.knowledge.protocol === undefined));
    if (!isVersions) {
      this.#speaks(version);
      exchange.end(fail(error));
    } else if (exchange.refusal !== undefined) {
      // It was not the version.
      this.#speaks(1);
      exchange.end(fail(exchange.refusal));
    } else {
      exchange.refusal = error;
      const failed = this.#transmit(exchange, version === 1 ? 0 : 1);
      if (failed !== undefined) exchange.end(fail(error));
    }
  }

  #speaks(version: SmpVersion): void {
    this.knowledge.protocol ??= version === 0 ? 1 : 2;
  }

  #answered(attempt: Attempt): void {
    this.#heard = true;
    this.#stopWaiting(attempt);
    this.#numbers.release(attempt.sequence);
  }

  #stopWaiting(attempt: Attempt): void {
    this.#waiting[attempt.sequence] = undefined;
    this.#waitingCount--;
  }

  #drop(packet: Uint8Array, reason: SmpDropReason): void {
    this.#dropped[reason]++;
    this.#trace?.({ kind: 'dropped', at: this.clock.now, packet, reason });
  }

  #ended(reason: MeshError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#stuck.clear();
    this.#outbox.length = 0;
    for (const attempt of this.#waiting) attempt?.exchange.end(fail(reason));
    this.#ends.emit(reason);
  }
}
