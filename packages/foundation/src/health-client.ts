import { type Context, type MessageOf, type MessageType, Model } from '@meshferry/access';
import { Emitter, type Unicast } from '@meshferry/core';
import { ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
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

/** Faults of a company, as Health Servers tell them. */
export type FaultReport = MessageOf<typeof HealthFaultStatus>;

/** Faults that are present on an element, published by it. */
export interface CurrentFaults extends MessageOf<typeof HealthCurrentStatus> {
  /** The element that publishes. */
  readonly source: Unicast;
}

/** A test may run for long: time for its answer besides that of the way, ms. */
const TEST_MS = 10_000;

/**
 * Health Client [Mesh Protocol 1.1, 4.4.4]: asks Health Servers, and hears what they publish. It and they must be bound to
 * an AppKey. Acknowledged requests reject with `no-response`, `cancelled`, `key-not-bound`, `bad-field`; of a group the
 * first answer counts. A server does not answer at all about companies that it does not know.
 *
 * ```ts
 * client.current.subscribe(({ source, faults }) => console.log(source, faults));
 * await client.attentionSet({ address: 0x0100 }, 5);
 * ```
 */
export class HealthClient {
  readonly model: Model;
  /** Current Status as servers publish it. */
  readonly current: Emitter<CurrentFaults> = new Emitter();
  readonly #requests: ClientRequests;

  constructor() {
    this.model = new Model({ id: FoundationModelId.healthClient, name: 'Health Client' });
    this.model.handle(HealthCurrentStatus, (status, { src }: Context) => this.current.emit({ ...status, source: src }));
    for (const answer of [HealthFaultStatus, HealthPeriodStatus, HealthAttentionStatus]) {
      this.model.handle(answer as MessageType<unknown>);
    }
    this.#requests = new ClientRequests(this.model);
  }

  /** Registered Faults. */
  faultGet(to: RequestTarget, companyId: number, options?: RequestOptions): Promise<FaultReport> {
    return this.#faults(HealthFaultGet, { companyId }, to, options);
  }

  /** Forgets the Registered Faults. */
  faultClear(to: RequestTarget, companyId: number, options?: RequestOptions): Promise<FaultReport> {
    return this.#faults(HealthFaultClear, { companyId }, to, options);
  }

  faultClearUnacknowledged(to: RequestTarget, companyId: number, options?: RequestOptions): Promise<void> {
    return this.#requests.tell(HealthFaultClearUnacknowledged, { companyId }, to, options);
  }

  /** Runs a test, and gives what it found; waits 10 s longer than for other answers. */
  faultTest(to: RequestTarget, companyId: number, testId: number, options?: RequestOptions): Promise<FaultReport> {
    const matches = (status: FaultReport) => status.companyId === companyId && status.testId === testId;
    return this.#faults(HealthFaultTest, { testId, companyId }, to, options, matches, TEST_MS);
  }

  faultTestUnacknowledged(
    to: RequestTarget,
    companyId: number,
    testId: number,
    options?: RequestOptions,
  ): Promise<void> {
    return this.#requests.tell(HealthFaultTestUnacknowledged, { testId, companyId }, to, options);
  }

  /** Health Fast Period Divisor. */
  async periodGet(to: RequestTarget, options?: RequestOptions): Promise<number> {
    const exchange = { type: HealthPeriodGet, value: {}, response: HealthPeriodStatus };
    return (await this.#requests.ask(exchange, to, options)).fastPeriodDivisor;
  }

  /** 0 to 15: while there are faults Current Status is published 2^divisor times as often. */
  async periodSet(to: RequestTarget, fastPeriodDivisor: number, options?: RequestOptions): Promise<number> {
    const exchange = { type: HealthPeriodSet, value: { fastPeriodDivisor }, response: HealthPeriodStatus };
    return (await this.#requests.ask(exchange, to, options)).fastPeriodDivisor;
  }

  periodSetUnacknowledged(to: RequestTarget, fastPeriodDivisor: number, options?: RequestOptions): Promise<void> {
    return this.#requests.tell(HealthPeriodSetUnacknowledged, { fastPeriodDivisor }, to, options);
  }

  /** Seconds left of the attention. */
  async attentionGet(to: RequestTarget, options?: RequestOptions): Promise<number> {
    const exchange = { type: HealthAttentionGet, value: {}, response: HealthAttentionStatus };
    return (await this.#requests.ask(exchange, to, options)).attention;
  }

  /** Makes the element draw attention to itself for so many seconds (0 to 255; 0 ends it). */
  async attentionSet(to: RequestTarget, seconds: number, options?: RequestOptions): Promise<number> {
    const value = { attention: seconds };
    const exchange = { type: HealthAttentionSet, value, response: HealthAttentionStatus };
    return (await this.#requests.ask(exchange, to, options)).attention;
  }

  attentionSetUnacknowledged(to: RequestTarget, seconds: number, options?: RequestOptions): Promise<void> {
    return this.#requests.tell(HealthAttentionSetUnacknowledged, { attention: seconds }, to, options);
  }

  #faults<T extends { readonly companyId: number }>(
    type: MessageType<T>,
    value: T,
    to: RequestTarget,
    options: RequestOptions | undefined,
    matches: (status: FaultReport) => boolean = (status) => status.companyId === value.companyId,
    extraMs = 0,
  ): Promise<FaultReport> {
    const exchange = { type, value, response: HealthFaultStatus, matches, answerOctets: LONGEST_ANSWER, extraMs };
    return this.#requests.ask(exchange, to, options);
  }
}
