import { gattUuidOctets } from '@meshferry/bearer';
import { equal } from '@meshferry/core';
import { ATT, ATT_ERROR, TYPE, word } from './att.ts';
import type { Attribute } from './database.ts';

/** What the requests that only read look at. */
export interface ReadableAttributes {
  /** By rising handle. */
  readonly attributes: readonly Attribute[];
  readonly mtu: number;
  /** The value that this connection reads; undefined: reading is not permitted. */
  read(attribute: Attribute): Uint8Array | undefined;
}

const GROUPS = [TYPE.PRIMARY_SERVICE, TYPE.SECONDARY_SERVICE].map(gattUuidOctets);

/** The response to a request that only reads; undefined for other opcodes. */
export function answerRead(request: Uint8Array, from: ReadableAttributes): Uint8Array | undefined {
  const { length } = request;
  switch (request[0]) {
    case ATT.FIND_INFORMATION:
      return length === 5 ? inRange(request, from, findInformation) : invalid(request);
    case ATT.FIND_BY_TYPE_VALUE:
      return length >= 7 ? inRange(request, from, findByTypeValue) : invalid(request);
    case ATT.READ_BY_TYPE:
      return length === 7 || length === 21 ? inRange(request, from, readByType) : invalid(request);
    case ATT.READ_BY_GROUP_TYPE:
      return length === 7 || length === 21 ? inRange(request, from, readByGroupType) : invalid(request);
    case ATT.READ:
      return length === 3 ? read(request, from, 0) : invalid(request);
    case ATT.READ_BLOB:
      return length === 5 ? read(request, from, word(request, 3)) : invalid(request);
    default:
      return undefined;
  }
}

/** An Error Response to a request. */
export function errorResponse(opcode: number, handle: number, code: number): Uint8Array {
  return Uint8Array.of(ATT.ERROR, opcode, handle & 0xff, handle >> 8, code);
}

type Answer = (request: Uint8Array, among: readonly Attribute[], from: ReadableAttributes) => Uint8Array;

function invalid(request: Uint8Array): Uint8Array {
  return errorResponse(request[0]!, 0, ATT_ERROR.INVALID_PDU);
}

/** Answers from the attributes of the range that the request begins with. */
function inRange(request: Uint8Array, from: ReadableAttributes, answer: Answer): Uint8Array {
  const [start, end] = [word(request, 1), word(request, 3)];
  if (start === 0 || start > end) return errorResponse(request[0]!, start, ATT_ERROR.INVALID_HANDLE);
  const among = from.attributes.filter(({ handle }) => handle >= start && handle <= end);
  return answer(request, among, from);
}

function notFound(request: Uint8Array): Uint8Array {
  return errorResponse(request[0]!, word(request, 1), ATT_ERROR.NOT_FOUND);
}

function findInformation(request: Uint8Array, among: readonly Attribute[], { mtu }: ReadableAttributes): Uint8Array {
  const size = among[0]?.type.length;
  if (size === undefined) return notFound(request);
  const response = [ATT.FIND_INFORMATION_RESPONSE, size === 2 ? 1 : 2];
  for (const { handle, type } of among) {
    if (type.length !== size || response.length + 2 + size > mtu) break;
    response.push(handle & 0xff, handle >> 8, ...type);
  }
  return Uint8Array.from(response);
}

function findByTypeValue(request: Uint8Array, among: readonly Attribute[], { mtu }: ReadableAttributes): Uint8Array {
  const [type, value] = [request.subarray(5, 7), request.subarray(7)];
  const response: number[] = [ATT.FIND_BY_TYPE_VALUE_RESPONSE];
  for (const attribute of among) {
    if (!equal(attribute.type, type) || attribute.value === undefined || !equal(attribute.value, value)) continue;
    if (response.length + 4 > mtu) break;
    const { handle, end = handle } = attribute;
    response.push(handle & 0xff, handle >> 8, end & 0xff, end >> 8);
  }
  return response.length > 1 ? Uint8Array.from(response) : notFound(request);
}

function readByType(request: Uint8Array, among: readonly Attribute[], from: ReadableAttributes): Uint8Array {
  const type = request.subarray(5);
  const wanted = among.filter((attribute) => equal(attribute.type, type));
  return listed(ATT.READ_BY_TYPE_RESPONSE, request, wanted, from, ({ handle }) => [handle & 0xff, handle >> 8]);
}

function readByGroupType(request: Uint8Array, among: readonly Attribute[], from: ReadableAttributes): Uint8Array {
  const type = request.subarray(5);
  if (!GROUPS.some((group) => equal(group, type)))
    return errorResponse(request[0]!, word(request, 1), ATT_ERROR.UNSUPPORTED_GROUP_TYPE);
  const wanted = among.filter((attribute) => equal(attribute.type, type));
  return listed(ATT.READ_BY_GROUP_TYPE_RESPONSE, request, wanted, from, ({ handle, end = handle }) => [
    ...[handle & 0xff, handle >> 8],
    ...[end & 0xff, end >> 8],
  ]);
}

/** A response with a list of handles and values, all as long as the first; what does not fit is asked for again. */
function listed(
  opcode: number,
  request: Uint8Array,
  wanted: readonly Attribute[],
  from: ReadableAttributes,
  heading: (attribute: Attribute) => readonly number[],
): Uint8Array {
  let size = 0;
  const response = [opcode, size];
  for (const attribute of wanted) {
    const value = from.read(attribute);
    if (value === undefined) {
      if (size > 0) break;
      return errorResponse(request[0]!, attribute.handle, ATT_ERROR.READ_NOT_PERMITTED);
    }
    const item = [...heading(attribute), ...value].slice(0, Math.min(from.mtu - 2, 255));
    if (size === 0) size = item.length;
    if (item.length !== size || response.length + size > from.mtu) break;
    response.push(...item);
  }
  response[1] = size;
  return size > 0 ? Uint8Array.from(response) : notFound(request);
}

function read(request: Uint8Array, from: ReadableAttributes, offset: number): Uint8Array {
  const [opcode = 0] = request;
  const handle = word(request, 1);
  const attribute = from.attributes.find((each) => each.handle === handle);
  if (attribute === undefined) return errorResponse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
  const value = from.read(attribute);
  if (value === undefined) return errorResponse(opcode, handle, ATT_ERROR.READ_NOT_PERMITTED);
  if (offset > value.length) return errorResponse(opcode, handle, ATT_ERROR.INVALID_OFFSET);
  return Uint8Array.of(opcode + 1, ...value.subarray(offset, offset + from.mtu - 1));
}
