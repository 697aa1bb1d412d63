import { type MessageType, Model, opcodeAt } from '@meshferry/access';
import { formatAddress, MeshError, type Unicast } from '@meshferry/core';
import { ACCESS_MAX } from '@meshferry/network';
import { ClientRequests, LONGEST_ANSWER, type RequestOptions, type RequestTarget } from './client-request.ts';
import { FoundationModelId } from './model-ids.ts';
import { itemOctets, SEQUENCE_HEAD_OCTETS } from './opcodes-aggregator-items.ts';
import { OpcodesAggregatorSequence, OpcodesAggregatorStatus } from './opcodes-aggregator-messages.ts';
import { AggregatorStatus } from './status-codes.ts';

/** A message for an element, and what answers it. */
export interface AggregatedMessage {
  /** Opcode ‖ parameters, 1 to 374 octets. */
  readonly message: Uint8Array;
  /** Undefined: nothing does, or it does not matter. */
  readonly response?: MessageType<unknown>;
}

/** The node stopped at one of the messages: those before it were processed and answered, those after it were not. */
export class AggregatorError extends MeshError {
  /** One of `AggregatorStatus`, as received. */
  readonly status: number;
  /** Answers to the messages before; an empty one stands for none. */
  readonly answers: readonly Uint8Array[];

  constructor(status: number, answers: readonly Uint8Array[], message: string, hint: string) {
    super('aggregator-status', message, { hint });
    this.name = 'AggregatorError';
    this.status = status;
    this.answers = answers;
  }
}

/**
 * Opcodes Aggregator Client [Mesh Protocol 1.1, 4.4.18]: sends many messages to one element in few. It works under the
 * device key of the node, or under an AppKey (`appIndex` of the target) for models bound to that; it needs no binding.
 */
export class OpcodesAggregatorClient {
  readonly model: Model = new Model({
    id: FoundationModelId.opcodesAggregatorClient,
    name: 'Opcodes Aggregator Client',
    security: 'peer-any',
  });
  readonly #requests: ClientRequests;

  constructor() {
    this.model.handle(OpcodesAggregatorStatus);
    this.#requests = new ClientRequests(this.model);
  }

  /**
   * The answers (opcode ‖ parameters) to messages to an element, in their order; an empty one where there is none. As many
   * sequences are sent as it takes, `to` the primary element. A message whose answer was lost is processed again, as when
   * messages are repeated one by one. Rejects with {@link AggregatorError} (`aggregator-status`), and as of
   * `ConfigurationClient`.
   */
  async send(
    to: RequestTarget,
    elementAddress: Unicast,
    messages: readonly AggregatedMessage[],
    options?: RequestOptions,
  ): Promise<Uint8Array[]> {
    const answers: Uint8Array[] = [];
    while (answers.length < messages.length) {
      const part = fitting(messages.slice(answers.length));
      const { status, items } = await this.#sequence(to, elementAddress, part, options);
      answers.push(...items);
      // Room for the next answers is there again in another Status, unless not even one fits.
      if (status === AggregatorStatus.responseOverflow && items.length > 0) continue;
      if (status !== AggregatorStatus.success) throw failure(status, answers, elementAddress);
      if (items.length < part.length) throw incomplete(answers, elementAddress);
    }
    return answers;
  }

  #sequence(
    to: RequestTarget,
    elementAddress: Unicast,
    part: readonly AggregatedMessage[],
    options: RequestOptions | undefined,
  ): Promise<{ readonly status: number; readonly items: readonly Uint8Array[] }> {
    const exchange = {
      type: OpcodesAggregatorSequence,
      value: { elementAddress, items: part.map(({ message }) => message) },
      response: OpcodesAggregatorStatus,
      matches: (status: { elementAddress: Unicast; items: readonly Uint8Array[] }) =>
        status.elementAddress === elementAddress && canAnswer(status.items, part),
      answerOctets: LONGEST_ANSWER,
    };
    return this.#requests.ask(exchange, to, options);
  }
}

/** As many of the messages as one sequence has room for, and one at least: if it is too long, encoding says so. */
function fitting(messages: readonly AggregatedMessage[]): readonly AggregatedMessage[] {
  let room = ACCESS_MAX - SEQUENCE_HEAD_OCTETS;
  const over = messages.findIndex(({ message }) => {
    room -= itemOctets(message);
    return room < 0;
  });
  return over < 0 ? messages : messages.slice(0, Math.max(1, over));
}

/** Late answers to another sequence have other opcodes, as a rule. */
function canAnswer(items: readonly Uint8Array[], part: readonly AggregatedMessage[]): boolean {
  if (items.length > part.length) return false;
  return items.every((item, i) => {
    const { response } = part[i] as AggregatedMessage;
    return item.length === 0 || response === undefined || opcodeAt(item) === response.opcode;
  });
}

const WORDS: Readonly<Record<number, readonly [meaning: string, hint: string]>> = {
  [AggregatorStatus.invalidAddress]: [
    'there is no such element',
    'Read the composition data of the node, and give the address of one of its elements.',
  ],
  [AggregatorStatus.wrongAccessKey]: [
    'the message does not come under this key',
    'Use the device key for configuration models, and an AppKey bound to the model for others.',
  ],
  [AggregatorStatus.wrongOpcode]: [
    'no model of the element takes the message',
    'Read the composition data of the node to see what its elements have.',
  ],
  [AggregatorStatus.messageNotUnderstood]: [
    'the length or a value of the message is wrong',
    'Correct the message; decode shows what is wrong with it.',
  ],
  [AggregatorStatus.responseOverflow]: [
    'the answer is longer than a Status has room for',
    'Send this message by itself, not aggregated.',
  ],
};

function failure(status: number, answers: readonly Uint8Array[], element: Unicast): AggregatorError {
  const code = `0x${status.toString(16).padStart(2, '0')}`;
  const [meaning, hint] = WORDS[status] ?? [
    'it does not say why in a way that is known',
    'Send the messages one by one.',
  ];
  const message = `element ${formatAddress(element)} stopped at message ${answers.length + 1} (${code}): ${meaning}`;
  return new AggregatorError(status, answers, message, hint);
}

function incomplete(answers: readonly Uint8Array[], element: Unicast): AggregatorError {
  const message = `element ${formatAddress(element)} answers only ${answers.length} messages and says Success`;
  return new AggregatorError(AggregatorStatus.success, answers, message, 'Send the messages one by one.');
}
