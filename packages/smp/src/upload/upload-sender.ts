import type { Cancel, MeshError, Result } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import type { SmpRequestOptions } from '../client/client-types.ts';
import { isRefusal, noReassembly } from '../client/errors.ts';
import type { SmpCommand } from '../message.ts';
import { type ChunkLimits, chunkLength } from './chunk-length.ts';
import type { ChunkOutcome, ChunkSender } from './chunk-window.ts';
import { RoundTrip } from './round-trip.ts';

/** What is uploaded, and by which requests. */
export interface UploadSource<Q> {
  readonly command: SmpCommand<Q, UploadAnswer>;
  readonly content: Uint8Array;
  /** Whether the first chunk may be sent again while its answer is waited for. */
  readonly repeatsFirst: boolean;
  /** The length of the packet without data may depend on how many octets the offset takes, not on the offset itself. */
  request(offset: number, data: Uint8Array): Q;
  /** The offset that the device names with a refusal. */
  offsetOf?(error: MeshError): number | undefined;
}

interface UploadAnswer {
  readonly off: number;
  readonly match?: boolean | undefined;
}

/** The times of [spec: smp section 5], ms. */
const FIRST_MS = 40_000;
const LAST_MS = 20_000;
const CHUNK_MS = 10_000;
const CHUNK_LOSSY_MS = 2000;
const CHUNK_MOST_MS = 20_000;
/** Times that a chunk is sent before it is given much longer than chunks take usually. */
const SOON_MAX = 3;

const SILENCE_MAX = 5;
/** Half a packet may stick in a device that puts pieces together: do not wait long for it [spec: smp section 6]. */
const SILENCE_MAX_PIECES = 2;

const NO_DATA = new Uint8Array();
const NO_MEMORY = 2;
const CORRUPT = 9;
const BUSY = 10;

/** Octets of a packet without data. */
export function bareOctets<Q>(
  { command, request }: Pick<UploadSource<Q>, 'command' | 'request'>,
  offset: number,
): number {
  return command.encodeRequest(request(offset, NO_DATA), { version: 1, sequence: 0 }).length;
}

/** Sends the chunks of a source as requests of a client. */
export class UploadSender<Q> implements ChunkSender {
  readonly total: number;
  readonly window: number;
  readonly lossy: boolean;
  readonly silenceMax: number;
  readonly advanced: (offset: number, before: number) => void;
  readonly #client: SmpClient;
  readonly #source: UploadSource<Q>;
  readonly #limits: ChunkLimits;
  /** Of packets behind the first, by the octets that their offset takes. */
  readonly #bare = new Map<number, number>();
  readonly #roundTrip = new RoundTrip(CHUNK_LOSSY_MS);
  #sentTo = 0;

  constructor(
    client: SmpClient,
    source: UploadSource<Q>,
    limits: ChunkLimits & { readonly window: number },
    advanced: (offset: number, before: number) => void,
  ) {
    this.#client = client;
    this.#source = source;
    this.#limits = limits;
    this.total = source.content.length;
    this.window = limits.window;
    this.lossy = client.transport.lossy;
    this.silenceMax = this.#inPieces ? SILENCE_MAX_PIECES : SILENCE_MAX;
    this.advanced = advanced;
  }

  /** Where the last octet was that has been sent so far. */
  get sentTo(): number {
    return this.#sentTo;
  }

  length(offset: number): number {
    return chunkLength(this.#bareOctets(offset), this.total - offset, this.#limits);
  }

  send(offset: number, length: number, repeats: number, done: (outcome: ChunkOutcome) => void): Cancel {
    const { command, content } = this.#source;
    const end = offset + length;
    this.#sentTo = Math.max(this.#sentTo, end);
    const request = this.#source.request(offset, content.subarray(offset, end));
    const { clock } = this.#client;
    const sentAt = clock.now;
    return this.#client.ask(command, request, this.#times(offset, end, repeats), (answer) => {
      if (answer.ok && offset > 0) this.#roundTrip.took(clock.now - sentAt);
      done(this.#outcome(answer));
    });
  }

  get #inPieces(): boolean {
    return this.#limits.packet > this.#client.transport.packetLimit;
  }

  /** The device did so before, with other firmware perhaps. */
  #notPutTogether(): MeshError {
    this.#client.knowledge.reassembles = false;
    return noReassembly(this.#limits.packet, this.#client.transport.packetLimit);
  }

  #bareOctets(offset: number): number {
    if (offset === 0) return bareOctets(this.#source, 0);
    const head = headOctets(offset);
    const known = this.#bare.get(head);
    if (known !== undefined) return known;
    const octets = bareOctets(this.#source, offset);
    this.#bare.set(head, octets);
    return octets;
  }

  /** A chunk in the middle is not repeated by itself: what comes behind it would be void. */
  #times(offset: number, end: number, repeats: number): SmpRequestOptions {
    const { lossy } = this;
    if (offset === 0) return { timeoutMs: FIRST_MS, repeat: lossy && this.#source.repeatsFirst && CHUNK_LOSSY_MS };
    if (end === this.total) return { timeoutMs: LAST_MS, repeat: lossy && this.#roundTrip.patienceMs };
    // Soon at first; a device that says nothing even then may have a reason.
    const soon = lossy && repeats < SOON_MAX ? this.#roundTrip.patienceMs : CHUNK_LOSSY_MS;
    const timeoutMs = Math.min((lossy ? soon : CHUNK_MS) * 2 ** repeats, CHUNK_MOST_MS);
    return { timeoutMs, repeat: false };
  }

  #outcome(answer: Result<UploadAnswer, MeshError>): ChunkOutcome {
    if (answer.ok) return { kind: 'answered', offset: answer.value.off, match: answer.value.match };
    const { error } = answer;
    if (error.code === 'smp-timeout' || error.code === 'smp-malformed-answer') return { kind: 'lost', error };
    if (isRefusal(error, 'smp', BUSY)) return { kind: 'busy', error };
    if (isRefusal(error, 'smp', NO_MEMORY)) return { kind: 'crowded', error };
    if (this.#inPieces && isRefusal(error, 'smp', CORRUPT)) return { kind: 'failed', error: this.#notPutTogether() };
    const offset = this.#source.offsetOf?.(error);
    return offset === undefined ? { kind: 'failed', error } : { kind: 'answered', offset };
  }
}

/** Octets of the CBOR head of a number. */
function headOctets(value: number): number {
  if (value < 24) return 1;
  if (value < 0x100) return 2;
  return value < 0x1_0000 ? 3 : 5;
}
