import type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
import { type Clock, MeshError } from '@meshferry/core';

/** One end of {@link duplex}. */
export interface DuplexEnd extends ByteStream {
  /** The other end is told that it is over, as when a port is pulled. */
  unplug(): void;
  /** Chunks and octets written so far. */
  readonly written: { chunks: number; octets: number };
}

/** How {@link duplex} carries octets. */
export interface DuplexOptions {
  /** ms on the way. Default 0: with the next event of the clock. */
  readonly latencyMs?: number;
  /** Cuts what is written into chunks of at most so many octets. Default: not at all. */
  readonly chunk?: number;
}

/** A byte stream in memory: its two ends. */
export function duplex(clock: Clock, options: DuplexOptions = {}): [DuplexEnd, DuplexEnd] {
  const a = new End(clock, options);
  const b = new End(clock, options);
  a.other = b;
  b.other = a;
  return [a, b];
}

class End implements DuplexEnd {
  other: End | undefined;
  readonly written = { chunks: 0, octets: 0 };
  readonly #clock: Clock;
  readonly #options: DuplexOptions;
  #listener: ByteStreamListener | undefined;
  #before: Uint8Array[] = [];
  #over = false;

  constructor(clock: Clock, options: DuplexOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  write(octets: Uint8Array): boolean {
    if (this.#over) return true;
    this.written.chunks++;
    this.written.octets += octets.length;
    const { latencyMs = 0, chunk = octets.length } = this.#options;
    this.#clock.after(latencyMs, () => {
      for (let at = 0; at < octets.length; at += chunk) this.other?.arrive(octets.subarray(at, at + chunk));
    });
    return true;
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    for (const octets of this.#before.splice(0)) listener.data(octets);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#clock.after(this.#options.latencyMs ?? 0, () => this.other?.end('the other end closed the connection'));
  }

  unplug(): void {
    this.#over = true;
    this.other?.end('the port is gone');
  }

  arrive(octets: Uint8Array): void {
    if (this.#over) return;
    if (this.#listener === undefined) this.#before.push(octets);
    else this.#listener.data(octets);
  }

  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener?.ended(new MeshError('bearer-lost', reason, { hint: 'Open it again.' }));
  }
}
