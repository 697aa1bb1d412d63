import { GATT_VALUE_OVERHEAD, type GattLink, type GattLinkListener } from '@meshferry/bearer';
import { MeshError, type Unsubscribe } from '@meshferry/core';
import type { Connection } from './connection.ts';

/** Values that are kept until somebody listens; more do not come in the moment between. */
const EARLY_VALUES = 64;

/** One service of a connection as a pair of pipes, at either end. */
export class AttLink implements GattLink {
  readonly #connection: Connection;
  readonly #opcode: number;
  readonly #handle: number;
  #listener: GattLinkListener | undefined;
  #early: Uint8Array[] = [];
  readonly #forget: Unsubscribe;
  readonly #leave: () => void;
  /** `leaving`: this end has disconnected, and has not been told yet. */
  #state: 'open' | 'leaving' | 'ended' = 'open';

  /**
   * Values go out with this opcode (ATT.WRITE_COMMAND, ATT.NOTIFICATION) and value handle. `leave`: ends the link, with its
   * connection or without; {@link end} follows.
   */
  constructor(
    connection: Connection,
    opcode: number,
    handle: number,
    leave: () => void = () => connection.disconnect(),
  ) {
    this.#connection = connection;
    this.#opcode = opcode;
    this.#handle = handle;
    this.#leave = leave;
    this.#forget = connection.onEnded(() => this.end());
  }

  get mtu(): number {
    return this.#connection.mtu;
  }

  /** `done` follows when the controller has taken all of the value: its buffers are what bounds the way out. */
  send(value: Uint8Array, done: (error?: MeshError) => void): void {
    const { clock } = this.#connection.host;
    const error = this.#whyNot(value);
    if (error !== undefined) {
      clock.after(0, () => done(error));
      return;
    }
    let isReturned = false;
    let early: boolean | undefined;
    this.#connection.sendValue(this.#opcode, this.#handle, value, (sent) => {
      if (isReturned) done(sent ? undefined : disconnected());
      else early = sent;
    });
    isReturned = true;
    if (early !== undefined) clock.after(0, () => done(early ? undefined : disconnected()));
  }

  listen(listener: GattLinkListener): void {
    this.#listener = listener;
    for (const value of this.#early.splice(0)) listener.received(value);
    if (this.#state === 'ended') this.#connection.host.clock.after(0, () => this.#listener?.disconnected());
  }

  disconnect(): void {
    if (this.#state !== 'open') return;
    this.#state = 'leaving';
    this.#leave();
  }

  /** A value from the other end. */
  deliver(value: Uint8Array): void {
    if (this.#state !== 'open' || !this.#connection.isOpen) return;
    if (this.#listener !== undefined) this.#listener.received(value);
    else if (this.#early.length < EARLY_VALUES) this.#early.push(value);
    else this.#connection.fail('protocol', 'it sent more values than anybody has asked for');
  }

  /** The link is over, with or without its connection. */
  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#forget();
    this.#listener?.disconnected();
  }

  #whyNot(value: Uint8Array): MeshError | undefined {
    const most = this.mtu - GATT_VALUE_OVERHEAD;
    if (this.#state !== 'open' || !this.#connection.isOpen) return disconnected();
    if (value.length <= most) return undefined;
    return new MeshError('value-too-long', `a value of ${value.length} octets, the link takes ${most}`, {
      hint: 'Segment the message for the MTU of the link.',
    });
  }
}

function disconnected(): MeshError {
  return new MeshError('bearer-closed', 'the GATT link is disconnected', { hint: 'Connect again.' });
}
