import { type Cancel, type Clock, Deadline, type MeshError, type Random } from '@meshferry/core';
import { segmentTransaction, type TransactionSegment } from './generic-provisioning-segments.ts';
import { ONCE, type PbAdvRadio } from './pb-adv-radio.ts';

/** From the last segment on the acknowledgment is waited for, then all are sent again, ms. */
const ROUND_MS = 500;
/** Random delay before each segment, ms [5.3.3]. */
const SPACING_MIN_MS = 20;
const SPACING_MAX_MS = 50;
/** A transaction that is not acknowledged by then ends the link, ms [5.3.3]. */
const TRANSACTION_TIMEOUT_MS = 30_000;

interface Transaction {
  readonly segments: readonly TransactionSegment[];
  readonly done: (error?: MeshError) => void;
  /** All segments have left at least once. */
  sentWhole: boolean;
}

/** What {@link PbAdvOutgoing} tells of an end that came from below. */
export interface PbAdvOutgoingListener {
  /** The peer has acknowledged nothing for 30 s. */
  timedOut(): void;
  /** The bearer sends no more. */
  failed(error: MeshError): void;
}

/** The Provisioning PDUs that one end of a link sends: one after the other, each again and again until it is there [5.3.3]. */
export class PbAdvOutgoing {
  readonly #random: Random;
  readonly #radio: PbAdvRadio;
  readonly #listener: PbAdvOutgoingListener;
  readonly #next: Deadline;
  readonly #timeout: Deadline;
  readonly #queue: Transaction[] = [];
  /** Transaction Number of the first in the queue. */
  #number: number;
  #segment = 0;
  #stopSending: Cancel | undefined;

  /** `firstNumber`: 0x00 of the Provisioner, 0x80 of the device. */
  constructor(clock: Clock, random: Random, radio: PbAdvRadio, firstNumber: number, listener: PbAdvOutgoingListener) {
    this.#random = random;
    this.#radio = radio;
    this.#number = firstNumber;
    this.#listener = listener;
    this.#next = new Deadline(clock, () => this.#send());
    this.#timeout = new Deadline(clock, () => listener.timedOut());
  }

  /** A PDU of 1 to 1469 octets; `done` is called once, not before this returned. */
  send(pdu: Uint8Array, done: (error?: MeshError) => void): void {
    this.#queue.push({ segments: segmentTransaction(pdu), done, sentWhole: false });
    if (this.#queue.length === 1) this.#begin();
  }

  /** The peer acknowledges this transaction: of others it may be late. */
  acknowledged(transaction: number): void {
    if (this.#queue.length > 0 && transaction === this.#number) this.#finish();
  }

  /** The peer has sent a PDU of its own: it would not have without having got the one before. */
  answered(): void {
    if (this.#queue[0]?.sentWhole === true) this.#finish();
  }

  /** Gives up what is being sent and what waits; it ends with this error. */
  close(error: MeshError): void {
    this.#stop();
    for (const { done } of this.#queue.splice(0)) done(error);
  }

  #begin(): void {
    this.#segment = 0;
    this.#timeout.set(TRANSACTION_TIMEOUT_MS);
    this.#space();
  }

  #space(): void {
    this.#next.set(SPACING_MIN_MS + this.#random.uniform() * (SPACING_MAX_MS - SPACING_MIN_MS));
  }

  #send(): void {
    const transaction = this.#queue[0]!;
    const segment = transaction.segments[this.#segment]!;
    this.#stopSending = this.#radio.send(this.#number, segment, ONCE, (error) => {
      this.#stopSending = undefined;
      if (error !== undefined) return this.#listener.failed(error);
      this.#segment++;
      if (this.#segment < transaction.segments.length) return this.#space();
      transaction.sentWhole = true;
      this.#segment = 0;
      this.#next.set(ROUND_MS);
    });
  }

  #finish(): void {
    this.#stop();
    const { done } = this.#queue.shift()!;
    this.#number = nextTransaction(this.#number);
    if (this.#queue.length > 0) this.#begin();
    done();
  }

  #stop(): void {
    this.#next.clear();
    this.#timeout.clear();
    this.#stopSending?.();
    this.#stopSending = undefined;
  }
}

/** 0x00 to 0x7F and 0x80 to 0xFF go round [5.3.1]. */
export function nextTransaction(number: number): number {
  return (number & 0x80) | ((number + 1) & 0x7f);
}
