import type { AdStructure, Advertising, Bearer, Sent, Transmit } from '@meshferry/bearer';
import { type Cancel, type Clock, MeshError } from '@meshferry/core';
import type { AdvertisingTraits, BearerRig, BearerSubject, GattTraits, Role } from './subject.ts';

/** An advertising bearer that was opened for a check. */
export type Advertiser = Bearer & { readonly advertising: Advertising };

/** How one send ended. */
export interface SentRecord {
  /** Clock time at which `send` was called. */
  readonly at: number;
  /** What `done` was called with, each time. */
  readonly outcomes: (Sent | MeshError)[];
  /** Clock time of the last of them. */
  readonly doneAt: number;
  readonly cancel: Cancel;
}

/** How often a condition is looked at, ms. */
const STEP_MS = 5;
/** Within this time after it was closed, nothing is left of a bearer. */
const LEAVE_MS = 1000;

/** What one check plays on: a rig, its open bearers, and everything that must hold of all of them. */
export class Stage<Rig extends BearerRig = BearerRig> {
  readonly rig: Rig;
  readonly subject: BearerSubject<Rig>;
  readonly #open = new Set<Bearer>();
  readonly #before: readonly string[];
  #violation: MeshError | undefined;

  constructor(subject: BearerSubject<Rig>, rig: Rig) {
    this.subject = subject;
    this.rig = rig;
    this.#before = subject.leftovers?.(rig) ?? [];
  }

  get clock(): Clock {
    return this.rig.clock;
  }

  get advertising(): Required<AdvertisingTraits> {
    return { isLossy: false, latencyMs: 100, jitterMs: 1, flood: 2000, ...this.subject.advertising };
  }

  get gatt(): Required<GattTraits> {
    return {
      connectMs: 20_000,
      latencyMs: 200,
      intervalMs: 100,
      links: 1,
      flood: 1000,
      scans: true,
      ...this.subject.gatt,
    };
  }

  async open(role: Role): Promise<Bearer> {
    const bearer = await this.rig.open(role);
    this.#open.add(bearer);
    this.expect(bearer[role] !== undefined, `a bearer opened for the role "${role}" has it not`);
    return bearer;
  }

  async advertiser(): Promise<Advertiser> {
    return (await this.open('advertising')) as Advertiser;
  }

  close(bearer: Bearer): void {
    this.#open.delete(bearer);
    bearer.close();
  }

  /** To be called at the end of a check that went well. */
  async leavesNothing(): Promise<void> {
    this.#closeAll();
    await this.until(() => this.#left().length === 0, LEAVE_MS, 'nothing is left of closed bearers').catch((error) => {
      this.report();
      throw this.#left().length === 0 ? error : failure(`closed bearers leave behind: ${this.#left().join(', ')}`);
    });
  }

  /** To be called at the end of a check, whatever its end. */
  async end(): Promise<void> {
    this.#closeAll();
    await this.rig.close?.();
  }

  #closeAll(): void {
    for (const bearer of this.#open) this.close(bearer);
  }

  /** What there is now and was not at the beginning. */
  #left(): readonly string[] {
    const left = [...(this.subject.leftovers?.(this.rig) ?? [])];
    for (const name of this.#before) if (left.includes(name)) left.splice(left.indexOf(name), 1);
    return left;
  }

  pass(ms: number): Promise<void> {
    return this.rig.pass(ms).then(() => this.report());
  }

  /** Until it holds; fails after `ms` with what was waited for. */
  async until(holds: () => boolean, ms: number, what: string): Promise<void> {
    const from = this.clock.now;
    while (!holds()) {
      if (this.clock.now - from >= ms) this.fail(`${what}: not within ${Math.round(ms)} ms`);
      await this.pass(STEP_MS);
    }
    this.report();
  }

  expect(holds: boolean, otherwise: string): void {
    if (!holds) this.fail(otherwise);
  }

  fail(what: string): never {
    throw failure(what);
  }

  /** For callbacks, out of which nothing may be thrown: the check fails as soon as it looks. */
  violated(what: string): void {
    this.#violation ??= failure(what);
  }

  /** Fails if something was against the rules so far. */
  report(): void {
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** Sends, and watches what `done` is called with: once, never before `send` returned, not once cancelled. */
  send(advertising: Advertising, ad: AdStructure, transmit: Transmit, then?: (record: SentRecord) => void): SentRecord {
    const outcomes: (Sent | MeshError)[] = [];
    const record = { at: this.clock.now, outcomes, doneAt: Number.NaN, cancel: () => {} };
    let [returned, cancelled] = [false, false];
    const cancel = advertising.send(ad, transmit, (outcome) => {
      outcomes.push(outcome);
      record.doneAt = this.clock.now;
      if (!returned) this.violated('done was called before send returned');
      if (cancelled) this.violated('done was called once the send was cancelled');
      if (outcomes.length > 1) this.violated(`done was called ${outcomes.length} times for one send`);
      if (!(outcome instanceof MeshError)) this.#checkTimes(record, outcome);
      then?.(record);
    });
    returned = true;
    record.cancel = () => {
      cancelled ||= outcomes.length === 0;
      cancel();
    };
    return record;
  }

  #checkTimes({ at, doneAt }: SentRecord, { start, end }: Sent): void {
    const { jitterMs } = this.advertising;
    const isSane = start >= at - jitterMs && end >= start && end <= doneAt + jitterMs;
    if (!isSane) this.violated(`sent at ${at} and done at ${doneAt}, it is told to have been on air ${start} … ${end}`);
  }

  /** The most that sends of this kind take until all of them are done, ms. */
  budgetMs({ sets, minIntervalMs }: Advertising, sends: number, { count, intervalMs }: Transmit): number {
    const each = count * (Math.max(minIntervalMs, intervalMs) + ADVERTISING_DELAY_MS);
    return 2 * Math.ceil(sends / Math.max(1, sets)) * each + this.advertising.latencyMs + 100;
  }

  /** Sends, and waits until it was sent. */
  async succeeded(advertising: Advertising, ad: AdStructure, transmit: Transmit): Promise<Sent> {
    return this.success(await this.outcome(advertising, ad, transmit));
  }

  success(outcome: Sent | MeshError | undefined): Sent {
    if (outcome === undefined || outcome instanceof MeshError) this.fail(`a send ended with ${named(outcome)}`);
    return outcome;
  }

  /** Sends, and waits until it is done. */
  async outcome(advertising: Advertising, ad: AdStructure, transmit: Transmit): Promise<Sent | MeshError> {
    const { outcomes } = this.send(advertising, ad, transmit);
    await this.until(() => outcomes.length > 0, this.budgetMs(advertising, 1, transmit), 'a send is done');
    return outcomes[0]!;
  }
}

/** Random delay of a controller on each advertising interval [Bluetooth Core, Vol 6, Part B, 4.4.2.2]. */
const ADVERTISING_DELAY_MS = 10;

function failure(what: string): MeshError {
  return new MeshError('bearer-check-failed', what, {
    hint: 'The contract stands in @meshferry/bearer, and is explained in docs/bearer-plugins.md.',
  });
}

/** What an outcome was, for messages. */
export function named(outcome: Sent | MeshError | undefined): string {
  if (outcome === undefined) return 'nothing';
  return outcome instanceof MeshError ? `the error ${outcome.code}` : `sent ${outcome.start} … ${outcome.end}`;
}
