import { GATT_VALUE_OVERHEAD, type GattLink } from '@meshferry/bearer';
import { type Clock, Deadline, MeshError } from '@meshferry/core';
import type { SmpTransport, SmpTransportListener } from '../transport.ts';
import { AwaitedAnswers } from './awaited-answers.ts';
import { LONGEST_PACKET, type PacketCollector, StrictCollector, TolerantCollector } from './collector.ts';

/** How an {@link SmpBleTransport} works. */
export interface SmpBleOptions {
  /** Which end of the link this is: they put packets together differently. */
  readonly side: 'client' | 'server';
  /** Of the server: whether it puts packets together; without, each write is one packet. Default true. */
  readonly reassembles?: boolean;
  /** Of the server: its buf_size, octets of the longest packet that is put together. Default: 65543, the longest there is. */
  readonly bufferOctets?: number;
  /**
   * Without another piece for so long a half packet is given up, ms. Default: 5000 for the client; the server never does, as
   * Zephyr [spec: smp section 6].
   */
  readonly giveUpMs?: number;
  /** Told of octets that belong to no packet, and why. */
  readonly dropped?: (reason: string, octets: Uint8Array) => void;
}

const GIVE_UP_MS = 5000;

interface Waiting {
  readonly packet: Uint8Array;
  readonly done: (error?: MeshError) => void;
}

/**
 * SMP over an open GATT link of {@link SMP_SERVICE}, for both ends: packets are cut by the MTU that the link has at the time,
 * one packet after the other, and values put together again [spec: smp section 6].
 *
 * ```ts
 * central.connect(peer, SMP_SERVICE, (link) => {
 *   if (link instanceof MeshError) return;
 *   const client = new SmpClient(new SmpBleTransport(link, clock, { side: 'client' }), clock);
 * });
 * ```
 */
export class SmpBleTransport implements SmpTransport {
  readonly bufferOverhead = 0;
  readonly lossy = false;
  readonly fragments = true;
  readonly #link: GattLink;
  readonly #clock: Clock;
  readonly #options: SmpBleOptions;
  readonly #awaited = new AwaitedAnswers();
  readonly #collector: PacketCollector | undefined;
  readonly #giveUp: Deadline;
  readonly #giveUpMs: number;
  /** The first is being sent, `#sent` octets of it are. */
  readonly #queue: Waiting[] = [];
  #sent = 0;
  #listener: SmpTransportListener | undefined;
  #open = true;

  constructor(link: GattLink, clock: Clock, options: SmpBleOptions) {
    const { side, reassembles = true, bufferOctets = LONGEST_PACKET, giveUpMs } = options;
    this.#link = link;
    this.#clock = clock;
    this.#options = options;
    this.#giveUp = new Deadline(clock, () => this.#gaveUp());
    this.#giveUpMs = giveUpMs ?? (side === 'client' ? GIVE_UP_MS : Number.POSITIVE_INFINITY);
    const sink = {
      packet: (packet: Uint8Array) => this.#listener?.received(packet),
      junk: (reason: string, octets: Uint8Array) => this.#options.dropped?.(reason, octets),
    };
    if (side === 'client') this.#collector = new TolerantCollector(sink, (octets, at) => this.#awaited.has(octets, at));
    else if (reassembles) this.#collector = new StrictCollector(sink, bufferOctets);
    link.listen({ received: (value) => this.#received(value), disconnected: () => this.#ended() });
  }

  get packetLimit(): number {
    return this.#link.mtu - GATT_VALUE_OVERHEAD;
  }

  send(packet: Uint8Array, done: (error?: MeshError) => void): void {
    if (!this.#open) {
      this.#clock.after(0, () => done(linkLost()));
      return;
    }
    this.#queue.push({ packet, done });
    if (this.#queue.length === 1) this.#begin();
  }

  listen(listener: SmpTransportListener): void {
    this.#listener = listener;
  }

  close(): void {
    this.#link.disconnect();
  }

  #begin(): void {
    this.#sent = 0;
    if (this.#options.side === 'client') this.#awaited.sent(this.#queue[0]!.packet);
    this.#nextPiece();
  }

  #nextPiece(): void {
    const { packet } = this.#queue[0]!;
    const to = Math.min(packet.length, this.#sent + this.packetLimit);
    const piece = to - this.#sent === packet.length ? packet : packet.subarray(this.#sent, to);
    this.#sent = to;
    this.#link.send(piece, this.#pieceSent);
  }

  readonly #pieceSent = (error?: MeshError): void => {
    const waiting = this.#queue[0];
    if (!this.#open || waiting === undefined) return;
    if (error === undefined && this.#sent < waiting.packet.length) {
      this.#nextPiece();
      return;
    }
    // What is half sent would spoil the next packet of the server; only a new link helps.
    if (error !== undefined) this.#link.disconnect();
    this.#queue.shift();
    if (error === undefined && this.#queue.length > 0) this.#begin();
    waiting.done(error === undefined ? undefined : linkLost(error));
  };

  #received(value: Uint8Array): void {
    const collector = this.#collector;
    if (collector === undefined) {
      if (value.length >= 8) this.#listener?.received(value);
      else this.#options.dropped?.('shorter than a header', value);
      return;
    }
    collector.add(value);
    if (collector.held === 0) {
      if (this.#giveUp.isSet) this.#giveUp.clear();
    } else if (this.#giveUpMs !== Number.POSITIVE_INFINITY) {
      this.#giveUp.set(this.#giveUpMs);
    }
  }

  #gaveUp(): void {
    this.#collector?.reset();
    this.#options.dropped?.(`no further piece for ${this.#giveUpMs} ms`, new Uint8Array(0));
  }

  #ended(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#giveUp.clear();
    this.#collector?.reset();
    const error = linkLost();
    for (const { done } of this.#queue.splice(0)) done(error);
    this.#listener?.ended(error);
  }
}

function linkLost(cause?: MeshError): MeshError {
  return new MeshError('link-lost', 'the Bluetooth link to the device is gone', {
    hint: 'Connect again; an upload goes on where it stopped.',
    ...(cause !== undefined && { cause }),
  });
}
