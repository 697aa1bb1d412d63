import { type FieldError, type MessageType, message, presenceOf, u8, uint, when } from '@meshferry/access';

/* Solicitation PDU RPL Configuration models. */

/** A range of addresses as in `unicastRange`, its members those of the message. */
const range = {
  lengthPresent: presenceOf('rangeLength'),
  rangeStart: uint(15, { min: 1 }),
  rangeLength: when((soFar) => soFar.lengthPresent === true, u8({ min: 2 })),
} as const;
const source = 'Mesh Protocol 1.1 4.3';

/** Forgets the solicitation sequence numbers of a range of sources; without `rangeLength` of one. */
export const SolicitationPduRplItemClear = message({
  name: 'Solicitation PDU RPL Item Clear',
  opcode: 0x8078,
  response: 'Solicitation PDU RPL Item Status',
  source,
  fields: { ...range },
  check: checkRange,
});

/** As Solicitation PDU RPL Item Clear, without an answer. */
export const SolicitationPduRplItemClearUnacknowledged = message({
  name: 'Solicitation PDU RPL Item Clear Unacknowledged',
  opcode: 0x8079,
  source,
  fields: { ...range },
  check: checkRange,
});

/** The range that was cleared. */
export const SolicitationPduRplItemStatus = message({
  name: 'Solicitation PDU RPL Item Status',
  opcode: 0x807a,
  source,
  fields: { ...range },
  check: checkRange,
});

/** All messages of the Solicitation PDU RPL Configuration models. */
export const SOLICITATION_PDU_RPL_MESSAGES: readonly MessageType<unknown>[] = [
  SolicitationPduRplItemClear,
  SolicitationPduRplItemClearUnacknowledged,
  SolicitationPduRplItemStatus,
] as readonly MessageType<unknown>[];

/** All addresses of a range are unicast. */
function checkRange(value: { rangeStart: number; rangeLength: number | undefined }): FieldError | undefined {
  const last = value.rangeStart + (value.rangeLength ?? 1) - 1;
  return last > 0x7fff ? { field: 'rangeLength', reason: `${last} is no unicast address` } : undefined;
}
