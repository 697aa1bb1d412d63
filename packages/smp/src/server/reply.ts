import type { CborMap, CborValue } from '../cbor.ts';
import type { SmpAnswerHeader, SmpCommand } from '../message.ts';

/** An error of a group, answered in v2 as `err` and in v1 as the code it stands for [spec: smp section 3]. */
export interface GroupError {
  readonly group: number;
  /** 1 or more. */
  readonly code: number;
  /** A reason for people, sent in v1 by servers with verbose errors. */
  readonly rsn?: string;
  /** What v2 says besides. */
  readonly fields?: ReadonlyMap<string, CborValue>;
}

/** An error of the SMP layer: ends the whole message, packets after it are not looked at. */
export interface LayerError {
  readonly rc: number;
  readonly rsn?: string;
}

/** What comes of a request: values of the answer as its command declares them, a map as it is, or an error. */
export type Reply<A> =
  | { readonly kind: 'answer'; readonly value: A }
  | { readonly kind: 'map'; readonly map: CborMap }
  | { readonly kind: 'group-error'; readonly error: GroupError }
  | { readonly kind: 'error'; readonly error: LayerError };

/** The request was carried out. */
export function answer<A>(value: A): Reply<A> {
  return { kind: 'answer', value };
}

/** The same with members that no declaration has, or in another order. */
export function answerMap(map: CborMap): Reply<never> {
  return { kind: 'map', map };
}

/** An error of a group. */
export function groupError(
  group: number,
  code: number,
  more: { rsn?: string; fields?: ReadonlyMap<string, CborValue> } = {},
): Reply<never> {
  return { kind: 'group-error', error: { group, code, ...more } };
}

/** An error of the SMP layer. */
export function layerError(rc: number): Reply<never> {
  return { kind: 'error', error: { rc } };
}

/** What a handler may know of its request, and tell about it. */
export interface Work {
  /** Which link it came by: an open file belongs to one. */
  readonly link: object;
  /** The flash or the processor is busy for so long, ms: the answer and all requests after it wait. */
  spend(ms: number): void;
}

/** Carries out one command. */
export interface Handler {
  readonly group: number;
  readonly command: number;
  /** Of the request. */
  readonly op: number;
  /** `payload` is all that follows the header: as in Zephyr, map and length field need not agree. */
  run(payload: Uint8Array, work: Work): HandlerReply;
}

/** A reply with the types gone: an answer knows how it is encoded. */
export type HandlerReply =
  | { readonly kind: 'answer'; encode(to: SmpAnswerHeader): Uint8Array }
  | Exclude<Reply<never>, { readonly kind: 'answer' }>;

const INVALID_VALUE = 3;

/** The handler of a declared command; a payload that is not as declared is rc 3. Commands that take any payload get `tolerant`. */
export function handle<Q, A>(
  command: SmpCommand<Q, A>,
  run: (request: Partial<Q>, work: Work) => Reply<A>,
  options: { readonly op?: number; readonly tolerant?: boolean } = {},
): Handler {
  return {
    group: command.group,
    command: command.command,
    op: options.op ?? command.op,
    run: (payload, work) => {
      const request = command.decodeRequest(payload);
      if (!request.ok && options.tolerant !== true) return { kind: 'error', error: { rc: INVALID_VALUE } };
      const reply = run(request.ok ? request.value : {}, work);
      if (reply.kind !== 'answer') return reply;
      return { kind: 'answer', encode: (to) => command.encodeResponse(reply.value, to) };
    },
  };
}
