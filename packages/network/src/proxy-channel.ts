import { GATT_VALUE_OVERHEAD, type GattLink } from '@meshferry/bearer';
import { type Cancel, type Clock, MeshError } from '@meshferry/core';
import { ignore } from './cancellable.ts';
import { type ProxyMessageLimits, type ProxyMessageType, ProxyReassembler, segmentProxyMessage } from './proxy-pdu.ts';

/** What a {@link ProxyChannel} tells. */
export interface ProxyChannelListener {
  message(type: ProxyMessageType, message: Uint8Array): void;
  /** The connection has ended: with an error when this end had to end it. Nothing comes after this. */
  closed(error: MeshError | undefined): void;
}

/** Messages that wait for a slow link at most; in a flood more would only come too late. */
const MAX_WAITING = 64;

interface Job {
  readonly type: ProxyMessageType;
  readonly message: Uint8Array;
  done: (error?: MeshError) => void;
}

/**
 * Messages over a GATT link of the Mesh Proxy or Mesh Provisioning Service, from either end: in order, each segmented for
 * the MTU, one after the other as the link has room [Mesh Protocol 1.1, 6.3].
 */
export class ProxyChannel {
  readonly #clock: Clock;
  readonly #link: GattLink;
  readonly #reassembler: ProxyReassembler;
  readonly #listener: ProxyChannelListener;
  /** The first one is being sent. */
  readonly #queue: Job[] = [];
  #closed = false;
  #finishing = false;
  #error: MeshError | undefined;

  constructor(clock: Clock, link: GattLink, limits: ProxyMessageLimits, listener: ProxyChannelListener) {
    this.#clock = clock;
    this.#link = link;
    this.#listener = listener;
    this.#reassembler = new ProxyReassembler(clock, limits, {
      message: (type, message) => listener.message(type, message),
      violated: (reason) => this.close(protocolViolation(reason)),
    });
    link.listen({
      received: (value) => this.#reassembler.receive(value),
      disconnected: () => this.#disconnected(),
    });
  }

  /**
   * Sends a message. `done` is called once, never before this returned, when the link has taken it whole; with
   * `bearer-closed`, or `proxy-busy` when too many wait. Not after it was cancelled.
   */
  send(type: ProxyMessageType, message: Uint8Array, done: (error?: MeshError) => void = ignore): Cancel {
    const refusal = this.#closed ? disconnected() : this.#queue.length >= MAX_WAITING ? busy() : undefined;
    if (refusal !== undefined) {
      const timer = this.#clock.after(0, () => done(refusal));
      return () => timer.cancel();
    }
    const job: Job = { type, message, done };
    this.#queue.push(job);
    if (this.#queue.length === 1) this.#next();
    return () => {
      job.done = ignore;
      const at = this.#queue.indexOf(job);
      if (at > 0) this.#queue.splice(at, 1); // what has been begun must be ended
    };
  }

  /** Disconnects; `error` says why to the listener. */
  close(error?: MeshError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#reassembler.close();
    this.#link.disconnect();
  }

  /** Disconnects when everything has been sent. */
  finish(): void {
    this.#finishing = true;
    if (this.#queue.length === 0) this.close();
  }

  #next(): void {
    const job = this.#queue[0];
    if (job !== undefined) {
      this.#piece(job, segmentProxyMessage(job.type, job.message, this.#link.mtu - GATT_VALUE_OVERHEAD), 0);
    } else if (this.#finishing) this.close();
  }

  #piece(job: Job, pdus: readonly Uint8Array[], at: number): void {
    this.#link.send(pdus[at]!, (error) => {
      // A message with a hole would be an error of the protocol.
      if (error !== undefined) this.close(error.code === 'bearer-closed' ? undefined : error);
      else if (at + 1 < pdus.length) this.#piece(job, pdus, at + 1);
      else {
        this.#queue.shift();
        this.#next();
        job.done();
      }
    });
  }

  #disconnected(): void {
    this.#closed = true;
    this.#reassembler.close();
    const error = disconnected();
    for (const { done } of this.#queue.splice(0)) done(error);
    this.#listener.closed(this.#error);
  }
}

function disconnected(): MeshError {
  return new MeshError('bearer-closed', 'the proxy connection has ended', { hint: 'Connect to a proxy again.' });
}

function busy(): MeshError {
  return new MeshError('proxy-busy', `${MAX_WAITING} messages wait for the proxy connection`, {
    hint: 'Send fewer messages in parallel.',
  });
}

function protocolViolation(reason: string): MeshError {
  return new MeshError('proxy-protocol', `the other end broke the proxy protocol: ${reason}`, {
    hint: 'Connect again; if it happens again the peer is defective.',
  });
}
