import {
  type Cancel,
  type Clock,
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
import type {
  SmpClientOptions,
  SmpDropReason,
  SmpKnowledge,
  SmpRequestOptions,
  SmpTraceEvent,
} from './client-types.ts';
import {
  cancelled,
  clientClosed,
  malformedAnswer,
  SmpRefusedError,
  stuckTransport,
  tooManyRequests,
} from './errors.ts';
import { type Attempt, Exchange, type ExchangeClient, type ExchangeTimes } from './exchange.ts';
import { FileClient } from './groups/file-client.ts';
import { ImageClient } from './groups/image-client.ts';
import { OsClient } from './groups/os-client.ts';
import {
  BasicClient,
  EnumerationClient,
  LogClient,
  SettingsClient,
  ShellClient,
  StatisticsClient,
} from './groups/small-clients.ts';
import { Outbox, SENDING_MS } from './outbox.ts';
import { SequenceNumbers } from './sequence-numbers.ts';

export type { SmpKnowledge } from './client-types.ts';

const TIMEOUT_MS = 40_000;
const REPEAT_MS = 10_000;
const REPEAT_LOSSY_MS = 1500;
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
 * const { images } = await client.image.list();
 * await client.image.upload(bytes, { onProgress: ({ offset, total }) => draw(offset / total) });
 * await client.request(Reset, { force: true }); // any command can be asked for itself
 * client.close();
 * ```
 */
export class SmpClient {
  readonly transport: SmpTransport;
  readonly clock: Clock;
  readonly knowledge: SmpKnowledge;
  /** How much the device takes at a time. */
  readonly capacity: SmpCapacity;
  readonly os: OsClient;
  readonly image: ImageClient;
  readonly statistics: StatisticsClient;
  readonly settings: SettingsClient;
  readonly log: LogClient;
  readonly files: FileClient;
  readonly shell: ShellClient;
  readonly enumeration: EnumerationClient;
  readonly basic: BasicClient;
  readonly #trace: ((event: SmpTraceEvent) => void) | undefined;
  readonly #numbers: SequenceNumbers;
  readonly #waiting: (Attempt | undefined)[] = new Array<Attempt | undefined>(256).fill(undefined);
  #waitingCount = 0;
  readonly #outbox: Outbox;
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
    this.#outbox = new Outbox(transport, clock, {
      sending: ({ packet }) => this.#trace?.({ kind: 'sent', at: clock.now, packet }),
      sent: ({ exchange }, error) => (error === undefined ? exchange.sent() : exchange.end(fail(error))),
      stuck: () => this.#endWith(stuckTransport(SENDING_MS)),
    });
    this.capacity = new SmpCapacity(this);
    this.os = new OsClient(this);
    this.image = new ImageClient(this);
    this.statistics = new StatisticsClient(this);
    this.settings = new SettingsClient(this);
    this.log = new LogClient(this);
    this.files = new FileClient(this);
    this.shell = new ShellClient(this);
    this.enumeration = new EnumerationClient(this);
    this.basic = new BasicClient(this);
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
    this.#endWith(clientClosed());
  }

  #endWith(reason: MeshError): void {
    this.#ended(reason);
    this.transport.close();
  }

  /** Forgotten attempts that have left may still be answered: their numbers rest. */
  #forget(exchange: Exchange): void {
    for (const attempt of exchange.attempts) {
      if (this.#waiting[attempt.sequence] !== attempt) continue;
      this.#stopWaiting(attempt);
      if (this.#outbox.withdraw(attempt)) this.#numbers.release(attempt.sequence);
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
    this.#outbox.add(attempt);
    return undefined;
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
      this.#refused(attempt, new SmpRefusedError(exchange.command.name, header.group, answer.error.refusal));
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
    this.#outbox.clear();
    for (const attempt of this.#waiting) attempt?.exchange.end(fail(reason));
    this.#ends.emit(reason);
  }
}
