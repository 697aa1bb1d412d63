import { type Cancel, type Clock, isUnicast, MeshError } from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import type { AccessReceived, AccessSend, AccessTransport, NetworkHost } from '@meshferry/network';

/**
 * Joins access layers without a network: whatever one sends reaches all hosts that it is for after `delayMs`, with the
 * keys and the addresses that a network layer would give. For tests of what stands on the access layer.
 */
export class Link {
  readonly delayMs: number;
  readonly sent: AccessSend[] = [];
  /** The next so many messages get lost. */
  lose = 0;
  /** What sending ends with, when not well. */
  failure: MeshError | undefined;
  /** Called with each message when it is handed over to be sent. */
  onSent: ((message: AccessSend) => void) | undefined;
  readonly #clock: Clock;
  readonly #hosts: { readonly host: NetworkHost; readonly address: number; readonly elements: number }[] = [];
  #seq = 0;

  constructor(clock: Clock, delayMs = 10) {
    this.#clock = clock;
    this.delayMs = delayMs;
  }

  /** Adds a node; what it returns is the transport to connect its access layer to. */
  join(host: NetworkHost & { readonly address: number; readonly elementCount: number }): AccessTransport {
    this.#hosts.push({ host, address: host.address, elements: host.elementCount });
    return { defaultTtl: 5, send: (message, done) => this.#send(message, done) };
  }

  #send(message: AccessSend, done?: (error?: MeshError) => void): Cancel {
    this.sent.push(message);
    this.onSent?.(message);
    const { failure } = this;
    const lost = this.lose > 0;
    if (lost) this.lose--;
    let over = false;
    const end = (error?: MeshError): void => {
      if (over) return;
      over = true;
      done?.(error);
    };
    const timer = this.#clock.after(this.delayMs, () => {
      if (!lost && failure === undefined) this.#arrive(message);
      end(failure);
    });
    return () => {
      timer.cancel();
      end(new MeshError('cancelled', 'cancelled before it was sent'));
    };
  }

  #arrive(message: AccessSend): void {
    const received: AccessReceived = {
      src: message.src,
      dst: message.label === undefined ? message.dst : virtualAddress(portableCrypto, message.label),
      key: message.key,
      netIndex: message.netIndex ?? 0,
      credentials: 'flooding',
      ttl: message.ttl === undefined || message.ttl === 0xff ? 5 : message.ttl,
      seq: this.#seq++,
      rssi: -50,
      payload: message.payload.slice(),
      ...(message.label === undefined ? {} : { label: message.label }),
    };
    for (const { host, address, elements } of this.#hosts) {
      const own = received.dst >= address && received.dst < address + elements;
      if (isUnicast(received.dst) ? own : host.isSubscribed(received.dst)) host.receive(received);
    }
  }
}
