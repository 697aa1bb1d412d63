import { type Context, Model, opcodeAt, type Processed } from '@meshferry/access';
import type { MeshError, Unicast } from '@meshferry/core';
import { ACCESS_MAX } from '@meshferry/network';
import type { FoundationHost } from './host.ts';
import { FoundationModelId } from './model-ids.ts';
import { itemOctets, STATUS_HEAD_OCTETS } from './opcodes-aggregator-items.ts';
import { OpcodesAggregatorSequence, OpcodesAggregatorStatus } from './opcodes-aggregator-messages.ts';
import { AggregatorStatus } from './status-codes.ts';

export interface OpcodesAggregatorServerOptions {
  /** The node, asked when a message has come. */
  readonly host: () => FoundationHost;
}

const STATUS_OF: Readonly<Record<Processed, number>> = {
  processed: AggregatorStatus.success,
  'wrong-opcode': AggregatorStatus.wrongOpcode,
  'wrong-key': AggregatorStatus.wrongAccessKey,
  malformed: AggregatorStatus.messageNotUnderstood,
};

const NO_ANSWER = new Uint8Array(0);

/**
 * Opcodes Aggregator Server [Mesh Protocol 1.1, 4.4.17]: processes several messages to one element in order, each as if it
 * had come alone under the key of the sequence, and answers them with one message. It stops at the first that fails; what
 * was processed stays so. What the models publish because of it follows the Status. An answer that a model gives only
 * later goes out as a message of its own, with an empty item in its place.
 */
export class OpcodesAggregatorServer {
  readonly model: Model = new Model({
    id: FoundationModelId.opcodesAggregatorServer,
    name: 'Opcodes Aggregator Server',
    security: 'any',
  });
  readonly #host: () => FoundationHost;

  constructor({ host }: OpcodesAggregatorServerOptions) {
    this.#host = host;
    this.model.handle(OpcodesAggregatorSequence, ({ elementAddress, items }, context) => {
      let outcome: Outcome = NOTHING;
      const release = host().access.holdSending(() => {
        outcome = this.#process(elementAddress, items, context);
      });
      const { status, answers, sent } = outcome;
      this.model.reply(context, OpcodesAggregatorStatus, { status, elementAddress, items: answers }, {}, (error) => {
        for (const done of sent) done(error);
        release();
      });
    });
  }

  #process(element: Unicast, items: readonly Uint8Array[], context: Context): Outcome {
    const { access } = this.#host();
    const answers: Uint8Array[] = [];
    const sent: ((error?: MeshError) => void)[] = [];
    const end = (status: number): Outcome => ({ status, answers, sent });
    if (element < access.address || element >= access.address + access.elementCount) {
      return end(AggregatorStatus.invalidAddress);
    }
    let room = ACCESS_MAX - STATUS_HEAD_OCTETS;
    for (const item of items) {
      let answer: Uint8Array | undefined;
      let isOpen = true;
      const capture = (octets: Uint8Array, done: (error?: MeshError) => void): boolean => {
        if (!isOpen) return false;
        isOpen = false;
        answer = octets;
        sent.push(done);
        return true;
      };
      const outcome = isAggregated(item) ? 'wrong-opcode' : access.process(element, item, context, capture);
      isOpen = false;
      if (outcome !== 'processed') return end(STATUS_OF[outcome]);
      room -= itemOctets(answer ?? NO_ANSWER);
      if (room < 0) return end(AggregatorStatus.responseOverflow);
      answers.push(answer ?? NO_ANSWER);
    }
    return end(AggregatorStatus.success);
  }
}

interface Outcome {
  readonly status: number;
  readonly answers: Uint8Array[];
  /** Who is told when the Status has left. */
  readonly sent: readonly ((error?: MeshError) => void)[];
}

const NOTHING: Outcome = { status: AggregatorStatus.success, answers: [], sent: [] };

function isAggregated(item: Uint8Array): boolean {
  const opcode = opcodeAt(item);
  return opcode === OpcodesAggregatorSequence.opcode || opcode === OpcodesAggregatorStatus.opcode;
}
