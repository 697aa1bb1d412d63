import type { Handler } from './reply.ts';

/** Handlers by group, command and op; of two for the same the first counts. */
export class HandlerTable {
  readonly #handlers = new Map<number, Handler>();
  /** Highest command of each group. */
  readonly #groups = new Map<number, number>();

  constructor(handlers: Iterable<Handler>) {
    for (const handler of handlers) {
      const { group, command, op } = handler;
      const key = keyOf(group, command, op);
      if (!this.#handlers.has(key)) this.#handlers.set(key, handler);
      this.#groups.set(group, Math.max(command, this.#groups.get(group) ?? 0));
    }
  }

  find(group: number, command: number, op: number): Handler | undefined {
    return this.#handlers.get(keyOf(group, command, op));
  }

  /** The numbers of the groups and, as Zephyr counts them, their handlers: one for each command up to the last. */
  groups(): ReadonlyMap<number, number> {
    return new Map([...this.#groups].map(([group, command]) => [group, command + 1]));
  }
}

function keyOf(group: number, command: number, op: number): number {
  return (group << 16) | (command << 8) | op;
}
