import type { Unsubscribe } from '@meshferry/core';

/** Parameters of an event (behind the subevent code for LE events), good during the call only. */
export type EventHandler = (parameters: Uint8Array) => void;

/** Who wants which events, by their code. */
export class EventTable {
  readonly #handlers: (readonly EventHandler[])[] = [];

  register(code: number, handler: EventHandler): Unsubscribe {
    this.#handlers[code] = [...(this.#handlers[code] ?? []), handler];
    return () => {
      this.#handlers[code] = (this.#handlers[code] ?? []).filter((other) => other !== handler);
    };
  }

  /** Those who are there now, in their order; nobody for codes that nobody knows. */
  dispatch(code: number, parameters: Uint8Array): void {
    const handlers = this.#handlers[code];
    if (handlers !== undefined) for (const handler of handlers) handler(parameters);
  }
}
