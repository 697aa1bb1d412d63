import type { Unsubscribe } from '@meshferry/core';
import type { ControlReceived } from './transport-receiver.ts';

/** Who takes the control messages for this node: one for each opcode, the one given last. */
export class ControlHandlers {
  readonly #handlers = new Map<number, (message: ControlReceived) => void>();

  get(opcode: number): ((message: ControlReceived) => void) | undefined {
    return this.#handlers.get(opcode);
  }

  add(opcode: number, handler: (message: ControlReceived) => void): Unsubscribe {
    this.#handlers.set(opcode, handler);
    return () => {
      if (this.#handlers.get(opcode) === handler) this.#handlers.delete(opcode);
    };
  }
}
