import { type Clock, MeshError } from '@meshferry/core';
import type { SmpTransport, SmpTransportListener } from '../../transport.ts';

/** What becomes of a packet on its way: one arrival for each time, ms from now; none: it is lost. */
export type Fate = (packet: Uint8Array) => readonly { readonly afterMs: number; readonly packet: Uint8Array }[];

export interface PacketLinkOptions {
  readonly limit?: number;
  readonly lossy?: boolean;
  readonly bufferOverhead?: number;
  /** One way, ms. Default 5. */
  readonly delayMs?: number;
  readonly toDevice?: Fate;
  readonly toClient?: Fate;
}

/** A transport for whole packets whose other end is a function: what a device answers, each answer a packet. */
export class PacketLink implements SmpTransport {
  readonly fragments = false;
  readonly packetLimit: number;
  readonly lossy: boolean;
  readonly bufferOverhead: number;
  /** Every packet the client sent, and every one it was given. */
  readonly sent: Uint8Array[] = [];
  readonly given: Uint8Array[] = [];
  readonly #clock: Clock;
  readonly #options: PacketLinkOptions;
  readonly #device: (packet: Uint8Array, answer: (packet: Uint8Array) => void) => void;
  #listener: SmpTransportListener | undefined;
  #open = true;

  constructor(
    clock: Clock,
    device: (packet: Uint8Array, answer: (packet: Uint8Array) => void) => void,
    options: PacketLinkOptions = {},
  ) {
    this.#clock = clock;
    this.#device = device;
    this.#options = options;
    this.packetLimit = options.limit ?? 1472;
    this.lossy = options.lossy ?? false;
    this.bufferOverhead = options.bufferOverhead ?? 0;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    const { limit = 1472, delayMs = 5, toDevice = whole } = this.#options;
    this.#clock.after(0, () => {
      if (!this.#open) return done(new MeshError('link-lost', 'cut'));
      if (packet.length > limit) return done(new MeshError('packet-too-long', `${packet.length} octets`));
      this.sent.push(packet.slice());
      for (const arrival of toDevice(packet)) {
        this.#clock.after(delayMs + arrival.afterMs, () => {
          if (this.#open) this.#device(arrival.packet, (answer) => this.#answer(answer));
        });
      }
      done();
    });
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {
    this.cut();
  }

  /** Ends the link. */
  cut(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#clock.after(0, () => this.#listener?.ended(new MeshError('link-lost', 'cut')));
  }

  /** Gives the client a packet that the device did not send. */
  give(packet: Uint8Array): void {
    if (!this.#open) return;
    this.given.push(packet.slice());
    this.#listener?.received(packet);
  }

  #answer(packet: Uint8Array): void {
    const { delayMs = 5, toClient = whole } = this.#options;
    for (const { afterMs, packet: arriving } of toClient(packet)) {
      this.#clock.after(delayMs + afterMs, () => this.give(arriving));
    }
  }
}

function whole(packet: Uint8Array): ReturnType<Fate> {
  return [{ afterMs: 0, packet }];
}

/** Runs the clock until the promise settles, `ms` at most. */
export async function settled<T>(
  clock: { readonly now: number; step(): boolean },
  promise: Promise<T>,
  ms = 3_600_000,
): Promise<T> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  promise.then(end, end);
  const until = clock.now + ms;
  for (;;) {
    // Promises come between the events.
    for (let i = 0; i < 20 && !over; i++) await Promise.resolve();
    if (over) return promise;
    if (clock.now > until || !clock.step()) throw new Error(`not settled at ${clock.now} ms`);
  }
}
