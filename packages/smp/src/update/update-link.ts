import { type Clock, type Log, MeshError, type Random } from '@meshferry/core';
import { SmpClient, type SmpKnowledge } from '../client/client.ts';
import type { SmpRoute, SmpTransport } from '../transport.ts';
import { updateError } from './update-errors.ts';

/** What an update connects by. */
export interface UpdateLinkGround {
  readonly route: SmpRoute;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How long and for whom to look. */
export interface ReachOptions {
  /** Clock time after which no attempt begins. */
  readonly until: number;
  /** A loader's name: looked for by turns with the device itself, which may not have gone. */
  readonly deviceName: string | null;
  readonly signal: AbortSignal;
  /** Told of each attempt that failed. */
  readonly failed: (error: MeshError) => void;
}

/** Between attempts, ms: doubling from the first, with chance so that several programs do not keep step. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
/** An attempt that does not end by itself is ended, ms. */
const ATTEMPT_MS = 40_000;

/** What no further attempt mends; later a port or a radio may come back that was there before. */
const HOPELESS: ReadonlySet<string> = new Set(['pairing-needed', 'cancelled']);
const HOPELESS_AT_FIRST: ReadonlySet<string> = new Set([
  'bearer-permission',
  'bearer-unavailable',
  'bearer-busy',
  'scan-not-supported',
  'several-devices',
  'bad-smp-uri',
]);

/** Whether no further attempt to connect would help. */
export function isHopeless({ code }: MeshError, isFirst: boolean): boolean {
  return HOPELESS.has(code) || (isFirst && HOPELESS_AT_FIRST.has(code));
}

/** The link to one device: made anew as often as it is lost. */
export class UpdateLink {
  readonly #ground: UpdateLinkGround;
  /** Of the device, whatever link it is reached by. */
  readonly #knowledge: SmpKnowledge = {};
  #client: SmpClient | undefined;
  #made = 0;

  constructor(ground: UpdateLinkGround) {
    this.#ground = ground;
  }

  /** The client of the link; undefined when there is none or it was lost. */
  get client(): SmpClient | undefined {
    return this.#client?.ended === undefined ? this.#client : undefined;
  }

  /** Connections so far. */
  get made(): number {
    return this.#made;
  }

  /**
   * Connects, again and again until the time is over. Rejects with `smp-unreachable`, `cancelled`, or what no other attempt would
   * mend.
   */
  async reach(options: ReachOptions): Promise<SmpClient> {
    const { clock, random, log, route } = this.#ground;
    this.close();
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(options, attempt);
      if (!(outcome instanceof MeshError)) {
        this.#made++;
        const firstSequence = random.bytes(1)[0] ?? 0;
        this.#client = new SmpClient(outcome, clock, { knowledge: this.#knowledge, firstSequence });
        return this.#client;
      }
      if (isHopeless(outcome, this.#made === 0)) throw outcome;
      log('info', 'not connected', { device: route.name, attempt, code: outcome.code, message: outcome.message });
      options.failed(outcome);
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.75 + random.uniform() / 2);
      if (clock.now + pause > options.until) throw unreachable(route.name, outcome);
      await sleep(clock, pause, options.signal);
    }
  }

  /** Ends the link; harmless without one. */
  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #attempt({ deviceName, signal }: ReachOptions, attempt: number): Promise<SmpTransport | MeshError> {
    const { route, clock } = this.#ground;
    const open = deviceName !== null && attempt % 2 === 0 ? { deviceName } : {};
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(stopped());
      const end = (outcome: SmpTransport | MeshError) => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const give = (error: MeshError) => {
        cancel();
        end(error);
      };
      const abort = () => give(stopped());
      const timer = clock.after(ATTEMPT_MS, () => give(attemptOver()));
      signal.addEventListener('abort', abort);
      const cancel = route.open(end, open);
    });
  }
}

/** Waits; rejects with `cancelled` when aborted. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(stopped());
    const abort = () => {
      timer.cancel();
      reject(stopped());
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort);
  });
}

export function stopped(): MeshError {
  return new MeshError('cancelled', 'the update was stopped');
}

function attemptOver(): MeshError {
  return new MeshError('connect-failed', `no connection within ${ATTEMPT_MS / 1000} s`, {
    hint: 'Is the device on, near, and free?',
  });
}

function unreachable(name: string, cause: MeshError): MeshError {
  const hint = cause.hint ?? 'Is the device on, near, and connected to nobody else?';
  return updateError(
    'smp-unreachable',
    `${name} cannot be reached: ${cause.message}`,
    `${hint} Run the update again to go on.`,
    cause,
  );
}
