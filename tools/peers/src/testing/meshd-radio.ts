import { createSocket, type Socket } from 'node:dgram';
import type { AdStructure, Advertising, Bearer, Heard, Sent, Transmit } from '@meshferry/bearer';
import { type Cancel, MeshError, type Unsubscribe } from '@meshferry/core';
import { systemClock } from './system-clock.ts';

const RSSI = -20;

/**
 * The bearer for bluetooth-meshd's test socket, which the preload library has turned into UDP on the loopback interface: a
 * datagram to the daemon is length (1 + n) ‖ AD type ‖ n octets, one from it the same without the length.
 */
export class MeshdRadio implements Bearer, Advertising {
  readonly advertising: Advertising = this;
  readonly sets: number = 1;
  readonly minIntervalMs: number = 20;
  readonly #socket: Socket;
  readonly #peerPort: number;
  readonly #listeners = new Set<{ readonly types: readonly number[]; heard(ad: Heard): void }>();
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(socket: Socket, peerPort: number) {
    this.#socket = socket;
    this.#peerPort = peerPort;
    socket.on('message', (datagram) => this.#heard(new Uint8Array(datagram)));
  }

  /** A radio, and the two ports for the daemon's `MESHD_SHIM_UDP`: its own and ours. */
  static async open(): Promise<{ readonly radio: MeshdRadio; readonly ports: string }> {
    const [socket, reserved] = [await bind(), await bind()];
    const peerPort = reserved.address().port;
    await new Promise<void>((resolve) => reserved.close(() => resolve()));
    return { radio: new MeshdRadio(socket, peerPort), ports: `${peerPort}:${socket.address().port}` };
  }

  /** One advertising event after the other, as a controller with one set. */
  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    let cancelled = false;
    this.#queue = this.#queue.then(async () => {
      if (cancelled) return;
      const start = systemClock.now;
      for (let i = 0; i < transmit.count && !cancelled && !this.#closed; i++) {
        this.#transmit(ad);
        await new Promise((resolve) => setTimeout(resolve, transmit.intervalMs));
      }
      if (cancelled) return;
      done(this.#closed ? new MeshError('bearer-closed', 'the radio is closed') : { start, end: systemClock.now });
    });
    return () => {
      cancelled = true;
    };
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    const listener = { types, heard };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #transmit({ type, data }: AdStructure): void {
    const datagram = new Uint8Array(2 + data.length);
    datagram.set([1 + data.length, type]);
    datagram.set(data, 2);
    this.#socket.send(datagram, this.#peerPort, '127.0.0.1');
  }

  #heard(datagram: Uint8Array): void {
    const type = datagram[0]!;
    const heard = { type, data: datagram.subarray(1), rssi: RSSI, at: systemClock.now };
    for (const listener of [...this.#listeners]) if (listener.types.includes(type)) listener.heard(heard);
  }
}

function bind(): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}
