import { type Cancel, MeshError } from '@meshferry/core';
import type { AccessSend } from '@meshferry/network';

type Told = (error?: MeshError) => void;
type Transmit = (message: AccessSend, done: Told) => Cancel;

/** Messages that wait until something else has been sent. */
export class HeldSending {
  readonly #waiting = new Set<{ readonly message: AccessSend; readonly done: Told }>();
  #cancels = new Map<object, Cancel>();

  /** As sending would; cancelled before {@link release}, it is never sent. */
  hold(message: AccessSend, done: Told): Cancel {
    const entry = { message, done };
    this.#waiting.add(entry);
    return () => {
      const cancel = this.#cancels.get(entry);
      if (cancel !== undefined) cancel();
      else if (this.#waiting.delete(entry)) done(new MeshError('cancelled', 'cancelled while it was held back'));
    };
  }

  /** Sends what waits, in its order. */
  release(transmit: Transmit): void {
    for (const entry of this.#waiting) this.#cancels.set(entry, transmit(entry.message, entry.done));
    this.#waiting.clear();
  }
}
