import { H4_ACL } from './h4.ts';

/** Data of a connection as it comes, in fragments. `first`: an L2CAP frame begins. Good during the call only. */
export type AclReceived = (first: boolean, data: Uint8Array) => void;
/** The last fragment is with the controller (true), or the connection or the controller went before (false). */
export type AclHandedOver = (sent: boolean) => void;

/** PB flag of continuations in both directions; the first fragment has 0b00 from the host, 0b10 (or 0b00) to it. */
const PB_CONTINUING = 0b01;
/** What each LE controller takes. */
const LEAST_LENGTH = 27;

interface Frame {
  readonly octets: Uint8Array;
  sent: number;
  readonly handedOver: AclHandedOver;
}

interface Connection {
  readonly handle: number;
  readonly received: AclReceived;
  readonly waiting: Frame[];
  /** Fragments the controller has and has not yet reported completed. */
  inController: number;
}

/**
 * ACL data of all connections: fragments as large as the controller takes, as many as it has buffers for, connections in
 * turn [Bluetooth Core, Vol 4, Part E, 4.1.1]. What a connection had in the controller is free when it ends.
 */
export class AclData {
  readonly #write: (packet: Uint8Array) => void;
  readonly #connections = new Map<number, Connection>();
  #length = LEAST_LENGTH;
  #credits = 0;
  /** Connections with something to send, the next one first. */
  readonly #ready: Connection[] = [];

  constructor(write: (packet: Uint8Array) => void) {
    this.#write = write;
  }

  /** Data octets of a fragment at most. */
  get length(): number {
    return this.#length;
  }

  /** What the controller has said after a reset: all connections before it are gone. */
  configure(length: number, packets: number): void {
    this.clear();
    this.#length = Math.max(LEAST_LENGTH, length);
    this.#credits = packets;
  }

  /** Takes the data of a new connection; an old one of the same handle has ended. */
  open(handle: number, received: AclReceived): void {
    this.close(handle);
    this.#connections.set(handle, { handle, received, waiting: [], inController: 0 });
  }

  /** The connection has ended (the host calls it on Disconnection Complete). */
  close(handle: number): void {
    const connection = this.#connections.get(handle);
    if (connection === undefined) return;
    this.#connections.delete(handle);
    const at = this.#ready.indexOf(connection);
    if (at >= 0) this.#ready.splice(at, 1);
    this.#credits += connection.inController;
    for (const { handedOver } of connection.waiting.splice(0)) handedOver(false);
    this.#pump();
  }

  clear(): void {
    this.#credits = 0;
    for (const handle of [...this.#connections.keys()]) {
      this.#connections.get(handle)!.inController = 0;
      this.close(handle);
    }
  }

  /** Sends a whole L2CAP frame (length, CID, payload). `handedOver` is called once, perhaps before `send` returns. */
  send(handle: number, frame: Uint8Array, handedOver: AclHandedOver): void {
    const connection = this.#connections.get(handle);
    if (connection === undefined) {
      handedOver(false);
      return;
    }
    connection.waiting.push({ octets: frame, sent: 0, handedOver });
    if (connection.waiting.length === 1) this.#ready.push(connection);
    this.#pump();
  }

  /** Data from the controller. */
  receive(handle: number, flags: number, data: Uint8Array): void {
    this.#connections.get(handle)?.received((flags & 0b11) !== PB_CONTINUING, data);
  }

  /** Parameters of Number Of Completed Packets: a count, then handle and number of packets each. */
  completed(parameters: Uint8Array): void {
    for (let at = 1; at + 4 <= parameters.length; at += 4) {
      const handle = (parameters[at]! | (parameters[at + 1]! << 8)) & 0x0fff;
      const connection = this.#connections.get(handle);
      if (connection === undefined) continue;
      // A controller that reports more than it was given must not bring us to overrun it.
      const packets = Math.min(parameters[at + 2]! | (parameters[at + 3]! << 8), connection.inController);
      connection.inController -= packets;
      this.#credits += packets;
    }
    this.#pump();
  }

  #pump(): void {
    while (this.#credits > 0) {
      const connection = this.#ready.shift();
      if (connection === undefined) return;
      const frame = connection.waiting[0]!;
      const end = Math.min(frame.octets.length, frame.sent + this.#length);
      const packet = fragment(connection.handle, frame.octets.subarray(frame.sent, end), frame.sent > 0);
      frame.sent = end;
      const whole = end === frame.octets.length;
      if (whole) connection.waiting.shift();
      if (connection.waiting.length > 0) this.#ready.push(connection);
      this.#credits--;
      connection.inController++;
      this.#write(packet);
      if (whole) frame.handedOver(true);
    }
  }
}

function fragment(handle: number, data: Uint8Array, continuing: boolean): Uint8Array {
  const packet = new Uint8Array(5 + data.length);
  const word = handle | ((continuing ? PB_CONTINUING : 0) << 12);
  packet[0] = H4_ACL;
  packet[1] = word & 0xff;
  packet[2] = word >> 8;
  packet[3] = data.length & 0xff;
  packet[4] = data.length >> 8;
  packet.set(data, 5);
  return packet;
}
