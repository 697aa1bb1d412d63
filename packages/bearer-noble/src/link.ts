import { GATT_MTU_MIN, GATT_VALUE_OVERHEAD, type GattLink, type GattLinkListener } from '@meshferry/bearer';
import { type Clock, Deadline, type Log, type MeshError, type Timer } from '@meshferry/core';
import { linkClosed, valueTooLong } from './errors.ts';
import type { NobleCharacteristic, NoblePeripheral } from './noble-api.ts';
import type { Pace } from './pace.ts';

/** From asking for the end of a connection to taking it for ended, ms. */
const END_MS = 2000;
/** ATT: whoever does not answer in this time must be disconnected [Bluetooth Core, Vol 3, Part F, 3.3.3], ms. */
const TRANSACTION_MS = 30_000;
/** A server that says nothing for this time is asked whether it is there, ms. */
const SILENCE_MS = 60_000;

export interface NobleLinkParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly pace: Pace;
  readonly peripheral: NoblePeripheral;
  readonly dataIn: NobleCharacteristic;
  readonly dataOut: NobleCharacteristic;
  /** What servers are asked for; an answer above it is not agreed on. */
  readonly mtu: number;
  /** Ends the link, or its whole connection as it is of no use any more; {@link NobleLink.ended} follows. */
  readonly leave: (isDead: boolean) => void;
  /** Calls back once the link has ended. */
  readonly over: () => void;
}

interface Waiting {
  readonly value: Uint8Array;
  readonly done: (error?: MeshError) => void;
}

/**
 * A service that was found on a connection. Values are written one at a time, since both libraries tell all writes that wait from one
 * answer, and as many as {@link Pace} allows, since they take any number. States: open, closing, over.
 *
 * Watchdog: a mesh proxy with nothing to say is silent for hours and right to be so. One that has been silent for a minute is
 * asked for the descriptors of its characteristic, which every server has to answer; without an answer in the 30 s of
 * ATT the connection is dead, though neither the controller nor the library says so, and is ended.
 */
export class NobleLink implements GattLink {
  readonly #parts: NobleLinkParts;
  readonly #queue: Waiting[] = [];
  readonly #silence: Deadline;
  readonly #answer: Deadline;
  readonly #end: Deadline;
  #state: 'open' | 'closing' | 'over' = 'open';
  #listener: GattLinkListener | undefined;
  /** What came before there was a listener, which may be before the subscription was answered. */
  #early: Uint8Array[] | undefined = [];
  #pumping = false;
  #writing = false;
  #asking = false;
  #paused: Timer | undefined;

  constructor(parts: NobleLinkParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#silence = new Deadline(clock, () => this.#ask());
    this.#answer = new Deadline(clock, () => this.#dead('does not answer'));
    this.#end = new Deadline(clock, () => this.ended(linkClosed()));
    parts.dataOut.on('data', this.#received as never);
    this.#silence.set(SILENCE_MS);
  }

  get mtu(): number {
    const { mtu, peripheral } = this.#parts;
    return Math.min(mtu, Math.max(GATT_MTU_MIN, peripheral.mtu ?? GATT_MTU_MIN));
  }

  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const most = this.mtu - GATT_VALUE_OVERHEAD;
    if (this.#state !== 'open' || value.length > most) {
      const error = this.#state === 'open' ? valueTooLong(value.length, most) : linkClosed();
      queueMicrotask(() => done(error));
      return;
    }
    this.#queue.push({ value, done });
    if (this.#pumping || this.#writing || this.#paused !== undefined) return;
    this.#pumping = true;
    queueMicrotask(() => this.#pump());
  }

  listen(listener: GattLinkListener): void {
    this.#listener = listener;
    if (this.#early === undefined) return;
    queueMicrotask(() => this.#catchUp());
  }

  disconnect(): void {
    this.#leave(false);
  }

  /** The connection has ended, or is given up; what waits to be sent ends with `reason`. */
  ended(reason: MeshError): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const { dataOut, over } = this.#parts;
    dataOut.removeListener('data', this.#received as never);
    for (const timer of [this.#silence, this.#answer, this.#end]) timer.clear();
    this.#paused?.cancel();
    over();
    queueMicrotask(() => {
      for (const { done } of this.#queue.splice(0)) done(reason);
      this.#catchUp();
      this.#listener?.disconnected();
    });
  }

  #leave(isDead: boolean): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#end.set(END_MS);
    queueMicrotask(() => {
      if (this.#state === 'closing') this.#parts.leave(isDead);
    });
  }

  readonly #received = (octets: Buffer): void => {
    if (this.#state !== 'open') return;
    this.#silence.set(SILENCE_MS);
    const value = Uint8Array.from(octets);
    if (this.#early === undefined) this.#listener?.received(value);
    else if (this.#early.length < MOST_EARLY) this.#early.push(value);
    else this.#dead('sends more than is taken');
  };

  #catchUp(): void {
    const early = this.#early ?? [];
    if (this.#listener === undefined) return;
    this.#early = undefined;
    for (const value of early) this.#listener.received(value);
  }

  #pump(): void {
    this.#pumping = true;
    while (this.#state === 'open' && !this.#writing && this.#queue.length > 0) {
      const wait = this.#parts.pace.take();
      if (wait > 0) {
        this.#paused = this.#parts.clock.after(wait, () => {
          this.#paused = undefined;
          this.#pump();
        });
        break;
      }
      this.#write(this.#queue[0]!);
    }
    this.#pumping = false;
  }

  /** Writes the first value that waits; it stays the first until the library has taken it. */
  #write({ value, done }: Waiting): void {
    // The MTU is what it was, or greater: nothing has become too long meanwhile.
    const octets = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#writing = true;
    const written = (error?: unknown) => {
      if (!this.#writing || this.#state === 'over') return;
      if (error != null) return this.#dead(`does not take a value: ${String(error)}`);
      this.#writing = false;
      if (!this.#asking) this.#answer.clear();
      this.#queue.shift();
      done();
      if (!this.#pumping) this.#pump();
    };
    try {
      this.#parts.dataIn.write(octets, true, written);
    } catch (thrown) {
      written(thrown);
    }
    // Else it waits behind a request that waits for its answer.
    if (this.#writing && !this.#answer.isSet) this.#answer.set(TRANSACTION_MS);
  }

  #ask(): void {
    this.#asking = true;
    if (!this.#answer.isSet) this.#answer.set(TRANSACTION_MS);
    const answered = () => {
      this.#asking = false;
      if (this.#state !== 'open') return;
      if (!this.#writing) this.#answer.clear();
      this.#silence.set(SILENCE_MS);
    };
    try {
      this.#parts.dataOut.discoverDescriptors(answered);
    } catch (thrown) {
      this.#dead(`cannot be asked: ${String(thrown)}`);
    }
  }

  #dead(what: string): void {
    this.#parts.log('warn', `the GATT connection to ${this.#parts.peripheral.id} is ended: the server ${what}`);
    this.#leave(true);
  }
}

/** Values that wait for a listener: the beacons of a server with many networks, and more. */
const MOST_EARLY = 64;
