import type { Cancel, MeshError, Timer } from '@meshferry/core';
import type { Distributor, FirmwareDistributionClient } from './distribution-client.ts';
import { DistributionPhase } from './distribution-codes.ts';
import type { FirmwareDistributionStatus } from './distribution-messages.ts';
import type { ListedReceiver } from './distribution-receivers-messages.ts';

/** What a Distributor says of its distribution at one time. */
export interface DistributionReport {
  readonly status: FirmwareDistributionStatus;
  readonly receivers: readonly ListedReceiver[];
}

export type WatchEvent =
  | { readonly type: 'report'; readonly report: DistributionReport }
  /** It does not answer, for so long, ms; it is asked on: it may be restarting. */
  | { readonly type: 'silent'; readonly error: MeshError; readonly forMs: number }
  /** The last event: Completed, Failed, Transfer Suspended, Transfer Success, or Idle (somebody cancelled). */
  | { readonly type: 'ended'; readonly report: DistributionReport }
  /** The last event: it has been silent for too long. The distribution may go on without being watched. */
  | { readonly type: 'lost'; readonly error: MeshError };

export interface WatchOptions {
  /** From one report to the next, ms. Default 5000; longer when asking takes long: it uses a fifth of the time at most. */
  readonly pollMs?: number;
  /** Receivers in one message, 1 to 74. Default 10, which takes 5 segments. */
  readonly pageSize?: number;
  /** Silence after which the Distributor is lost, ms. Default 600 000. */
  readonly silenceMs?: number;
}

const POLL_MS = 5000;
const PAGE_SIZE = 10;
const SILENCE_MS = 600_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Asks a Distributor again and again how far it is, until its distribution needs somebody or has ended. The Cancel stops
 * asking without an event; the distribution goes on.
 */
export function watchDistribution(
  client: FirmwareDistributionClient,
  to: Distributor,
  options: WatchOptions,
  listener: (event: WatchEvent) => void,
): Cancel {
  const watch = new Watch(client, to, options, listener);
  return () => watch.stop();
}

class Watch {
  readonly #client: FirmwareDistributionClient;
  readonly #to: Distributor;
  readonly #options: WatchOptions;
  readonly #listener: (event: WatchEvent) => void;
  #stopped = false;
  #cancelRequest: Cancel = () => {};
  #timer: Timer | undefined;
  #pollBegun = 0;
  #heardAt: number;
  #pauseMs: number;

  constructor(
    client: FirmwareDistributionClient,
    to: Distributor,
    options: WatchOptions,
    listener: (event: WatchEvent) => void,
  ) {
    this.#client = client;
    this.#to = to;
    this.#options = options;
    this.#listener = listener;
    this.#heardAt = client.clock.now;
    this.#pauseMs = options.pollMs ?? POLL_MS;
    this.#poll();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#cancelRequest();
  }

  #poll(): void {
    this.#pollBegun = this.#client.clock.now;
    this.#cancelRequest = this.#client.get(this.#to, (outcome) => {
      if (this.#stopped) return;
      if (outcome.ok) this.#page(outcome.value, []);
      else this.#silent(outcome.error);
    });
  }

  #page(status: FirmwareDistributionStatus, receivers: readonly ListedReceiver[]): void {
    const pageSize = this.#options.pageSize ?? PAGE_SIZE;
    this.#cancelRequest = this.#client.receiversGet(this.#to, receivers.length, pageSize, (outcome) => {
      if (this.#stopped) return;
      if (!outcome.ok) return this.#silent(outcome.error);
      const { entries, receiversListCount } = outcome.value;
      const all = [...receivers, ...entries];
      if (entries.length > 0 && all.length < receiversListCount) this.#page(status, all);
      else this.#report({ status, receivers: all });
    });
  }

  #report(report: DistributionReport): void {
    const { now } = this.#client.clock;
    const { pollMs = POLL_MS } = this.#options;
    this.#heardAt = now;
    this.#pauseMs = Math.max(pollMs, 4 * (now - this.#pollBegun));
    const ended = isEnd(report.status.phase);
    if (ended) this.#stopped = true;
    else this.#pause();
    this.#listener({ type: ended ? 'ended' : 'report', report });
  }

  #silent(error: MeshError): void {
    const forMs = this.#client.clock.now - this.#heardAt;
    const isLost = forMs >= (this.#options.silenceMs ?? SILENCE_MS);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (isLost) this.#stopped = true;
    else this.#pause();
    this.#listener(isLost ? { type: 'lost', error } : { type: 'silent', error, forMs });
  }

  #pause(): void {
    this.#timer = this.#client.clock.after(this.#pauseMs, () => this.#poll());
  }
}

function isEnd(phase: number): boolean {
  switch (phase) {
    case DistributionPhase.transferActive:
    case DistributionPhase.applyingUpdate:
    case DistributionPhase.cancelingUpdate:
      return false;
    default:
      return true;
  }
}
