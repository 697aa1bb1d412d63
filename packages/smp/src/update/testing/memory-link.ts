import { type Clock, MeshError } from '@meshferry/core';
import type { SmpTransport, SmpTransportListener } from '../../transport.ts';

/** How a {@link memoryLink} carries packets. */
export interface MemoryLinkOptions {
  readonly clock: Clock;
  /** One way, ms. */
  readonly latencyMs: number;
  readonly packetLimit: number;
  readonly fragments: boolean;
  readonly lossy: boolean;
  readonly bufferOverhead: number;
  /** Whether a packet gets through; asked for each, the client's and the server's. */
  readonly carries?: (packet: Uint8Array, from: 'client' | 'server') => boolean;
}

/** One end of a link in memory. */
export class MemoryEnd implements SmpTransport {
  readonly packetLimit: number;
  readonly fragments: boolean;
  readonly bufferOverhead: number;
  readonly lossy: boolean;
  other: MemoryEnd | undefined;
  readonly #options: MemoryLinkOptions;
  readonly #side: 'client' | 'server';
  #listener: SmpTransportListener | undefined;
  #isOver = false;

  constructor(options: MemoryLinkOptions, side: 'client' | 'server') {
    this.#options = options;
    this.#side = side;
    ({
      packetLimit: this.packetLimit,
      fragments: this.fragments,
      bufferOverhead: this.bufferOverhead,
      lossy: this.lossy,
    } = options);
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    const { clock, latencyMs, carries } = this.#options;
    if (this.#isOver) {
      clock.after(0, () => done(lost()));
      return;
    }
    const copy = packet.slice();
    const isCarried = carries === undefined || carries(copy, this.#side);
    clock.after(latencyMs / 4, () => done(this.#isOver ? lost() : undefined));
    if (isCarried) clock.after(latencyMs, () => this.other?.arrive(copy));
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  arrive(packet: Uint8Array): void {
    if (!this.#isOver) this.#listener?.received(packet);
  }

  /** Both ends of a link end; of a line only this one. */
  close(): void {
    this.#end();
    if (this.lossy) return;
    const { other } = this;
    this.#options.clock.after(0, () => other?.end());
  }

  end(): void {
    const wasOver = this.#isOver;
    this.#end();
    if (!wasOver) this.#listener?.ended(lost());
  }

  #end(): void {
    this.#isOver = true;
  }
}

/** A client's end and a server's. */
export function memoryLink(options: MemoryLinkOptions): { client: MemoryEnd; server: MemoryEnd } {
  const client = new MemoryEnd(options, 'client');
  const server = new MemoryEnd(options, 'server');
  client.other = server;
  server.other = client;
  return { client, server };
}

function lost(): MeshError {
  return new MeshError('link-lost', 'the link is gone');
}
