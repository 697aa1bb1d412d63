import type { Context, MessageType, Model, SendOptions } from '@meshferry/access';
import type { Address, AppIndex, Clock, Unicast } from '@meshferry/core';
import { AutoStrategy } from './auto-strategy.ts';
import type { BlobReceiver } from './client-contract.ts';
import { Estimates } from './estimates.ts';
import type { EmptyMessage } from './messages.ts';
import { Receiver } from './receiver.ts';
import { ALWAYS_LONG, Round, type RoundGround } from './round.ts';
import { StockStrategy } from './stock-strategy.ts';

/** Whom a client asks, and how: the same members as of a transfer. */
export interface BlobInquiryParameters {
  readonly receivers: readonly BlobReceiver[];
  readonly appIndex: AppIndex;
  readonly ttl: number;
  /** Client Timeout Base: a silent receiver is passed over after 10 × (base + 2) s + 100 ms × TTL. */
  readonly timeoutBase: number;
  readonly group?: Address | undefined;
  readonly label?: Uint8Array | undefined;
  readonly settings?: 'auto' | 'stock' | undefined;
}

/** What one receiver has answered; undefined: nothing. */
export interface BlobInquiryAnswer<T> {
  readonly address: Unicast;
  readonly answer: T | undefined;
}

export interface ClientInquiryOptions<T> {
  readonly clock: Clock;
  readonly model: Model;
  readonly defaultTtl: number;
  readonly parameters: BlobInquiryParameters;
  /** The request, which has no parameters. */
  readonly request: MessageType<EmptyMessage>;
  readonly done: (answers: readonly BlobInquiryAnswer<T>[]) => void;
}

/** Asks servers once, outside of any transfer: nobody is lost, who stays silent has no answer. */
export class ClientInquiry<T> {
  readonly #receivers: readonly Receiver[];
  readonly #answers = new Map<number, T>();
  readonly #round: Round;
  #isOver = false;

  constructor({ clock, model, defaultTtl, parameters, request, done }: ClientInquiryOptions<T>) {
    const { ttl, timeoutBase, group, appIndex, label, settings } = parameters;
    this.#receivers = parameters.receivers.filter(({ skip }) => !skip).map((receiver) => new Receiver(receiver));
    const clientTimeoutMs = 10_000 * (timeoutBase + 2) + 100 * (ttl === 0xff ? defaultTtl : ttl);
    const estimates = new Estimates();
    const strategy =
      settings === 'stock' ? new StockStrategy(clientTimeoutMs) : new AutoStrategy(estimates, clientTimeoutMs);
    const to = (receiver: Receiver, toGroup: boolean): SendOptions => ({
      appIndex,
      ttl,
      ...strategy.request(receiver, toGroup),
      dst: toGroup ? (group as Address) : receiver.address,
      ...(toGroup && label !== undefined ? { label } : {}),
    });
    const ground: RoundGround = {
      clock,
      strategy,
      estimates,
      clientTimeoutMs,
      groupSize: group === undefined || group === 0 ? 0 : this.#receivers.length,
      ask: (receiver, toGroup, sent) => model.send(request, {}, to(receiver, toGroup), sent),
      waitMs: ({ asks, asksForLong }, long) => strategy.unicastWaitMs(long ? asksForLong : asks, long),
      silent: () => {},
    };
    this.#round = new Round(ground, this.#receivers, {
      isOptional: true,
      longAnswers: ALWAYS_LONG,
      ended: () => {
        this.#isOver = true;
        done(this.#receivers.map(({ address }) => ({ address, answer: this.#answers.get(address) })));
      },
    });
    clock.after(0, () => {
      if (!this.#isOver) this.#round.begin();
    });
  }

  /** Asks no more; nobody is told. */
  cancel(): void {
    this.#isOver = true;
    this.#round.stop();
  }

  take({ src }: Context, answer: T): void {
    const receiver = this.#receivers.find(({ address }) => address === src);
    if (this.#isOver || receiver === undefined || !this.#round.isPending(receiver)) return;
    this.#answers.set(src, answer);
    this.#round.answered(receiver);
  }
}
