import { type Context, Model } from '@meshferry/access';
import { Deadline, MeshError, type Store } from '@meshferry/core';
import { statusOf } from './config-server-ground.ts';
import { type CompanyFaults, HealthFaults } from './health-faults.ts';
import {
  HealthAttentionGet,
  HealthAttentionSet,
  HealthAttentionSetUnacknowledged,
  HealthAttentionStatus,
  HealthCurrentStatus,
  HealthFaultClear,
  HealthFaultClearUnacknowledged,
  HealthFaultGet,
  HealthFaultStatus,
  HealthFaultTest,
  HealthFaultTestUnacknowledged,
  HealthPeriodGet,
  HealthPeriodSet,
  HealthPeriodSetUnacknowledged,
  HealthPeriodStatus,
} from './health-messages.ts';
import { FoundationModelId } from './model-ids.ts';

/** A self-test that a client has asked for; 0 is the standard test, others are the company's. */
export interface HealthTest {
  readonly testId: number;
  readonly companyId: number;
}

export interface HealthServerOptions {
  /** Company Identifiers whose tests and faults it knows, one at least; the first one stands for the node. */
  readonly companies: readonly number[];
  /** A view of its own: Registered Faults are kept in it. Default: they last as long as the program. */
  readonly store?: Store;
  /** Told the seconds for which the element is to draw attention to itself, and 0 when that is over. */
  readonly attention?: (seconds: number) => void;
  /** Runs a test and tells the faults it found, at once or later. Default: there is none, faults are as they were. */
  readonly test?: (test: HealthTest, done: (faults: readonly number[]) => void) => void;
}

/** A test under way, and who waits for its end. */
interface RunningTest {
  readonly testId: number;
  readonly waiting: Map<number, Context>;
}

const LONGEST_ATTENTION = 0xff;

/**
 * Health Server of an element [Mesh Protocol 1.1, 4.4.3]: faults that are present and that were, a test, the Attention
 * Timer. Current Status is published when faults come and go, and periodically: more often while there are some.
 *
 * Faults can be told once the node is composed.
 */
export class HealthServer {
  readonly model: Model;
  readonly #options: HealthServerOptions;
  readonly #faults: HealthFaults;
  readonly #tests = new Map<number, RunningTest>();
  #divisor = 0;
  #attention: Deadline | undefined;
  #attentionEnds = 0;

  /** Throws `bad-field` without a company, or for one that is not 16 bits. */
  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#faults = new HealthFaults(options.companies, options.store);
    this.model = new Model({ id: FoundationModelId.healthServer, name: 'Health Server' });
    this.#serveFaults();
    this.#servePeriod();
    this.#serveAttention();
    this.model.publishes(() => this.#publishAll());
  }

  /** Faults that are present, of a company (default: the first one). */
  currentFaults(companyId?: number): readonly number[] {
    return [...this.#faults.of(companyId).current];
  }

  /** Faults that were seen since they were last cleared. */
  registeredFaults(companyId?: number): readonly number[] {
    return [...this.#faults.of(companyId).registered];
  }

  /** A fault (1 to 0xFF) has come; durably registered when it returns. Throws `bad-field`, `unknown-company`, `store-failed`. */
  raise(fault: number, companyId?: number): void {
    const company = this.#faults.of(companyId);
    if (!this.#faults.raise(company, fault)) return;
    this.#changed(company);
  }

  /** A fault is gone; it stays registered. Throws `unknown-company`. */
  resolve(fault: number, companyId?: number): void {
    const company = this.#faults.of(companyId);
    if (company.current.delete(fault)) this.#changed(company);
  }

  /** Seconds left of the attention, rounded up; 0: none. */
  get attention(): number {
    if (this.#attention?.isSet !== true) return 0;
    return Math.ceil((this.#attentionEnds - this.model.clock.now) / 1000);
  }

  /** Draws attention for so many seconds (0 to 255) from now; 0 ends it. Throws `bad-field`. */
  setAttention(seconds: number): void {
    if (!(Number.isInteger(seconds) && seconds >= 0 && seconds <= LONGEST_ATTENTION)) {
      throw new MeshError('bad-field', `attention for ${seconds} s`, { hint: 'Give 0 to 255 s.' });
    }
    const wasOn = this.#attention?.isSet === true;
    if (seconds === 0) {
      this.#attention?.clear();
      if (wasOn) this.#options.attention?.(0);
      return;
    }
    const { clock } = this.model;
    this.#attention ??= new Deadline(clock, () => this.#options.attention?.(0));
    this.#attentionEnds = clock.now + 1000 * seconds;
    this.#attention.set(1000 * seconds);
    this.#options.attention?.(seconds);
  }

  /** Stops the timers. */
  close(): void {
    this.#attention?.clear();
  }

  #serveFaults(): void {
    const tell = (context: Context, { companyId, testId, registered }: CompanyFaults) =>
      this.model.reply(context, HealthFaultStatus, { testId, companyId, faults: [...registered] });
    // Of a company that is not known nothing is done and nothing answered [4.4.3.2].
    this.model.handle(HealthFaultGet, ({ companyId }, context) => {
      const company = this.#faults.find(companyId);
      if (company !== undefined) tell(context, company);
    });
    this.model.handle(HealthFaultClear, ({ companyId }, context) => {
      const company = this.#faults.find(companyId);
      if (company === undefined) return;
      // When the store refuses, the answer shows that nothing was cleared.
      statusOf(() => this.#faults.clear(company));
      tell(context, company);
    });
    this.model.handle(HealthFaultClearUnacknowledged, ({ companyId }) => {
      const company = this.#faults.find(companyId);
      if (company !== undefined) statusOf(() => this.#faults.clear(company));
    });
    this.model.handle(HealthFaultTest, (test, context) => {
      const company = this.#faults.find(test.companyId);
      if (company !== undefined) this.#test(company, test.testId, context, tell);
    });
    this.model.handle(HealthFaultTestUnacknowledged, (test) => {
      const company = this.#faults.find(test.companyId);
      if (company !== undefined) this.#test(company, test.testId, undefined, tell);
    });
  }

  #servePeriod(): void {
    const tell = (context: Context) =>
      this.model.reply(context, HealthPeriodStatus, { fastPeriodDivisor: this.#divisor });
    const set = (divisor: number): void => {
      this.#divisor = divisor;
      this.#setPeriod();
    };
    this.model.handle(HealthPeriodGet, (_, context) => tell(context));
    this.model.handle(HealthPeriodSet, ({ fastPeriodDivisor }, context) => {
      set(fastPeriodDivisor);
      tell(context);
    });
    this.model.handle(HealthPeriodSetUnacknowledged, ({ fastPeriodDivisor }) => set(fastPeriodDivisor));
  }

  #serveAttention(): void {
    const tell = (context: Context) => this.model.reply(context, HealthAttentionStatus, { attention: this.attention });
    this.model.handle(HealthAttentionGet, (_, context) => tell(context));
    this.model.handle(HealthAttentionSet, ({ attention }, context) => {
      this.setAttention(attention);
      tell(context);
    });
    this.model.handle(HealthAttentionSetUnacknowledged, ({ attention }) => this.setAttention(attention));
  }

  /** A request that is repeated, or made by another client, while the test runs waits for the end of that. */
  #test(
    company: CompanyFaults,
    testId: number,
    context: Context | undefined,
    tell: (context: Context, company: CompanyFaults) => void,
  ): void {
    const running = this.#tests.get(company.companyId);
    if (running?.testId === testId) {
      if (context !== undefined) running.waiting.set(context.src, context);
      return;
    }
    const test: RunningTest = { testId, waiting: new Map() };
    if (context !== undefined) test.waiting.set(context.src, context);
    this.#tests.set(company.companyId, test);
    const done = (faults: readonly number[] | undefined): void => {
      if (this.#tests.get(company.companyId) !== test) return; // told twice, or another test was begun
      this.#tests.delete(company.companyId);
      const before = [...company.current].join();
      statusOf(() => this.#faults.tested(company, testId, faults));
      if (before !== [...company.current].join()) this.#changed(company);
      for (const waiting of test.waiting.values()) tell(waiting, company);
    };
    if (this.#options.test === undefined) done(undefined);
    else this.#options.test({ testId, companyId: company.companyId }, done);
  }

  #changed(company: CompanyFaults): void {
    this.#setPeriod();
    this.#publish(company);
  }

  #setPeriod(): void {
    this.model.setFastPeriod(this.#faults.isAny ? this.#divisor : 0);
  }

  /** Each company that has faults; when none has any, the first one says so. */
  #publishAll(): void {
    const faulty = [...this.#faults].filter(({ current }) => current.size > 0);
    for (const company of faulty.length > 0 ? faulty : [this.#faults.of()]) this.#publish(company);
  }

  #publish({ testId, companyId, current }: CompanyFaults): void {
    this.model.publish(HealthCurrentStatus, { testId, companyId, faults: [...current] });
  }
}
