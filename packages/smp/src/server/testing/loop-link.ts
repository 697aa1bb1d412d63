import type { Clock, MeshError } from '@meshferry/core';
import type { SmpTransport, SmpTransportListener } from '../../transport.ts';

/** A link whose other end is the test: it puts packets in and finds the answers in a list. */
export class LoopLink implements SmpTransport {
  readonly packetLimit: number = Number.POSITIVE_INFINITY;
  readonly fragments = false;
  readonly bufferOverhead: number;
  readonly lossy = true;
  /** What the server has sent. */
  readonly sent: Uint8Array[] = [];
  closed = false;
  readonly #clock: Clock;
  #listener: SmpTransportListener | undefined;

  constructor(clock: Clock, bufferOverhead = 0) {
    this.#clock = clock;
    this.bufferOverhead = bufferOverhead;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    this.sent.push(packet.slice());
    this.#clock.after(0, () => done());
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {
    this.closed = true;
  }

  /** What a client sends. */
  put(packet: Uint8Array): void {
    this.#listener?.received(packet);
  }

  /** The client is gone. */
  end(reason: MeshError): void {
    this.#listener?.ended(reason);
  }
}
