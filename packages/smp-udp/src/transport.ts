import { type Clock, MeshError } from '@meshferry/core';
import { SMP_HEADER_SIZE, type SmpTransport, type SmpTransportListener } from '@meshferry/smp';

/** What a {@link SmpUdpTransport} stands on: one other end of a socket. */
export interface Datagrams {
  /** The other end, for messages: `192.0.2.1:1337`. */
  readonly name: string;
  /** Octets of the longest datagram. */
  readonly limit: number;
  /** `done` is called once, later. */
  send(datagram: Uint8Array, done: (error: Error | null) => void): void;
  close(): void;
}

/** Octets before a packet in an IP packet: IP and UDP [spec: smp section 5]. */
const HEADERS = { IPv4: 28, IPv6: 48 } as const;

/** Octets of an SMP packet that a path with this MTU carries in one piece. */
export function packetLimitOf(mtu: number, family: 'IPv4' | 'IPv6'): number {
  return mtu - HEADERS[family];
}

/** The octets of a Buffer as those of others: `slice` of a Buffer is no copy. */
export function plainOf({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** SMP over UDP: a packet in each datagram [spec: smp section 8]; either end. */
export class SmpUdpTransport implements SmpTransport {
  readonly packetLimit: number;
  readonly fragments = false;
  readonly bufferOverhead = 0;
  readonly lossy = true;
  readonly #datagrams: Datagrams;
  readonly #clock: Clock;
  #listener: SmpTransportListener | undefined;
  #end: MeshError | undefined;

  constructor(datagrams: Datagrams, clock: Clock) {
    this.#datagrams = datagrams;
    this.#clock = clock;
    this.packetLimit = datagrams.limit;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    const refusal = this.#end ?? (packet.length > this.packetLimit ? this.#tooLong(packet.length) : undefined);
    if (refusal !== undefined) {
      this.#clock.after(0, () => done(refusal));
      return;
    }
    this.#datagrams.send(packet, (error) => {
      if (error !== null) this.failed(error);
      done(this.#end);
    });
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {
    this.#ends(lostError(this.#datagrams.name));
  }

  /** A datagram of the other end came. */
  arrived(datagram: Uint8Array): void {
    if (this.#end === undefined && datagram.length >= SMP_HEADER_SIZE) this.#listener?.received(datagram);
  }

  /** The socket says that the other end cannot be reached. */
  failed(error: Error): void {
    this.#ends(lostError(this.#datagrams.name, error));
  }

  #ends(reason: MeshError): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#datagrams.close();
    this.#clock.after(0, () => this.#listener?.ended(reason));
  }

  #tooLong(length: number): MeshError {
    return new MeshError('packet-too-long', `a packet of ${length} octets: a datagram holds ${this.packetLimit}`, {
      hint: 'Send less data in each packet, or give the MTU of the path: udp:HOST:PORT?mtu=OCTETS.',
    });
  }
}

/** `link-lost`; what the system said is its cause and tells why. */
function lostError(name: string, cause?: NodeJS.ErrnoException): MeshError {
  if (cause?.code === 'ECONNREFUSED') {
    return new MeshError('link-lost', `${name} refuses: no SMP server listens on this UDP port`, {
      hint: 'Wait until the device has started, or correct the port (SMP over UDP has 1337).',
      cause,
    });
  }
  return new MeshError('link-lost', `nothing goes to ${name} any more${cause ? `: ${cause.message}` : ''}`, {
    hint: 'Check the network and the address of the device, and connect again; an upload goes on where it stopped.',
    ...(cause !== undefined && { cause }),
  });
}
