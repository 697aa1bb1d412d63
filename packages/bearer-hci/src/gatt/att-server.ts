import { GATT_MTU_MIN } from '@meshferry/bearer';
import type { Timer } from '@meshferry/core';
import { ATT, ATT_COMMAND_FLAG, ATT_ERROR, ATT_MTU, attPdu, TRANSACTION_MS, word } from './att.ts';
import { answerRead, errorResponse, type ReadableAttributes } from './att-reads.ts';
import type { AttReceiver, Connection } from './connection.ts';
import { type Attribute, type AttributeDatabase, SERVICE_CHANGED } from './database.ts';

/** What a client does to a server beside reading. */
export interface AttServerListener {
  /** A value for the characteristic at `handle`, without response. */
  written(handle: number, value: Uint8Array): void;
  /** A CCC descriptor has another value than before; the client has its response by now. */
  subscribed(ccc: number, isOn: boolean): void;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The server's half of the Attribute Protocol on one connection: the subscriptions are the connection's own. What a client
 * of a mesh service needs is there, all else is answered with an error.
 */
export class AttServer implements AttReceiver, ReadableAttributes {
  readonly #connection: Connection;
  readonly #database: AttributeDatabase;
  readonly #listener: AttServerListener | undefined;
  readonly #subscriptions = new Map<number, number>();
  /** What the client is still to be told, and whether it has confirmed what it was told. */
  #changed: Range | undefined;
  #confirming: Timer | undefined;

  constructor(connection: Connection, database: AttributeDatabase, listener?: AttServerListener) {
    this.#connection = connection;
    this.#database = database;
    this.#listener = listener;
    const unsubscribe = database.onChanged((range) => this.#servicesChanged(range));
    connection.onEnded(() => {
      unsubscribe();
      this.#confirming?.cancel();
    });
  }

  get attributes(): readonly Attribute[] {
    return this.#database.attributes;
  }

  get mtu(): number {
    return this.#connection.mtu;
  }

  read({ handle, value, subscription }: Attribute): Uint8Array | undefined {
    if (subscription === undefined) return value;
    return Uint8Array.of(this.#subscriptions.get(handle) ?? 0, 0);
  }

  receive(pdu: Uint8Array): void {
    const opcode = pdu[0]!;
    if (opcode === ATT.WRITE_COMMAND) this.#writeCommand(pdu);
    else if (opcode === ATT.CONFIRMATION) this.#confirmed();
    else if (opcode === ATT.MTU_REQUEST) this.#exchangeMtu(pdu);
    else if (opcode === ATT.WRITE) this.#write(pdu);
    // Commands never get an answer, and an odd opcode is no request: a response of a kind that is not asked for here.
    else if ((opcode & ATT_COMMAND_FLAG) === 0 && (opcode & 1) === 0)
      this.#answer(answerRead(pdu, this) ?? errorResponse(opcode, 0, ATT_ERROR.REQUEST_NOT_SUPPORTED));
  }

  #answer(pdu: Uint8Array): void {
    this.#connection.answer('response', pdu);
  }

  #exchangeMtu(pdu: Uint8Array): void {
    if (pdu.length === 3) {
      this.#answer(attPdu(ATT.MTU_RESPONSE, [ATT_MTU]));
      this.#connection.mtu = Math.max(GATT_MTU_MIN, Math.min(ATT_MTU, word(pdu, 1)));
    } else this.#answer(errorResponse(ATT.MTU_REQUEST, 0, ATT_ERROR.INVALID_PDU));
  }

  #writeCommand(pdu: Uint8Array): void {
    if (pdu.length >= 3) this.#listener?.written(word(pdu, 1), pdu.subarray(3));
  }

  #write(pdu: Uint8Array): void {
    const handle = pdu.length < 3 ? 0 : word(pdu, 1);
    const attribute = this.#database.find(handle);
    const error = pdu.length < 3 ? ATT_ERROR.INVALID_PDU : whyNotWritten(attribute, pdu.subarray(3));
    if (error !== ATT_ERROR.NONE) {
      this.#answer(errorResponse(ATT.WRITE, handle, error));
      return;
    }
    const value = pdu[3]!;
    const before = this.#subscriptions.get(handle) ?? 0;
    this.#subscriptions.set(handle, value);
    this.#answer(Uint8Array.of(ATT.WRITE_RESPONSE));
    if (before !== value && this.#connection.isOpen) this.#listener?.subscribed(handle, value !== 0);
  }

  #servicesChanged(range: Range): void {
    const { start, end } = this.#changed ?? range;
    this.#changed = { start: Math.min(start, range.start), end: Math.max(end, range.end) };
    this.#indicate();
  }

  #indicate(): void {
    if (this.#changed === undefined || this.#confirming !== undefined || !this.#connection.isOpen) return;
    const { start, end } = this.#changed;
    this.#changed = undefined;
    if (this.#subscriptions.get(SERVICE_CHANGED.ccc) !== 2) return;
    const timeout = () => this.#connection.fail('timeout', 'it did not confirm an indication in time');
    this.#confirming = this.#connection.host.clock.after(TRANSACTION_MS, timeout);
    this.#connection.sendAtt(attPdu(ATT.INDICATION, [SERVICE_CHANGED.value, start, end]), () => {});
  }

  #confirmed(): void {
    this.#confirming?.cancel();
    this.#confirming = undefined;
    this.#indicate();
  }
}

/** The error of a Write Request: only subscriptions are written so. */
function whyNotWritten(attribute: Attribute | undefined, value: Uint8Array): number {
  if (attribute === undefined) return ATT_ERROR.INVALID_HANDLE;
  if (attribute.subscription === undefined) return ATT_ERROR.WRITE_NOT_PERMITTED;
  if (value.length !== 2) return ATT_ERROR.INVALID_VALUE_LENGTH;
  const isKnown = value[1] === 0 && (value[0] === 0 || value[0] === attribute.subscription);
  return isKnown ? ATT_ERROR.NONE : ATT_ERROR.VALUE_NOT_ALLOWED;
}
