import { type Address, type Cancel, isUnicast, type MeshError, type NetIndex, type Unicast } from '@meshferry/core';
import { pairKey } from './addresses.ts';
import type { SegmentAcknowledgment } from './lower-transport-pdu.ts';
import type { SarTransmission } from './sar-transmission.ts';

/** A segmented message that waits for its turn or is being sent. */
export interface OutgoingSegmented {
  readonly src: Unicast;
  readonly dst: Address;
  readonly netIndex: NetIndex;
  /** Of a bulk transfer: others go first. */
  readonly isBulk: boolean;
  /**
   * Its turn has come: allocates its SeqAuth, encrypts it, and starts it through {@link StartedTransmission}; or the
   * reason why it cannot be sent.
   */
  begin(finished: (error?: MeshError) => void): StartedTransmission | MeshError;
  /** Called once, unless cancelled. */
  done(error?: MeshError): void;
}

export interface StartedTransmission {
  /** Low 13 bits of SeqAuth. */
  readonly seqZero: number;
  readonly transmission: SarTransmission;
}

interface Active extends StartedTransmission {
  readonly message: OutgoingSegmented;
  /** Who acknowledges on behalf of the destination, once it has. */
  friend?: Unicast;
}

/**
 * The segmented messages of a node on their way out: one at a time for each (source, destination), in their order;
 * different ones in parallel, up to a limit [Mesh Protocol 1.1, 3.5.3.3]. Those of a bulk transfer let others go first, and
 * leave room for one.
 */
export class SarTransmitterQueue {
  readonly #parallel: number;
  readonly #waiting: OutgoingSegmented[] = [];
  readonly #active = new Map<number, Active>();
  /** Asked for by {@link drain}. */
  #idle: (() => void) | undefined;

  constructor(parallel: number) {
    this.#parallel = parallel;
  }

  /** Messages being sent. */
  get active(): number {
    return this.#active.size;
  }

  /** Starts the message or queues it. */
  send(message: OutgoingSegmented): Cancel {
    const at = message.isBulk ? -1 : this.#waiting.findIndex(({ isBulk }) => isBulk);
    if (at < 0) this.#waiting.push(message);
    else this.#waiting.splice(at, 0, message);
    this.#startWaiting();
    return () => this.#cancel(message);
  }

  /**
   * An acknowledgment from `src` to `dst` under a NetKey; whether it was a valid one [table 3.23]. A Friend answers with
   * its own address (OBO), always the same.
   */
  acknowledge(pdu: SegmentAcknowledgment, src: Unicast, dst: Unicast, netIndex: NetIndex): boolean {
    const active = this.#acknowledged(pdu, src, dst);
    if (active === undefined || active.message.netIndex !== netIndex) return false;
    if (pdu.obo && src !== active.message.dst) active.friend = src;
    active.transmission.acknowledge(pdu.ackedSegments);
    return true;
  }

  /**
   * Calls `idle` once when no message is under way, at once if none is. Until then no other is started, so that the
   * time comes even when messages always wait: the end of an IV Update [3.11.5].
   */
  drain(idle: () => void): void {
    this.#idle = idle;
    this.#startWaiting();
  }

  /** Sends the messages under way anew, under new sequence numbers: those that they have are void [3.11.6]. */
  restart(): void {
    const active = [...this.#active.values()];
    for (const { transmission } of active) transmission.cancel();
    this.#active.clear();
    this.#waiting.unshift(...active.map(({ message }) => message));
    this.#startWaiting();
  }

  /** Drops all, without telling anybody. */
  close(): void {
    this.#idle = undefined;
    this.#waiting.length = 0;
    for (const { transmission } of this.#active.values()) transmission.cancel();
    this.#active.clear();
  }

  #acknowledged(pdu: SegmentAcknowledgment, src: Unicast, dst: Unicast): Active | undefined {
    const direct = this.#active.get(pairKey(dst, src));
    if (direct?.seqZero === pdu.seqZero && direct.friend === undefined) return direct;
    if (!pdu.obo) return undefined;
    for (const active of this.#active.values()) {
      const { message, friend, seqZero } = active;
      if (message.src !== dst || !isUnicast(message.dst) || seqZero !== pdu.seqZero) continue;
      if (friend === undefined || friend === src) return active;
    }
    return undefined;
  }

  #startWaiting(): void {
    if (this.#idle !== undefined) {
      if (this.#active.size > 0) return;
      const idle = this.#idle;
      this.#idle = undefined;
      idle();
    }
    for (let i = 0; i < this.#waiting.length && this.#active.size < this.#parallel; ) {
      const message = this.#waiting[i]!;
      if (this.#active.has(pairKey(message.src, message.dst)) || (message.isBulk && !this.#hasRoomForBulk())) {
        i++;
        continue;
      }
      this.#waiting.splice(i, 1);
      this.#start(message);
    }
  }

  #hasRoomForBulk(): boolean {
    let bulk = 0;
    for (const { message } of this.#active.values()) if (message.isBulk) bulk++;
    return bulk < Math.max(1, this.#parallel - 1);
  }

  #start(message: OutgoingSegmented): void {
    const pair = pairKey(message.src, message.dst);
    const started = message.begin((error) => {
      this.#active.delete(pair);
      message.done(error);
      this.#startWaiting();
    });
    if (!('transmission' in started)) {
      message.done(started);
      return;
    }
    this.#active.set(pair, { message, ...started });
    started.transmission.start();
  }

  #cancel(message: OutgoingSegmented): void {
    const at = this.#waiting.indexOf(message);
    if (at >= 0) this.#waiting.splice(at, 1);
    const pair = pairKey(message.src, message.dst);
    const active = this.#active.get(pair);
    if (active?.message !== message) return;
    active.transmission.cancel();
    this.#active.delete(pair);
    this.#startWaiting();
  }
}
