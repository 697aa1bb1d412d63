import { concat, MeshError } from '@meshferry/core';
import type { SmpClient } from '../client/client.ts';
import { FileDownload, type FileDownloadAnswer } from '../messages/file-system.ts';
import { checkContent } from './file-hash.ts';
import { type ProgressOptions, ProgressTeller } from './progress.ts';
import { RoundTrip } from './round-trip.ts';

/** How a file is downloaded. */
export interface FileDownloadOptions extends ProgressOptions {
  /** Octets at most: a larger file is refused with `smp-file-too-large`. Default 64 MiB. */
  readonly mostOctets?: number;
  /** Aborted: it ends with `cancelled`. */
  readonly signal?: AbortSignal;
}

const MOST_OCTETS = 64 * 1024 * 1024;
/** Until a request is repeated, where requests get lost, ms. */
const REPEAT_MOST_MS = 1500;

/**
 * Downloads a file by its whole name and compares its hash, where the device has any [spec: smp section 4.7]. Rejects with a
 * `SmpRefusedError` (no such file …), `smp-file-too-large`, `smp-bad-file`, `smp-file-damaged`, `cancelled`, or what the request
 * fails with.
 */
export async function downloadFile(
  client: SmpClient,
  name: string,
  options: FileDownloadOptions = {},
): Promise<Uint8Array> {
  const { mostOctets = MOST_OCTETS, signal } = options;
  const reader = new FileReader(client, name, signal);
  try {
    const window = await client.capacity.window();
    const parts: Uint8Array[] = [];
    const { data: first, len: total } = await reader.read(0);
    if (total === undefined) throw badFile(name, 'the device does not say how long it is');
    if (total > mostOctets) throw tooLarge(name, total, mostOctets);
    const teller = new ProgressTeller(client.clock, total, options);
    let offset = 0;
    let data = first;
    for (;;) {
      if (data.length > total - offset) throw badFile(name, `${offset + data.length} octets, it has ${total}`);
      if (data.length === 0 && offset < total) throw badFile(name, `it ends at ${offset} of ${total} octets`);
      parts.push(data);
      offset += data.length;
      teller.moved(offset, data.length);
      if (offset === total) break;
      reader.readAhead(offset, data.length, total, window);
      ({ data } = await reader.read(offset));
    }
    const content = concat(...parts);
    await checkContent(client, name, content, signal && { signal });
    return content;
  } finally {
    reader.stop();
  }
}

/** Asks for pieces of a file ahead of when they are needed: a piece that is read for nothing does no harm. */
class FileReader {
  readonly #client: SmpClient;
  readonly #name: string;
  readonly #signal: AbortSignal;
  readonly #end = new AbortController();
  readonly #roundTrip = new RoundTrip(REPEAT_MOST_MS);
  /** Under way or read, by their offsets. */
  readonly #pieces = new Map<number, Promise<FileDownloadAnswer>>();

  constructor(client: SmpClient, name: string, signal?: AbortSignal) {
    this.#client = client;
    this.#name = name;
    this.#signal = signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
  }

  /** The piece at an offset, whether it was asked for or not. */
  async read(offset: number): Promise<FileDownloadAnswer> {
    const answer = await (this.#pieces.get(offset) ?? this.#ask(offset));
    this.#pieces.delete(offset);
    if (answer.off !== offset) {
      throw badFile(this.#name, `octets from ${answer.off} on where ${offset} was asked for`);
    }
    return answer;
  }

  /** Asks for those from `offset` on, if each has so many octets; those of other offsets are not wanted any more. */
  readAhead(offset: number, octets: number, total: number, window: number): void {
    if (!this.#pieces.has(offset)) this.#pieces.clear();
    for (let next = offset; next < total && this.#pieces.size < window; next += octets) {
      if (this.#pieces.has(next)) continue;
      const piece = this.#ask(next);
      // Whoever reads it is told.
      piece.catch(() => {});
      this.#pieces.set(next, piece);
    }
  }

  /** Nothing more is waited for. */
  stop(): void {
    this.#end.abort();
  }

  async #ask(off: number): Promise<FileDownloadAnswer> {
    const { clock, transport } = this.#client;
    const askedAt = clock.now;
    const { patienceMs } = this.#roundTrip;
    const options = { signal: this.#signal, repeat: !transport.lossy || patienceMs };
    const answer = await this.#client.request(FileDownload, { off, name: this.#name }, options);
    const ms = clock.now - askedAt;
    // Otherwise it may be the answer to the repetition.
    if (ms < patienceMs) this.#roundTrip.took(ms);
    return answer;
  }
}

function badFile(name: string, reason: string): MeshError {
  return new MeshError('smp-bad-file', `"${name}" cannot be downloaded: ${reason}`, {
    hint: 'Something else may be writing to it: try again.',
  });
}

function tooLarge(name: string, total: number, most: number): MeshError {
  return new MeshError('smp-file-too-large', `"${name}" has ${total} octets, at most ${most} are taken`, {
    hint: 'Allow more, if that size can be right.',
  });
}
