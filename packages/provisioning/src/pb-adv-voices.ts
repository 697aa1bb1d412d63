import { MeshError, toHex } from '@meshferry/core';
import type { TransactionStart } from './generic-provisioning-pdu.ts';

/** What was said at the start of a transaction, the last thing and that before it. */
interface Said {
  last: string;
  before: string | undefined;
}

/**
 * Notices that two devices answer on one link, as those with the same UUID do: they say different things in the same
 * transaction. One device repeats its segments unchanged until they are acknowledged [Mesh Protocol 1.1, 5.3.3].
 */
export class TransactionVoices {
  /** Of the transaction that is coming in, and of the one before. */
  readonly #said = new Map<number, Said>();

  /** Takes a start; `delivered`: its transaction was put together already. True: it is certain that two are speaking. */
  isSecond(transaction: number, start: TransactionStart, delivered: boolean): boolean {
    const text = `${start.totalLength} ${start.fcs} ${toHex(start.data)}`;
    const said = this.#said.get(transaction);
    if (said === undefined) {
      this.#said.set(transaction, { last: text, before: undefined });
      if (this.#said.size > 2) this.#said.delete(this.#said.keys().next().value as number);
      return false;
    }
    if (said.last === text) return false;
    // A single other start may be noise; both in turn are two.
    if (delivered || said.before === text) return true;
    said.before = said.last;
    said.last = text;
    return false;
  }
}

export function twoDevices(): MeshError {
  return new MeshError('two-devices', 'two devices answer under the same UUID', {
    hint: 'Switch one of them off, and provision the other again; the two need different UUIDs to be in one network.',
  });
}
