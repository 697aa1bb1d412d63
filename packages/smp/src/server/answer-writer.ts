import { type CborMap, type CborValue, encodeIndefiniteMap } from '../cbor.ts';
import { answerHeader, type SmpAnswerHeader } from '../message.ts';
import { encodePacket, type SmpHeader } from '../packet.ts';
import { groupCodes } from '../refusal-tables.ts';
import type { Personality } from './personality.ts';
import type { GroupError, HandlerReply, LayerError } from './reply.ts';

const UNKNOWN_ERROR = 1;
const RESPONSE_TOO_BIG = 7;

/** A packet to send; `ends` when no packet of the same message is looked at any more. */
export interface WrittenPacket {
  readonly kind: 'packet';
  readonly packet: Uint8Array;
  readonly ends: boolean;
}

/** What follows from a reply; `stale` has no octets of its own. */
export type Written = WrittenPacket | { readonly kind: 'stale' };

/** Turns replies into packets, in the forms of errors that the version and the server have [spec: smp section 3]. */
export class AnswerWriter {
  readonly #personality: Personality;
  readonly #verbose: boolean;
  readonly #alwaysV1: boolean;
  readonly #bufferSize: number;

  constructor(options: { personality: Personality; verbose: boolean; alwaysV1: boolean; bufferSize: number }) {
    this.#personality = options.personality;
    this.#verbose = options.verbose;
    this.#alwaysV1 = options.alwaysV1;
    this.#bufferSize = options.bufferSize;
  }

  /** The answer to a request. */
  write(reply: HandlerReply, request: SmpHeader): Written {
    const to = this.#headerFor(request);
    switch (reply.kind) {
      case 'error':
        return this.error(reply.error, request);
      case 'group-error':
        return this.#groupError(reply.error, request);
      case 'map':
        return this.#fitting(this.#packet(reply.map, request), request);
      case 'answer':
        return this.#fitting(reply.encode(to), request);
    }
  }

  /** An error of the SMP layer. */
  error({ rc, rsn }: LayerError, request: SmpHeader): WrittenPacket {
    const map = new Map<CborValue, CborValue>([['rc', rc]]);
    if (this.#verbose && rsn !== undefined) map.set('rsn', rsn);
    return { kind: 'packet', packet: this.#packet(map, request), ends: true };
  }

  #groupError(error: GroupError, request: SmpHeader): Written {
    if (this.#headerFor(request).version === 0) return this.#legacy(error, request);
    const err = new Map<CborValue, CborValue>([
      ['group', error.group],
      ['rc', error.code],
    ]);
    const map = new Map<CborValue, CborValue>([['err', err]]);
    // A reason goes with `rc` only, as Zephyr has it: in v2 the code of a group says enough.
    for (const [key, value] of error.fields ?? []) map.set(key, value);
    return this.#fitting(this.#packet(map, request), request);
  }

  /** v1 knows no groups' codes; one that is translated to 0 is neither an error nor an answer. */
  #legacy({ group, code, rsn }: GroupError, request: SmpHeader): Written {
    const special = this.#personality.legacyCodes.get(`${group}.${code}`);
    const rc = special ?? groupCodes(group)?.get(code)?.v1 ?? UNKNOWN_ERROR;
    if (rc === 0)
      return this.#personality.staleHeaders
        ? { kind: 'stale' }
        : this.#fitting(this.#packet(new Map(), request), request);
    return this.error({ rc, ...(rsn !== undefined && { rsn }) }, request);
  }

  #fitting(packet: Uint8Array, request: SmpHeader): Written {
    if (packet.length > this.#bufferSize) return this.error({ rc: RESPONSE_TOO_BIG }, request);
    return { kind: 'packet', packet, ends: false };
  }

  #packet(map: CborMap, request: SmpHeader): Uint8Array {
    const { group, command } = request;
    return encodePacket(answerHeader(this.#headerFor(request), group, command), encodeIndefiniteMap(map));
  }

  /** To something that is no request the answer is one to a write [spec: smp section 1]. */
  #headerFor({ op, version, sequence }: SmpHeader): SmpAnswerHeader {
    return { op: op === 0 ? 0 : 2, version: this.#alwaysV1 ? 0 : version, sequence };
  }
}
