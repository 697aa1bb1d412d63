import { type Field, list, type MessageType, message, rest, sized, u7or15, u8, unicast } from '@meshferry/access';

/* Opcodes Aggregator models. */
const source = 'Mesh Protocol 1.1 4.3';

/** Access messages (opcode first) for one element, processed in order as if each had come alone. */
export const OpcodesAggregatorSequence = message({
  name: 'Opcodes Aggregator Sequence',
  opcode: 0x8072,
  response: 'Opcodes Aggregator Status',
  source,
  fields: { elementAddress: unicast(), items: list(item({ min: 1 }), { min: 1 }) },
});

/** The answers in the order of the messages; an empty one for a message that has none. After an error the rest is missing. */
export const OpcodesAggregatorStatus = message({
  name: 'Opcodes Aggregator Status',
  opcode: 0x8073,
  source,
  fields: { status: u8(), elementAddress: unicast(), items: list(item()) },
});

/** All messages of the Opcodes Aggregator models. */
export const OPCODES_AGGREGATOR_MESSAGES: readonly MessageType<unknown>[] = [
  OpcodesAggregatorSequence,
  OpcodesAggregatorStatus,
] as readonly MessageType<unknown>[];

/** An access message, its length before it. */
function item(range: { min?: number } = {}): Field<Uint8Array> {
  return sized(rest(range), u7or15());
}
