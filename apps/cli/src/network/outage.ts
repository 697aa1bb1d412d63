import type { RadioChange } from '@meshferry/bearer';
import { type Clock, Deadline, MeshError } from '@meshferry/core';
import { formatSeconds } from '../shell/format.ts';
import type { Shell } from '../shell/shell.ts';

/** How long a radio that is gone is waited for when nothing else is said, s. */
const RECONNECT_SECONDS = 60;

/** Radios that are gone: says so, waits for them, and gives up. */
export class Outage {
  /** Rejects when a radio did not come back in time. */
  readonly givenUp: Promise<never>;
  readonly #shell: Shell;
  readonly #clock: Clock;
  readonly #seconds: number;
  readonly #lost = new Map<string, { readonly reason: MeshError; readonly deadline: Deadline }>();
  #giveUp: (error: MeshError) => void = () => {};

  constructor(shell: Shell, clock: Clock) {
    this.#shell = shell;
    this.#clock = clock;
    this.#seconds = shell.options.reconnect ?? RECONNECT_SECONDS;
    this.givenUp = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    this.givenUp.catch(() => {});
  }

  /** Why a radio is gone at the moment, if one is. */
  get reason(): MeshError | undefined {
    const [first] = this.#lost;
    return first === undefined ? undefined : lostError(first[0], first[1].reason);
  }

  /** What a radio tells of itself. */
  changed(uri: string, change: RadioChange): void {
    this.#shell.log('debug', 'radio', { bearer: uri, ...change });
    if (change.type === 'lost') this.#begins(uri, change.reason);
    if (change.type === 'back') this.#ends(uri, change.afterMs / 1000);
  }

  close(): void {
    for (const { deadline } of this.#lost.values()) deadline.clear();
    this.#lost.clear();
  }

  #begins(uri: string, reason: MeshError): void {
    const deadline = new Deadline(this.#clock, () => this.#giveUp(lostError(uri, reason)));
    this.#lost.set(uri, { reason, deadline });
    deadline.set(1000 * this.#seconds);
    this.#shell.event({ type: 'radio', state: 'lost', bearer: uri, error: reason });
    this.#shell.warn(`the radio ${uri} is gone: ${reason.message}; waiting ${formatSeconds(this.#seconds)} for it`);
  }

  #ends(uri: string, afterSeconds: number): void {
    this.#lost.get(uri)?.deadline.clear();
    this.#lost.delete(uri);
    this.#shell.event({ type: 'radio', state: 'back', bearer: uri, afterSeconds });
    this.#shell.warn(`the radio ${uri} is back after ${formatSeconds(afterSeconds)}`);
  }
}

function lostError(uri: string, { message }: MeshError): MeshError {
  return new MeshError('bearer-lost', `the radio ${uri} is gone: ${message}`);
}
