import type { Clock, MeshError } from '@meshferry/core';
import type { SmpTransport, SmpTransportListener } from '../../transport.ts';

/** The server's end of a {@link PacketLink}: its `deliver` is the link's device. */
export class PipeEnd implements SmpTransport {
  readonly packetLimit = 1472;
  readonly fragments = false;
  readonly bufferOverhead = 0;
  readonly lossy = false;
  readonly #clock: Clock;
  #listener: SmpTransportListener | undefined;
  #answer: (packet: Uint8Array) => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly deliver = (packet: Uint8Array, answer: (packet: Uint8Array) => void): void => {
    this.#answer = answer;
    this.#listener?.received(packet);
  };

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    this.#answer(packet.slice());
    this.#clock.after(0, () => done());
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {}
}
