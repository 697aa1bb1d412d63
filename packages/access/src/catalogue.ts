import { fail, MeshError, ok, type Result } from '@meshferry/core';
import type { DecodeError, MessageType } from './message.ts';
import { NO_OPCODE, type Opcode, opcodeAt } from './opcode.ts';

/** A decoded access message with its type. */
export interface Decoded {
  readonly type: MessageType<unknown>;
  readonly value: unknown;
}

/**
 * Message types by opcode and by name: what decodes any message for people (dissector, `decode`, traces). Made from the
 * lists that the model packages export; there is no list of all that exist.
 */
export class MessageCatalogue {
  readonly #byOpcode = new Map<Opcode, MessageType<unknown>>();
  readonly #byName = new Map<string, MessageType<unknown>>();

  /** Throws `opcode-conflict` when two types have one opcode or one name, `unknown-response` when an answer is missing. */
  constructor(...lists: readonly (readonly MessageType<unknown>[])[]) {
    for (const list of lists) for (const type of list) this.#add(type);
    for (const { name, response } of this) {
      if (response === undefined || this.#byName.has(response)) continue;
      throw new MeshError('unknown-response', `${name} is answered by ${response}, which is in no list`, {
        hint: 'Add the response to the list that declares the request, or correct its name.',
      });
    }
  }

  [Symbol.iterator](): IterableIterator<MessageType<unknown>> {
    return this.#byOpcode.values();
  }

  byOpcode(opcode: Opcode): MessageType<unknown> | undefined {
    return this.#byOpcode.get(opcode);
  }

  byName(name: string): MessageType<unknown> | undefined {
    return this.#byName.get(name);
  }

  /** The message that an access message (opcode ‖ parameters) is. Never throws. */
  decode(accessMessage: Uint8Array): Result<Decoded, DecodeError> {
    const opcode = opcodeAt(accessMessage);
    const type = this.#byOpcode.get(opcode);
    if (type === undefined) {
      const reason = opcode === NO_OPCODE ? 'no opcode' : `unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`;
      return fail({ message: 'unknown', field: 'opcode', offset: 0, reason });
    }
    const decoded = type.decode(accessMessage);
    return decoded.ok ? ok({ type, value: decoded.value }) : decoded;
  }

  #add(type: MessageType<unknown>): void {
    const other = this.#byOpcode.get(type.opcode) ?? this.#byName.get(type.name);
    if (other !== undefined && other !== type) {
      throw new MeshError('opcode-conflict', `${type.name} and ${other.name} have the same opcode or name`, {
        hint: 'Each message is declared once: correct the opcode.',
      });
    }
    this.#byOpcode.set(type.opcode, type);
    this.#byName.set(type.name, type);
  }
}
