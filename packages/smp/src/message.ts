import { fail, ok, type Result, toMeshError } from '@meshferry/core';
import { type CborMap, decodeMap, encodeIndefiniteMap, encodeMap } from './cbor.ts';
import { badField, type MemberLayout, Reading, type ValueOf } from './field.ts';
import { encodePacket, type SmpHeader, SmpOp } from './packet.ts';
import { refusalOf, type SmpRefusal } from './refusal.ts';
import { layoutOf, type Member, membersOf, readMembers, writeMembers } from './struct.ts';

/** Why a payload is not what its command says. */
export interface SmpMalformed {
  readonly kind: 'malformed';
  /** Name of the command. */
  readonly command: string;
  /** Path of the member, such as `images.0.hash`; `payload` when it is no CBOR map at all. */
  readonly field: string;
  readonly reason: string;
}

/** The device said no. */
export interface SmpRefusedAnswer {
  readonly kind: 'refused';
  readonly refusal: SmpRefusal;
}

/** Why there is no answer of the kind that was asked for. */
export type SmpAnswerError = SmpMalformed | SmpRefusedAnswer;

/** What a request's header takes besides what its command says. */
export interface SmpRequestHeader {
  readonly version: number;
  readonly sequence: number;
}

/** What an answer's header takes from its request. */
export type SmpAnswerHeader = Pick<SmpHeader, 'op' | 'version' | 'sequence'>;

/** A command: made by {@link command}, from the one declaration that there is of it. */
export interface SmpCommand<Request, Response> {
  readonly name: string;
  readonly group: number;
  readonly command: number;
  /** Of the request: {@link SmpOp}.read or {@link SmpOp}.write. */
  readonly op: number;
  /** Where it is described. */
  readonly source: string;
  readonly requestLayout: readonly MemberLayout[];
  readonly responseLayout: readonly MemberLayout[];
  /** The whole packet of a request. Throws `bad-field` naming the field when the value cannot be sent. */
  encodeRequest(value: Request, header: SmpRequestHeader): Uint8Array;
  /**
   * What a request asks, for a server: members that are missing stay out, what that means is the command's matter. A payload that
   * is no map, a key that stands twice and a value of a wrong type are malformed: rc 3. A command without parameters takes
   * any payload, as Zephyr's do. Never throws.
   */
  decodeRequest(payload: Uint8Array): Result<Partial<Request>, SmpMalformed>;
  /** The whole packet of an answer, in indefinite maps and arrays as Zephyr writes them. Throws `bad-field`. */
  encodeResponse(value: Response, to: SmpAnswerHeader): Uint8Array;
  /**
   * What a device answered, every member within its bounds, texts without control characters. A refusal of either version is an
   * error of its own. Never throws.
   */
  decodeResponse(payload: Uint8Array): Result<Response, SmpAnswerError>;
}

/** Values of the requests of a command. */
export type RequestOf<C> = C extends SmpCommand<infer Request, infer _> ? Request : never;
/** Values of the answers to a command. */
export type ResponseOf<C> = C extends SmpCommand<infer _, infer Response> ? Response : never;

/** No parameters, or nothing in the answer. */
export type Empty = Readonly<Record<never, never>>;

/** The one declaration of a command. */
export interface SmpDeclaration<Q, A> {
  readonly name: string;
  readonly group: number;
  readonly command: number;
  readonly op: 'read' | 'write';
  readonly source: string;
  /** In the order on the wire. */
  readonly request?: Q;
  /** In the order on the wire. */
  readonly response?: A;
  /** Turns an answer in the form of an older server into today's. */
  readonly modernised?: (answer: CborMap) => CborMap;
}

/**
 * Declares a command once: both codecs on both sides, types, traces and property tests follow from it.
 *
 * ```ts
 * const Echo: SmpCommand<{ d: string }, { r: string }> = command({
 *   name: 'echo', group: 0, command: 0, op: 'write', source: 'smp 4.1',
 *   request: { d: text({ as: 'raw' }) }, response: { r: text({ as: 'raw' }) },
 * });
 * ```
 */
export function command<
  const Q extends Readonly<Record<string, unknown>> = Empty,
  const A extends Readonly<Record<string, unknown>> = Empty,
>(declaration: SmpDeclaration<Q, A>): SmpCommand<ValueOf<Q>, ValueOf<A>> {
  const { name, group, command: number, source, modernised } = declaration;
  const op = SmpOp[declaration.op];
  const request = membersOf(declaration.request ?? {});
  const response = membersOf(declaration.response ?? {});
  const malformed = (field: string, reason: string): Result<never, SmpMalformed> =>
    fail({ kind: 'malformed', command: name, field, reason });
  const write = (members: readonly Member[], value: object): CborMap => {
    try {
      return writeMembers(members, value);
    } catch (thrown) {
      throw badField(`${name}: ${toMeshError(thrown).message}`);
    }
  };

  return {
    name,
    group,
    command: number,
    op,
    source,
    requestLayout: layoutOf(request),
    responseLayout: layoutOf(response),
    encodeRequest: (value, { version, sequence }) =>
      encodePacket({ op, version, group, sequence, command: number }, encodeMap(write(request, value))),
    decodeRequest: (payload) => {
      if (request.length === 0) return ok({});
      const map = decodeMap(payload, { unique: true });
      if (!map.ok) return malformed('payload', `${map.error.reason} (octet ${map.error.offset})`);
      const reading = new Reading(true);
      const value = readMembers(request, map.value, reading) as Partial<ValueOf<Q>>;
      return reading.failure === undefined ? ok(value) : malformed(reading.failure.field, reading.failure.reason);
    },
    encodeResponse: (value, to) =>
      encodePacket(answerHeader(to, group, number), encodeIndefiniteMap(write(response, value))),
    decodeResponse: (payload) => {
      const map = decodeMap(payload);
      if (!map.ok) return malformed('payload', `${map.error.reason} (octet ${map.error.offset})`);
      const answer = modernised === undefined ? map.value : modernised(map.value);
      const refusal = refusalOf(answer, group);
      if (refusal === 'malformed') return malformed('rc', 'neither a number nor an error of a group');
      if (refusal !== undefined) return fail({ kind: 'refused', refusal });
      const reading = new Reading(false);
      const value = readMembers(response, answer, reading) as ValueOf<A>;
      return reading.failure === undefined ? ok(value) : malformed(reading.failure.field, reading.failure.reason);
    },
  };
}

/** The header of an answer: op + 1, the lower of the versions [spec: smp section 1]. */
export function answerHeader(
  to: SmpAnswerHeader,
  group: number,
  command: number,
): Pick<SmpHeader, 'op' | 'version' | 'sequence' | 'group' | 'command'> {
  return { op: to.op | 1, version: Math.min(to.version, 1), group, sequence: to.sequence, command };
}
