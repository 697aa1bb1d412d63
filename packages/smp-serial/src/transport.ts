import type { ByteStream } from '@meshferry/byte-streams';
import { type Clock, type Log, MeshError, silent } from '@meshferry/core';
import { SMP_HEADER_SIZE, type SmpTransport, type SmpTransportListener } from '@meshferry/smp';
import { CONSOLE_LINE, CONSOLE_PACKET_MAX, encodeConsoleLines, NEWLINE } from './console-lines.ts';
import { ConsoleReader } from './console-reader.ts';
import { LineSender, type SerialPace } from './line-sender.ts';
import { RawReader } from './raw-reader.ts';

/** How a {@link SmpSerialTransport} works. */
export interface SmpSerialOptions {
  /** Which end of the line this is: the client paces itself for a small receiver. */
  readonly side: 'client' | 'server';
  /** Packets without framing, for servers with a "raw" UART. Default: the lines of a console. */
  readonly raw?: boolean;
  /** Octets of a line at most, with marker and newline. Default 127, which every receiver takes. */
  readonly maxLine?: number;
  /** How fast the client sends. Default: as fast as the stream takes lines, slower after losses. */
  readonly pace?: SerialPace;
  /** What the other end is called in messages. Default "the serial line". */
  readonly name?: string;
  readonly log?: Log;
}

/** Length and CRC stand in the receiver's buffer, too [spec: smp section 5]. */
const FRAME_OVERHEAD = 4;

/**
 * SMP over a byte stream, for both ends: packets as lines of a console (base64, CRC-16), beside whatever else the console says
 * [spec: smp section 7].
 *
 * ```ts
 * const port = await openSerial('/dev/ttyACM0', { baudRate: 115_200 });
 * const transport = new SmpSerialTransport(port, clock, { side: 'client' });
 * ```
 */
export class SmpSerialTransport implements SmpTransport {
  readonly packetLimit: number = Number.POSITIVE_INFINITY;
  readonly fragments = false;
  readonly lossy = true;
  readonly bufferOverhead: number;
  readonly #stream: ByteStream;
  readonly #clock: Clock;
  readonly #options: SmpSerialOptions;
  readonly #reader: ConsoleReader | RawReader;
  readonly #sender: LineSender;
  #listener: SmpTransportListener | undefined;
  #isOpen = true;

  constructor(stream: ByteStream, clock: Clock, options: SmpSerialOptions) {
    const { raw = false, side, log = silent } = options;
    this.#stream = stream;
    this.#clock = clock;
    this.#options = options;
    this.bufferOverhead = raw ? 0 : FRAME_OVERHEAD;
    const packet = (octets: Uint8Array) => this.#received(octets);
    const dropped = (reason: string) => log('debug', 'a broken line of SMP', { reason });
    this.#reader = raw ? new RawReader(clock, packet) : new ConsoleReader({ packet, dropped });
    this.#sender = new LineSender(stream, clock, raw || side === 'server' ? { pauseMs: 0 } : (options.pace ?? {}));
    stream.listen({
      data: (octets) => this.#reader.push(octets),
      drained: () => this.#sender.drained(),
      ended: (reason) => this.#end(this.#lost(reason)),
    });
    // Half a line of who used the port before would take the first one with it.
    if (side === 'client' && !raw) this.#sender.send([Uint8Array.of(NEWLINE)], () => {});
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    const { raw = false, side, maxLine = CONSOLE_LINE } = this.#options;
    if (!this.#isOpen) this.#clock.after(0, () => done(this.#lost()));
    else if (packet.length > CONSOLE_PACKET_MAX) this.#clock.after(0, () => done(tooLong(packet.length)));
    else {
      const lines = raw ? [new Uint8Array(packet)] : encodeConsoleLines(packet, { maxLine, isEven: true });
      if (side === 'client' && !raw) this.#sender.watch(packet, lines.length);
      this.#sender.send(lines, done);
    }
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#stream.close();
    this.#clock.after(0, () => this.#end(this.#lost()));
  }

  #received(packet: Uint8Array): void {
    if (packet.length >= SMP_HEADER_SIZE && this.#isOpen) this.#listener?.received(packet);
  }

  #end(reason: MeshError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#reader.reset();
    this.#sender.end(reason);
    this.#listener?.ended(reason);
  }

  #lost(cause?: MeshError): MeshError {
    const { name = 'the serial line' } = this.#options;
    return new MeshError('link-lost', `the connection over ${name} is gone${cause ? `: ${cause.message}` : ''}`, {
      hint: 'Plug the device in and connect again; an upload goes on where it stopped.',
      ...(cause !== undefined && { cause }),
    });
  }
}

function tooLong(length: number): MeshError {
  return new MeshError('packet-too-long', `a packet of ${length} octets: a frame holds ${CONSOLE_PACKET_MAX}`, {
    hint: 'Send less data in each packet.',
  });
}
