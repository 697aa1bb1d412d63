/** Ends a subscription. Harmless when called twice. */
export type Unsubscribe = () => void;
/** Stops what was started. Harmless when it has ended already. */
export type Cancel = () => void;

/** One stream of typed values to any number of listeners, in the order of subscription. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  subscribe(listener: (value: T) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
}
