import type { Context, Model } from '@meshferry/access';
import { type Cancel, type Clock, formatAddress, type Log, MeshError, toMeshError } from '@meshferry/core';
import type { ExpectedTransfer, Verdict } from './answers.ts';
import type { BlockShape } from './arithmetic.ts';
import { AutoStrategy } from './auto-strategy.ts';
import type { BlobEvent, BlobTransferParameters } from './client-contract.ts';
import { Estimates } from './estimates.ts';
import { Forecast } from './forecast.ts';
import type { TransferMode } from './messages.ts';
import { Receiver } from './receiver.ts';
import { Requests } from './requests.ts';
import { Round, type RoundGround, type Step } from './round.ts';
import type { Terms } from './settings.ts';
import type { BlobSource } from './sink.ts';
import { StockStrategy } from './stock-strategy.ts';
import type { Strategy } from './strategy.ts';

export interface TransferContextOptions {
  readonly clock: Clock;
  readonly model: Model;
  readonly log: Log;
  readonly defaultTtl: number;
  readonly parameters: BlobTransferParameters;
  readonly listener: (event: BlobEvent) => void;
  /** An error of sending that another attempt cannot mend. */
  readonly fatal: (error: MeshError) => void;
}

/** A Low Power node may take so long to ask its Friend, get what was sent, and answer. */
const SLEEPY_WAIT_MS = 3000;

/** What all steps of a transfer share: its receivers, its way out, what it tells, and the round that is under way. */
export class TransferContext implements RoundGround {
  readonly clock: Clock;
  readonly log: Log;
  readonly parameters: BlobTransferParameters;
  readonly receivers: readonly Receiver[];
  readonly counters = { sent: 0, resent: 0, bytes: 0 };
  readonly requests: Requests;
  readonly estimates: Estimates;
  readonly strategy: Strategy;
  readonly forecast: Forecast = new Forecast(this);
  readonly clientTimeoutMs: number;
  readonly #listener: (event: BlobEvent) => void;
  #telling = 0;
  /** Block Size Log, once it is chosen. */
  log2: number | undefined;
  /** Once it is chosen. */
  #mode: TransferMode | undefined;
  /** Chunks must not fill their block: some receiver would drop the last one. */
  leavesRemainder = false;
  /** The block under way. */
  block: BlockShape | undefined;
  readonly #byAddress: ReadonlyMap<number, Receiver>;
  readonly #fatal: (error: MeshError) => void;
  #round: Round | undefined;
  #largestTtl = 0;

  constructor(options: TransferContextOptions) {
    const { parameters } = options;
    this.clock = options.clock;
    this.log = options.log;
    this.#listener = options.listener;
    this.#fatal = options.fatal;
    this.parameters = parameters;
    const { outlook } = parameters;
    this.estimates = new Estimates(outlook);
    // Who is named twice is one all the same.
    const byAddress = new Map(parameters.receivers.map((receiver) => [receiver.address, receiver]));
    this.receivers = [...byAddress.values()].map(
      (receiver) => new Receiver(receiver, outlook?.receivers.get(receiver.address)),
    );
    this.#byAddress = new Map(this.receivers.map((receiver) => [receiver.address, receiver]));
    const ttl = parameters.ttl === 0xff ? options.defaultTtl : parameters.ttl;
    this.clientTimeoutMs = 10_000 * (parameters.timeoutBase + 2) + 100 * ttl;
    this.requests = new Requests(options.model, parameters);
    const stock = parameters.settings === 'stock';
    this.strategy = stock
      ? new StockStrategy(this.clientTimeoutMs, outlook)
      : new AutoStrategy(this.estimates, this.clientTimeoutMs);
  }

  /** What is settled so far, by the caller or by an earlier run. */
  get terms(): Terms {
    const { source, blockSizeLog, chunkSize } = this.parameters;
    return { size: source.size, log: this.log2 ?? blockSizeLog, chunkSize };
  }

  /** The transfer as its answers must say it. */
  get expected(): ExpectedTransfer {
    const { blobId, source } = this.parameters;
    return { blobId, size: source.size, log: this.log2, mode: this.#mode };
  }

  /** Whether a listener or the source is being called: what they ask of the transfer must wait until they have returned. */
  get isTelling(): boolean {
    return this.#telling > 0;
  }

  /** Tells the listener. After the events `suspended` and `done` nothing is under way that could be in the way of it. */
  emit(event: BlobEvent): void {
    if (event.type === 'suspended' || event.type === 'done') this.#listener(event);
    else this.#calling(() => this.#listener(event));
  }

  /** Octets of the BLOB. Throws `blob-source-failed`. */
  read(offset: number, length: number): Uint8Array {
    const octets = this.#calling(() => readFrom(this.parameters.source, offset, length));
    if (octets.length === length) return octets;
    throw sourceFailed(`gave ${octets.length} octets instead of ${length} from offset ${offset}`);
  }

  #calling<T>(run: () => T): T {
    this.#telling++;
    try {
      return run();
    } finally {
      this.#telling--;
    }
  }

  /** A server that hears nothing of the transfer for so long falls asleep. */
  get serverTimeoutMs(): number {
    return 10_000 * (this.parameters.timeoutBase + 1);
  }

  get mode(): TransferMode | undefined {
    return this.#mode;
  }

  chooseMode(mode: TransferMode): void {
    this.#mode = mode;
    this.requests.mode = mode;
    // In pull mode nobody tells which chunk is refused: it is asked for again and again.
    if (mode === 'pull') this.leavesRemainder = true;
  }

  /** Neither lost nor skipped. */
  get active(): Receiver[] {
    return this.receivers.filter(({ active }) => active);
  }

  receiver(address: number): Receiver | undefined {
    return this.#byAddress.get(address);
  }

  get hasGroup(): boolean {
    return this.parameters.group !== undefined && this.parameters.group !== 0;
  }

  /** Whether chunks may go to the group. */
  get sendsToGroup(): boolean {
    return this.hasGroup && !(this.#mode === 'pull' && this.strategy.pullsByUnicast(this.active));
  }

  get groupSize(): number {
    return this.hasGroup ? this.active.length : 0;
  }

  /** Asks the receivers for what their stages say. One round runs at a time. */
  begin(receivers: readonly Receiver[], step: Step): void {
    this.#round = new Round(this, receivers, step);
    this.#round.begin();
  }

  /** Asks one more receiver in the round that is under way; false when there is none. */
  join(receiver: Receiver): boolean {
    if (this.#round === undefined || this.#round.isOver) return false;
    this.#round.include(receiver);
    return true;
  }

  /** The Friend of a Low Power node collects what comes faster than the node asks for it. */
  waitMs({ asks, asksForLong, isSleepy, relays }: Receiver, long: boolean): number {
    const usualMs = this.strategy.unicastWaitMs(long ? asksForLong : asks, long, relays);
    return isSleepy ? Math.max(usualMs, Math.min(SLEEPY_WAIT_MS, this.clientTimeoutMs / 5)) : usualMs;
  }

  stopRound(): void {
    this.#round?.stop();
    this.#round = undefined;
  }

  /** A receiver that owes an answer in the round under way. */
  asked(context: Context): Receiver | undefined {
    const receiver = this.heard(context);
    return receiver !== undefined && this.#round?.isPending(receiver) ? receiver : undefined;
  }

  /** The receiver that a message came from, undefined for strangers. */
  heard({ src, ttl }: Context): Receiver | undefined {
    const receiver = this.#byAddress.get(src);
    if (receiver !== undefined) this.#noteDistance(receiver, ttl);
    return receiver;
  }

  /** Servers send with the Transfer TTL. Where that is the default of each, the largest one heard stands for it. */
  #noteDistance(receiver: Receiver, ttl: number): void {
    this.#largestTtl = Math.max(this.#largestTtl, ttl);
    receiver.heardWith(ttl, this.parameters.ttl === 0xff ? this.#largestTtl : this.parameters.ttl);
  }

  /** What the answer of a receiver of the round came to. */
  settle(receiver: Receiver, verdict: Verdict): void {
    if (verdict === 'ignored') return;
    if (verdict === 'ask-again') {
      this.#round?.askAgain(receiver);
      return;
    }
    if (receiver.lost) this.reportLost(receiver);
    this.#round?.answered(receiver);
  }

  ask(receiver: Receiver, toGroup: boolean, done: (error?: MeshError) => void): Cancel {
    const address = toGroup ? undefined : receiver.address;
    const onAir = this.strategy.request(receiver, toGroup);
    return this.requests.ask(receiver.stage, address, this.block, this.log2 ?? 6, onAir, this.guard(done));
  }

  silent(receiver: Receiver): void {
    receiver.loseBySilence(this.clientTimeoutMs / 1000);
    this.reportLost(receiver);
  }

  /** `done` for errors that may pass; the others end or suspend the transfer. */
  guard(done: (error?: MeshError) => void): (error?: MeshError) => void {
    return (error) => {
      if (error !== undefined && FATAL.has(error.code)) this.#fatal(error);
      else done(error);
    };
  }

  reportLost(receiver: Receiver): void {
    this.log('warn', `${formatAddress(receiver.address)} is lost to the BLOB transfer`, receiver.error?.toJSON() ?? {});
    this.emit({ type: 'lost', receiver: receiver.snapshot() });
  }

  reportProgress(): void {
    const percent = this.active.reduce((least, { progress }) => Math.min(least, progress), 100);
    const known = this.active.length > 0 ? percent : 0;
    this.emit({ type: 'chunks', ...this.counters });
    this.emit({
      type: 'progress',
      percent: known,
      acknowledged: Math.round((this.parameters.source.size * known) / 100),
      secondsLeft: this.forecast.secondsLeft,
      receivers: this.receivers.map((receiver) => receiver.snapshot()),
    });
  }
}

function readFrom(source: BlobSource, offset: number, length: number): Uint8Array {
  try {
    return source.read(offset, length);
  } catch (thrown) {
    const { message } = toMeshError(thrown);
    throw sourceFailed(`could not be read at offset ${offset}: ${message}`, thrown);
  }
}

function sourceFailed(what: string, cause?: unknown): MeshError {
  return new MeshError('blob-source-failed', `the source of the BLOB ${what}`, {
    hint: 'Mend the source, then resume the transfer.',
    cause,
  });
}

const FATAL: ReadonlySet<string> = new Set(['key-not-bound', 'no-key', 'bearer-closed', 'sequence-exhausted']);
