import type { Cancel, MeshError, Unicast } from '@meshferry/core';
import type { ControlMessageType } from './control-message.ts';
import { FriendPoll, FriendSubscriptionListAdd, FriendSubscriptionListRemove } from './control-messages.ts';
import type { NetworkCounters } from './counters.ts';
import type { FriendCredentials } from './friend-credentials.ts';
import type { LowPowerSettings } from './low-power-settings.ts';
import type { LowPowerSubscriptions, SubscriptionChange } from './low-power-subscriptions.ts';
import type { LowPowerWindow } from './low-power-window.ts';

/** What both sides agreed on. */
export interface Friendship {
  readonly friend: Unicast;
  readonly lpnCounter: number;
  readonly receiveWindowMs: number;
  readonly credentials: FriendCredentials;
}

export interface LowPowerPollerOptions {
  readonly settings: LowPowerSettings;
  readonly counters: NetworkCounters;
  readonly window: LowPowerWindow;
  readonly subscriptions: LowPowerSubscriptions;
  /** To the Friend, under the credentials of the friendship; not called back any more once cancelled. */
  send<T>(type: ControlMessageType<T>, value: T, sent: (error?: MeshError) => void): Cancel;
  /** Whether segmented messages are under way, whose acknowledgments wait at the Friend. */
  isBusy(): boolean;
  /** The Friend did not answer as often as that ends the friendship. */
  lost(): void;
}

/** What it asked its Friend for. */
type Question = 'poll' | SubscriptionChange;
/** Asked and not answered yet; answered; nothing to ask for some time. */
type State = 'idle' | 'asking' | 'answered' | 'asleep';

/** After a window in which nothing came, ms. */
const RETRY_MS = 100;
/** Between two Polls while segmented messages are under way, ms. */
const BUSY_POLL_MS = 250;

/** How a Low Power node asks its Friend, sleeps, and asks again [Mesh Protocol 1.1, 3.6.6.4.2]. */
export class LowPowerPoller {
  /** Between two Polls while nothing happens, ms; undefined: as long as the PollTimeout allows. */
  intervalMs: number | undefined;
  readonly #options: LowPowerPollerOptions;
  /** Of the friendship. */
  #receiveWindowMs = 0;
  #state: State = 'idle';
  #question: Question = 'poll';
  /** Friend Sequence Number: toggled by each answer to a Poll. */
  #fsn = 0;
  #attempts = 0;
  /** More is to be asked for before it may sleep. */
  #again = false;
  #sending: Cancel = () => {};

  constructor(options: LowPowerPollerOptions) {
    this.#options = options;
    this.intervalMs = options.settings.pollIntervalMs;
  }

  /** The first Poll of a friendship. */
  begin({ receiveWindowMs }: Friendship): void {
    this.#receiveWindowMs = receiveWindowMs;
    this.#fsn = 0;
    this.#attempts = 0;
    this.#ask('poll');
  }

  end(): void {
    this.#stop();
    this.#state = 'idle';
  }

  /** Something is expected: asks as soon as possible. */
  poll(): void {
    this.#again = true;
    if (this.#state === 'asleep') this.#proceed();
  }

  /** The Friend Subscription List should be another one. */
  subscriptionsChanged(): void {
    if (this.#state === 'asleep') this.#proceed();
  }

  /** Anything came under the credentials of the friendship: that answers a Poll. */
  accepted(): void {
    if (!this.#options.window.isOpen || this.#question !== 'poll') return;
    this.#fsn ^= 1;
    this.#answered();
  }

  /** The answer was a Friend Update, which tells whether there is more. */
  updated(moreData: boolean): void {
    if (this.#state === 'answered') this.#again = moreData;
  }

  /** A Friend Subscription List Confirm. */
  confirmed(transactionNumber: number): void {
    const { window, subscriptions } = this.#options;
    if (window.isOpen && subscriptions.confirmed(transactionNumber)) this.#answered();
  }

  #ask(question: Question): void {
    const { settings, counters, window, send } = this.#options;
    const { receiveDelayMs } = settings;
    this.#stop();
    this.#state = 'asking';
    this.#again = false;
    this.#question = question;
    counters.polls++;
    const last = receiveDelayMs + this.#receiveWindowMs;
    const sent = (error?: MeshError) => {
      if (error === undefined) window.open(receiveDelayMs, last, () => this.#unanswered());
      else window.plan(RETRY_MS, () => this.#unanswered());
    };
    if (question === 'poll') this.#sending = send(FriendPoll, { fsn: this.#fsn }, sent);
    else this.#sending = send(question.adds ? FriendSubscriptionListAdd : FriendSubscriptionListRemove, question, sent);
  }

  #unanswered(): void {
    const { settings, counters, window, lost } = this.#options;
    counters.pollsUnanswered++;
    this.#attempts++;
    if (this.#attempts < settings.pollAttempts) window.plan(RETRY_MS, () => this.#ask(this.#question));
    else lost();
  }

  /** Once the answer has been looked into it asks for more, unless that was a Friend Update that knows of none. */
  #answered(): void {
    const { window } = this.#options;
    this.#attempts = 0;
    this.#state = 'answered';
    this.#again = true;
    window.close();
    window.plan(0, () => this.#proceed());
  }

  #proceed(): void {
    const { window, subscriptions } = this.#options;
    const change = subscriptions.next();
    if (change !== undefined || this.#again) {
      this.#ask(change ?? 'poll');
      return;
    }
    this.#state = 'asleep';
    window.plan(this.#sleepMs(), () => this.#ask('poll'));
  }

  #sleepMs(): number {
    const { settings, isBusy } = this.#options;
    const { pollTimeoutMs, pollAttempts, receiveDelayMs } = settings;
    const attemptMs = receiveDelayMs + this.#receiveWindowMs + RETRY_MS;
    const longest = Math.max(pollTimeoutMs - pollAttempts * attemptMs, pollTimeoutMs / 2);
    const interval = Math.min(this.intervalMs ?? longest, longest);
    return isBusy() ? Math.min(interval, BUSY_POLL_MS) : interval;
  }

  #stop(): void {
    this.#sending();
    this.#sending = () => {};
    this.#options.window.stop();
  }
}
