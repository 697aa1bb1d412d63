import { type Context, type MessageOf, Model } from '@meshferry/access';
import type { Timer } from '@meshferry/core';
import {
  GenericOnOffGet,
  GenericOnOffSet,
  GenericOnOffSetUnacknowledged,
  GenericOnOffStatus,
} from './on-off-messages.ts';
import { Transactions } from './transactions.ts';
import { type TransitionTime, transitionMs, transitionTimeOf } from './transition-time.ts';

/** Model Identifiers of Generic OnOff. */
export const GenericOnOffModelId = { server: 0x1000, client: 0x1001 } as const;

/** Off or on, as in messages. */
export type OnOff = 0 | 1;

export interface GenericOnOffServerOptions {
  /** The state to begin with. Default 0, off. */
  readonly onOff?: OnOff;
  /** Told when the present state has changed. */
  readonly changed?: (onOff: OnOff) => void;
  /** How long a change takes when the command does not say. Default: no time. */
  readonly defaultTransitionTime?: TransitionTime;
}

/** Transitions longer than this are published when they begin as well as when they end, ms. */
const LONG_MS = 2000;

/** Delay is counted in such steps, ms. */
const DELAY_STEP_MS = 5;

/** A change under way: first the delay, then the transition, until `end` on the clock of the model. */
interface Transition {
  readonly target: OnOff;
  readonly end: number;
  timer: Timer;
}

/**
 * Generic OnOff Server [Mesh Model 1.1, 3.3.1]: a state that is off or on, changed at once or by a transition, told to
 * who asks and published when it changes. While a transition lasts the state is on: it goes on when the transition
 * begins, or off when it ends.
 */
export class GenericOnOffServer {
  readonly model: Model;
  readonly #changed: (onOff: OnOff) => void;
  readonly #default: TransitionTime;
  readonly #transactions = new Transactions();
  #present: OnOff;
  #transition: Transition | undefined;

  constructor(options: GenericOnOffServerOptions = {}) {
    this.#present = options.onOff ?? 0;
    this.#changed = options.changed ?? (() => {});
    this.#default = options.defaultTransitionTime ?? { steps: 0, resolution: 0 };
    this.model = new Model({ id: GenericOnOffModelId.server, name: 'Generic OnOff Server' });
    this.model.handle(GenericOnOffGet, (_, context) => this.#answer(context));
    this.model.handle(GenericOnOffSet, (command, context) => {
      this.#obey(command, context);
      this.#answer(context);
    });
    this.model.handle(GenericOnOffSetUnacknowledged, (command, context) => this.#obey(command, context));
    this.model.publishes(() => this.#publish());
  }

  /** The present state. */
  get onOff(): OnOff {
    return this.#present;
  }

  /** The state that a transition leads to, undefined when there is none. */
  get target(): OnOff | undefined {
    return this.#transition?.target;
  }

  /** Changes the state as a command does: in `durationMs` from `delayMs` on, both 0 by default. */
  set(onOff: OnOff, durationMs = 0, delayMs = 0): void {
    const interrupted = this.#transition !== undefined;
    this.#transition?.timer.cancel();
    this.#transition = undefined;
    if (onOff === this.#present) {
      if (interrupted) this.#publish();
    } else if (durationMs === 0 && delayMs === 0) {
      this.#become(onOff);
      this.#publish();
    } else {
      const { clock } = this.model;
      const timer = clock.after(delayMs, () => this.#begin(durationMs));
      this.#transition = { target: onOff, end: clock.now + delayMs + durationMs, timer };
    }
  }

  /** The delay is over. */
  #begin(durationMs: number): void {
    const transition = this.#transition as Transition;
    if (durationMs === 0) {
      this.#finish();
      return;
    }
    transition.timer = this.model.clock.after(durationMs, () => this.#finish());
    if (transition.target === 1) this.#become(1);
    if (transition.target === 1 || durationMs > LONG_MS) this.#publish();
  }

  #finish(): void {
    const { target } = this.#transition as Transition;
    this.#transition = undefined;
    if (target !== this.#present) this.#become(target);
    this.#publish();
  }

  #obey(command: MessageOf<typeof GenericOnOffSet>, { src, dst }: Context): void {
    if (this.#transactions.isRepeated(this.model.clock, src, dst, command.tid)) return;
    const durationMs = transitionMs(command.transitionTime ?? this.#default) ?? 0;
    this.set(command.onOff as OnOff, durationMs, DELAY_STEP_MS * (command.delay ?? 0));
  }

  #become(onOff: OnOff): void {
    this.#present = onOff;
    this.#changed(onOff);
  }

  #answer(context: Context): void {
    this.model.reply(context, GenericOnOffStatus, this.#status());
  }

  #publish(): void {
    this.model.publish(GenericOnOffStatus, this.#status());
  }

  #status(): MessageOf<typeof GenericOnOffStatus> {
    const transition = this.#transition;
    const remainingTime = transition && transitionTimeOf(Math.max(0, transition.end - this.model.clock.now));
    return { presentOnOff: this.#present, targetOnOff: transition?.target, remainingTime };
  }
}
