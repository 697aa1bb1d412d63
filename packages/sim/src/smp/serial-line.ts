import { type Cancel, type Clock, MeshError, type Random } from '@meshferry/core';
import type { SmpRoute, SmpTransport, SmpTransportListener } from '@meshferry/smp';

/** How a {@link SerialLine} carries packets. */
export interface SerialLineOptions {
  readonly baud: number;
  /** What happens to the packets of the device: chances that one is lost and that it comes twice, and up to how much later, ms. */
  readonly loss: number;
  readonly twice: number;
  readonly delay: number;
}

/** Start bit, 8 data bits, stop bit. */
const BITS_PER_OCTET = 10;
/** Octets of a frame that a line of 127 characters holds, and marker and newline of one [spec: smp section 7]. */
const FRAME_OCTETS_PER_LINE = 93;
const LINE_OVERHEAD = 3;
/** Length and CRC. */
const FRAME_OVERHEAD = 4;
/** To open the port, ms. */
const OPEN_MS = 10;

/**
 * A serial line in simulated time, packet by packet: what lines of a console take at the line's rate. Neither end knows whether the
 * other one is there: what comes while the device is off or in its bootloader is lost, and its reset ends nothing.
 */
export class SerialLine {
  /** To the device; the port is opened by one at a time. */
  readonly route: SmpRoute;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: SerialLineOptions;
  #port: LineEnd | undefined;
  #device: LineEnd | undefined;

  constructor(name: string, clock: Clock, random: Random, options: SerialLineOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.route = { name, open: (done) => this.#open(done), close: () => {} };
  }

  /** The end of who runs on the device now; who ran before hears nothing any more. */
  attach(): SmpTransport {
    const { loss, twice, delay } = this.#options;
    this.#device = new LineEnd(this.#clock, this.#options.baud, (packet) => {
      if (this.#draws(loss)) return;
      const later = delay === 0 ? 0 : this.#random.uniform() * delay;
      for (let times = this.#draws(twice) ? 2 : 1; times > 0; times--) {
        if (later === 0) this.#port?.arrive(packet);
        else this.#clock.after(later, () => this.#port?.arrive(packet));
      }
    });
    return this.#device;
  }

  /** As when the cable is pulled out of the computer, and put in again. */
  unplug(): void {
    this.#port?.close();
  }

  #open(done: (outcome: SmpTransport | MeshError) => void): Cancel {
    const timer = this.#clock.after(OPEN_MS, () => {
      if (this.#port?.isOpen === true) {
        done(
          new MeshError('connect-failed', 'the port is open already', { hint: 'Close the other connection first.' }),
        );
        return;
      }
      this.#port = new LineEnd(this.#clock, this.#options.baud, (packet) => this.#device?.arrive(packet));
      done(this.#port);
    });
    return () => timer.cancel();
  }

  #draws(chance: number): boolean {
    return chance > 0 && this.#random.uniform() < chance;
  }
}

class LineEnd implements SmpTransport {
  readonly packetLimit: number = Number.POSITIVE_INFINITY;
  readonly fragments = false;
  readonly bufferOverhead: number = FRAME_OVERHEAD;
  readonly lossy = true;
  isOpen = true;
  readonly #clock: Clock;
  readonly #msPerOctet: number;
  readonly #carried: (packet: Uint8Array) => void;
  #listener: SmpTransportListener | undefined;
  /** When all that was sent has left. */
  #idleAt = 0;

  constructor(clock: Clock, baud: number, carried: (packet: Uint8Array) => void) {
    this.#clock = clock;
    this.#msPerOctet = (BITS_PER_OCTET * 1000) / baud;
    this.#carried = carried;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    const { now } = this.#clock;
    if (!this.isOpen) {
      this.#clock.after(0, () => done(lost()));
      return;
    }
    const copy = packet.slice();
    this.#idleAt = Math.max(now, this.#idleAt) + lineOctets(packet.length) * this.#msPerOctet;
    this.#clock.after(this.#idleAt - now, () => {
      if (!this.isOpen) {
        done(lost());
        return;
      }
      this.#carried(copy);
      done();
    });
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  arrive(packet: Uint8Array): void {
    if (this.isOpen) this.#listener?.received(packet);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#clock.after(0, () => this.#listener?.ended(lost()));
  }
}

/** Octets on the line for a packet: base64 in lines. */
function lineOctets(packet: number): number {
  const frame = packet + FRAME_OVERHEAD;
  return 4 * Math.ceil(frame / 3) + LINE_OVERHEAD * Math.ceil(frame / FRAME_OCTETS_PER_LINE);
}

function lost(): MeshError {
  return new MeshError('link-lost', 'the serial line is gone', {
    hint: 'Plug the device in and connect again; an upload goes on where it stopped.',
  });
}
