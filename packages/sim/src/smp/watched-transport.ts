import type { MeshError } from '@meshferry/core';
import {
  decodeHeader,
  ImageUpload,
  SMP_HEADER_SIZE,
  type SmpTransport,
  type SmpTransportListener,
} from '@meshferry/smp';

/** A transport whose requests somebody sees before the server does, and may keep from it. */
export class WatchedTransport implements SmpTransport {
  readonly #inner: SmpTransport;
  readonly #watch: (packet: Uint8Array) => boolean;

  /** `watch` gives whether the server is to get the packet. */
  constructor(inner: SmpTransport, watch: (packet: Uint8Array) => boolean) {
    this.#inner = inner;
    this.#watch = watch;
  }

  get packetLimit(): number {
    return this.#inner.packetLimit;
  }

  get fragments(): boolean {
    return this.#inner.fragments;
  }

  get bufferOverhead(): number {
    return this.#inner.bufferOverhead;
  }

  get lossy(): boolean {
    return this.#inner.lossy;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    this.#inner.send(packet, done);
  }

  listen(listener: SmpTransportListener): void {
    this.#inner.listen({
      received: (packet) => {
        if (this.#watch(packet)) listener.received(packet);
      },
      ended: (reason) => listener.ended(reason),
    });
  }

  close(): void {
    this.#inner.close();
  }
}

/** How far an upload is, seen from its requests. */
export class UploadWatch {
  #length: number | undefined;

  /** Percent that have come with a packet; undefined unless it is a chunk of an upload whose beginning was seen. */
  percent(packet: Uint8Array): number | undefined {
    const header = decodeHeader(packet, 0);
    const { group, command, op } = ImageUpload;
    if (header?.group !== group || header.command !== command || header.op !== op) return undefined;
    const request = ImageUpload.decodeRequest(packet.subarray(SMP_HEADER_SIZE));
    if (!request.ok) return undefined;
    const { off = 0, len, data } = request.value;
    if (off === 0) this.#length = len;
    if (this.#length === undefined || this.#length === 0) return undefined;
    return (100 * (off + (data?.length ?? 0))) / this.#length;
  }
}
