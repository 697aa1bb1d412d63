import type { Clock, Log, Timer, Unsubscribe } from '@meshferry/core';
import type { NobleLibrary, NoblePeripheral } from './noble-api.ts';
import { step } from './steps.ts';

/** Longest wait for the controller to start or stop scanning, ms. */
const ANSWER_MS = 2000;
/** After a refusal, and when another program has stopped the scan: ms to the next attempt. */
const RETRY_MS = 500;

interface Search {
  /** 16-bit UUIDs as the libraries write them; undefined: every device. */
  readonly services: readonly string[] | undefined;
  readonly found: (peripheral: NoblePeripheral) => void;
}

type State = 'off' | 'starting' | 'on' | 'stopping';

/**
 * Scans while somebody searches and nobody needs the controller for connecting: many do not do both at a time. Goes on when
 * another program, or @stoprocent/noble before it connects, has ended the scan.
 */
export class Scanner {
  readonly #library: NobleLibrary;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #searches = new Set<Search>();
  readonly #waiting: (() => void)[] = [];
  #state: State = 'off';
  /** What the scan that runs looks for. */
  #scope = '';
  #pauses = 0;
  #retry: Timer | undefined;
  #closed = false;

  constructor(library: NobleLibrary, clock: Clock, log: Log) {
    this.#library = library;
    this.#clock = clock;
    this.#log = log;
    library.on('discover', this.#discovered as never);
    library.on('scanStop', this.#stopped);
  }

  /** Calls back for every report of these services, or of all devices. */
  search(services: readonly string[] | undefined, found: (peripheral: NoblePeripheral) => void): Unsubscribe {
    const search: Search = { services, found };
    this.#searches.add(search);
    this.#update();
    return () => {
      if (this.#searches.delete(search)) this.#update();
    };
  }

  /** Resolves when the scan has been stopped, with what lets it go on; to be called once. */
  async pause(): Promise<() => void> {
    this.#pauses++;
    this.#update();
    if (this.#state !== 'off') await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return () => {
      this.#pauses--;
      this.#update();
    };
  }

  close(): void {
    this.#closed = true;
    this.#searches.clear();
    this.#library.removeListener('discover', this.#discovered as never);
    this.#library.removeListener('scanStop', this.#stopped);
    this.#update();
  }

  readonly #discovered = (peripheral: NoblePeripheral): void => {
    for (const { found } of [...this.#searches]) found(peripheral);
  };

  readonly #stopped = (): void => {
    if (this.#state !== 'on') return;
    this.#state = 'off';
    this.#later();
  };

  /** The services to scan for as text, the same for the same; undefined: no scan. */
  #wanted(): string | undefined {
    if (this.#closed || this.#pauses > 0 || this.#searches.size === 0) return undefined;
    const services = [...this.#searches].map((search) => search.services);
    if (services.includes(undefined)) return '';
    return [...new Set(services.flat())].sort().join();
  }

  #update(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    const wanted = this.#wanted();
    if (this.#state === 'off' && wanted !== undefined) void this.#start(wanted);
    else if (this.#state === 'on' && wanted !== this.#scope) void this.#stop();
    else if (this.#state === 'off') for (const proceed of this.#waiting.splice(0)) proceed();
  }

  #later(): void {
    for (const proceed of this.#waiting.splice(0)) proceed();
    if (this.#closed) return;
    this.#retry?.cancel();
    this.#retry = this.#clock.after(RETRY_MS, () => this.#update());
  }

  async #start(scope: string): Promise<void> {
    this.#state = 'starting';
    this.#scope = scope;
    try {
      const services = scope === '' ? [] : scope.split(',');
      await step(this.#clock, 'starting to scan', ANSWER_MS, (done) =>
        // All reports: what a device advertises changes under the same address.
        this.#library.startScanning(services, true, (error) => done(error)),
      );
      this.#state = 'on';
      this.#update();
    } catch (thrown) {
      if (!this.#closed) this.#log('warn', `noble does not scan: ${String(thrown)}`);
      this.#state = 'off';
      this.#later();
    }
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    const stop = step(this.#clock, 'ending the scan', ANSWER_MS, (done) =>
      this.#library.stopScanning((error) => done(error)),
    );
    await stop.catch((thrown: unknown) => this.#log('debug', `noble: ${String(thrown)}`));
    this.#state = 'off';
    this.#update();
  }
}
