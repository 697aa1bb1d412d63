import { decodeAdStructures } from '@meshferry/bearer';
import type { ByteStream, ByteStreamListener } from '@meshferry/byte-streams';
import { type Clock, concat, type MeshError, type SeededRandom, utf8 } from '@meshferry/core';
import { encodeFrame, FrameReader } from '../frame.ts';
import * as wire from '../messages.ts';

/** What a line does to a frame: as it is, another one, or nothing at all. */
export type Line = (frame: Uint8Array) => Uint8Array | undefined;

interface Slot {
  readonly id: number;
  readonly count: number;
  readonly intervalUs: number;
  readonly data: Uint8Array;
  sent: number;
  startUs: number;
  isCancelled: boolean;
  /** Clock time of the start of its event, of the last one or the next. */
  at: number;
}

const EVENT_US = 1428;
const LATENCY_MS = 1;

/**
 * A dongle in memory and simulated time, for what a harness process cannot be made to do: restarts, losses on the line at a
 * given message, other versions. Those in one `air` hear each other.
 */
export class FakeDongle {
  major = wire.PROTOCOL_MAJOR;
  queue = 8;
  capabilities = wire.CAN_SET_POWER;
  /** How much too fast its clock is, ppm. */
  driftPpm = 0;
  /** ms from one end of the line to the other. */
  latency: () => number = () => LATENCY_MS;
  toHost: Line = (frame) => frame;
  toDongle: Line = (frame) => frame;
  /** Types of all messages of the host, in order. */
  readonly said: number[] = [];
  /** Advertising data of all events. */
  readonly events: Uint8Array[] = [];
  isOpen = false;
  isClosedByHost = false;
  subscription: { number: number; all: boolean; types: readonly number[] } = { number: 0, all: false, types: [] };
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #air: Set<FakeDongle>;
  readonly #slots: Slot[] = [];
  #listener: ByteStreamListener | undefined;
  #freeAt = 0;
  readonly #arrived = { up: 0, down: 0 };
  readonly #reader = new FrameReader({
    message: (octets) => this.#take(octets.slice()),
    bad: () => this.say(Uint8Array.of(wire.ERROR, wire.ERROR_FRAME, 0)),
  });

  constructor(clock: Clock, random: SeededRandom, air: Set<FakeDongle> = new Set()) {
    this.#clock = clock;
    this.#random = random;
    this.#air = air;
    air.add(this);
  }

  get stream(): ByteStream {
    return {
      write: (octets) => {
        const arrived = this.toDongle(octets);
        if (arrived !== undefined) this.#carry('down', () => this.#reader.push(arrived));
        return true;
      },
      listen: (listener) => {
        this.#listener = listener;
      },
      close: () => {
        this.isClosedByHost = true;
        this.#listener = undefined;
      },
    };
  }

  get nowUs(): number {
    return Math.round(5e6 + this.#clock.now * 1000 * (1 + this.driftPpm * 1e-6));
  }

  say(message: Uint8Array): void {
    this.write(encodeFrame(message));
  }

  /** Octets on the line to the host. */
  write(frame: Uint8Array): void {
    const arrived = this.toHost(frame);
    if (arrived !== undefined) this.#carry('up', () => this.#listener?.data(arrived));
  }

  /** What is said first arrives first. */
  #carry(way: 'up' | 'down', arrive: () => void): void {
    const at = Math.max(this.#clock.now + this.latency(), this.#arrived[way]);
    this.#arrived[way] = at;
    this.#clock.after(at - this.#clock.now, arrive);
  }

  unplug(reason: MeshError): void {
    this.#listener?.ended(reason);
    this.#listener = undefined;
    this.#air.delete(this);
  }

  /** As after a watchdog. */
  restart(): void {
    this.#endSession(false);
    this.say(Uint8Array.of(wire.BOOT, wire.PROTOCOL_MAJOR, 0, 2));
  }

  hear(data: Uint8Array, channel = 37): void {
    const { all, types } = this.subscription;
    if (!this.isOpen || !(all || decodeAdStructures(data).some(({ type }) => types.includes(type)))) return;
    const address = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const head = concat(Uint8Array.of(wire.HEARD), u64(this.nowUs), Uint8Array.of(channel, -40, 1), address);
    this.say(concat(head, data));
  }

  #take(message: Uint8Array): void {
    const view = new DataView(message.buffer);
    const type = message[0]!;
    this.said.push(type);
    if (type === wire.HELLO) this.#hello(view);
    else if (type === wire.RESET) this.#endSession(false);
    else if (!this.isOpen) this.say(Uint8Array.of(wire.ERROR, wire.ERROR_SESSION, type));
    else if (type === wire.SEND) this.#send(message, view);
    else if (type === wire.CANCEL) this.#cancel(view.getUint16(1, true));
    else if (type === wire.SUBSCRIBE) {
      this.subscription = { number: message[1]!, all: message[2] === 1, types: [...message.subarray(3)] };
    } else if (type === wire.SYNC) this.#state(message.subarray(1, 5));
  }

  #endSession(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.#slots.length = 0;
    this.subscription = { number: 0, all: false, types: [] };
  }

  #hello(view: DataView): void {
    this.#endSession(this.major === wire.PROTOCOL_MAJOR);
    const nonce = new Uint8Array(view.buffer.slice(1, 5));
    const head = concat(Uint8Array.of(wire.INFO), nonce, Uint8Array.of(this.major, 0, 9, 8, 7, this.queue, 16));
    const rest = Uint8Array.of(1578, 1578 >> 8, this.capabilities, 0, -40, 8);
    this.say(concat(head, rest, u64(this.nowUs), new Uint8Array(8).fill(0xab), utf8('fake\u0007')));
  }

  #send(message: Uint8Array, view: DataView): void {
    const id = view.getUint16(1, true);
    if (this.#slots.length >= this.queue) {
      this.#report(id, wire.OUTCOME_QUEUE_FULL, 0, 0, 0);
      return;
    }
    const [count, intervalUs] = [message[3]!, view.getUint32(4, true)];
    const slot = { id, count, intervalUs, data: message.slice(20), sent: 0, startUs: 0, isCancelled: false, at: 0 };
    this.#slots.push(slot);
    this.#transmit(slot);
  }

  #transmit(slot: Slot): void {
    const start = Math.max(this.#clock.now, this.#freeAt);
    const end = start + EVENT_US / 1000;
    slot.at = start;
    this.#freeAt = end + 0.15;
    this.#clock.after(end - this.#clock.now, () => {
      if (!this.#slots.includes(slot)) return;
      this.events.push(slot.data);
      for (const other of this.#air) if (other !== this) other.hear(slot.data);
      const startUs = this.nowUs - EVENT_US;
      if (slot.sent++ === 0) slot.startUs = startUs;
      const isSent = slot.sent === slot.count;
      if (isSent || slot.isCancelled) {
        this.#finish(slot, isSent ? wire.OUTCOME_SENT : wire.OUTCOME_CANCELLED);
        return;
      }
      const wait = start + slot.intervalUs / 1000 + this.#random.uniform() * 10 - this.#clock.now;
      this.#clock.after(wait, () => this.#slots.includes(slot) && this.#transmit(slot));
    });
  }

  #finish(slot: Slot, outcome: number): void {
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    this.#report(slot.id, outcome, slot.sent, slot.startUs, this.nowUs);
  }

  #report(id: number, outcome: number, copies: number, startUs: number, endUs: number): void {
    this.say(concat(Uint8Array.of(wire.REPORT, id, id >> 8, outcome, copies), u64(startUs), u64(endUs)));
  }

  #cancel(id: number): void {
    const slot = this.#slots.find((other) => other.id === id);
    if (slot === undefined) return;
    const isOnAir = slot.at <= this.#clock.now && this.#clock.now < slot.at + EVENT_US / 1000;
    if (isOnAir) slot.isCancelled = true;
    else this.#finish(slot, wire.OUTCOME_CANCELLED);
  }

  #state(token: Uint8Array): void {
    const ids = this.#slots.flatMap(({ id }) => [id, id >> 8]);
    const counters = new Uint8Array(12);
    const head = concat(Uint8Array.of(wire.STATE), token, u64(this.nowUs), Uint8Array.of(this.subscription.number));
    this.say(concat(head, counters, Uint8Array.from(ids)));
  }
}

export function u64(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value), true);
  return new Uint8Array(view.buffer);
}
