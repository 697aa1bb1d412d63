import { GATT_MTU_MIN } from '@meshferry/bearer';
import { Emitter, type Unsubscribe } from '@meshferry/core';
import { OPCODE, STATUS } from '../codes.ts';
import type { HciHost } from '../host.ts';
import { ATT, ATT_MTU, word } from './att.ts';
import { AttClient } from './att-client.ts';
import { CID, L2CAP_HEADER, L2capReassembler, newFrame } from './l2cap.ts';
import { answerSecurity, answerSignalling, type ConnectionTiming } from './signalling.ts';

/** Why a connection ended. `reason`: for people. */
export interface Ending {
  readonly kind: 'peer' | 'local' | 'lost' | 'protocol' | 'timeout' | 'controller';
  /** Status code of the controller, where it gave one. */
  readonly status?: number;
  readonly reason: string;
}

/** The server's half of the Attribute Protocol on a connection. */
export interface AttReceiver {
  /** A request, command or confirmation; `pdu` has at least one octet. */
  receive(pdu: Uint8Array): void;
}

/** Longest payloads that are taken; a Pairing Public Key is the longest of the security channel. */
const LONGEST: ReadonlyMap<number, number> = new Map([
  [CID.ATT, ATT_MTU],
  [CID.SIGNALLING, 64],
  [CID.SECURITY, 65],
]);
const RESPONSES = new Set<number>([
  ATT.ERROR,
  ATT.MTU_RESPONSE,
  ATT.FIND_INFORMATION_RESPONSE,
  ATT.FIND_BY_TYPE_VALUE_RESPONSE,
  ATT.READ_BY_TYPE_RESPONSE,
  ATT.READ_RESPONSE,
  ATT.READ_BLOB_RESPONSE,
  ATT.READ_BY_GROUP_TYPE_RESPONSE,
  ATT.WRITE_RESPONSE,
]);
/** The longest supervision timeout there is, ms, and some more: later than that no controller keeps a connection. */
const GONE_MS = 35_000;

/**
 * One LE connection, of either role: its fixed L2CAP channels, both halves of ATT, and its end. Whatever the other end
 * sends, nothing is kept of it beyond one frame, one answer of a kind at a time.
 */
export class Connection {
  readonly handle: number;
  readonly role: 'central' | 'peripheral';
  /** The other end's address, as printed. */
  readonly peer: string;
  /** ATT_MTU in use. */
  mtu: number = GATT_MTU_MIN;
  readonly client: AttClient;
  /** Who answers requests. */
  server: AttReceiver | undefined;
  /** Who takes notified and indicated values. */
  values: ((handle: number, value: Uint8Array) => void) | undefined;
  readonly host: HciHost;
  readonly #reassembler: L2capReassembler;
  readonly #ended = new Emitter<Ending>();
  /** Channels and kinds whose last answer is still on its way to the controller. */
  readonly #answering = new Set<string>();
  #state: 'open' | 'ending' | 'ended' = 'open';
  #cause: Ending | undefined;

  constructor(host: HciHost, handle: number, role: 'central' | 'peripheral', peer: string) {
    this.host = host;
    this.handle = handle;
    this.role = role;
    this.peer = peer;
    this.client = new AttClient(
      host.clock,
      (pdu) => this.sendAtt(pdu, () => {}),
      () => this.fail('timeout', 'it did not answer a request in time'),
    );
    this.#reassembler = new L2capReassembler(LONGEST, {
      frame: (cid, payload) => this.#frame(cid, payload),
      broken: (reason) => this.fail('protocol', reason),
    });
    host.acl.open(handle, (first, data) => {
      if (this.#state === 'open') this.#reassembler.receive(first, data);
    });
  }

  /** Whether values still go over it. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** `ended` is called once, when the connection has ended. */
  onEnded(ended: (ending: Ending) => void): Unsubscribe {
    return this.#ended.subscribe(ended);
  }

  /** Sends an ATT PDU; `handedOver` as of `AclData.send`. */
  sendAtt(pdu: Uint8Array, handedOver: (sent: boolean) => void): void {
    this.#send(CID.ATT, pdu, handedOver);
  }

  /** Sends a value: an opcode, a handle and the value, at most ATT_MTU octets in all. */
  sendValue(opcode: number, handle: number, value: Uint8Array, handedOver: (sent: boolean) => void): void {
    const frame = newFrame(CID.ATT, 3 + value.length);
    frame[L2CAP_HEADER] = opcode;
    frame[L2CAP_HEADER + 1] = handle & 0xff;
    frame[L2CAP_HEADER + 2] = handle >> 8;
    frame.set(value, L2CAP_HEADER + 3);
    this.host.acl.send(this.handle, frame, handedOver);
  }

  /** Answers a request or an indication. An end that asks on before it has its answer breaks the rules: the connection ends. */
  answer(kind: 'response' | 'confirmation', pdu: Uint8Array): void {
    if (!this.#answerOnce(kind, CID.ATT, pdu)) this.fail('protocol', `it did not wait for its ${kind}`);
  }

  /** Ends it from here. */
  disconnect(): void {
    this.#disconnect({ kind: 'local', reason: 'this end has disconnected' });
  }

  /** Ends it because of the other end. */
  fail(kind: 'protocol' | 'timeout', reason: string): void {
    if (this.#state !== 'open') return;
    this.host.log('warn', `a GATT connection is ended: ${reason}`, { peer: this.peer, kind });
    this.#disconnect({ kind, reason });
  }

  /** It has ended: for who hears so from the controller. */
  end(ending: Ending): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.client.end();
    this.#ended.emit(this.#cause ?? ending);
  }

  #disconnect(cause: Ending): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#cause = cause;
    const { host, handle } = this;
    const over = () => {
      if (this.#state === 'ended') return;
      host.acl.close(handle);
      this.end(cause);
    };
    const timer = host.clock.after(GONE_MS, over);
    this.onEnded(() => timer.cancel());
    const parameters = Uint8Array.of(handle & 0xff, handle >> 8, STATUS.REMOTE_USER_TERMINATED);
    host.command(OPCODE.DISCONNECT, parameters, (status) => {
      if (status === STATUS.UNKNOWN_CONNECTION) over();
    });
  }

  #frame(cid: number, payload: Uint8Array): void {
    if (cid === CID.ATT) this.#att(payload);
    else if (cid === CID.SIGNALLING) this.#signalling(payload);
    else {
      const response = answerSecurity(payload);
      if (response !== undefined) this.#answerOnce('security', CID.SECURITY, response);
    }
  }

  #att(pdu: Uint8Array): void {
    const opcode = pdu[0];
    if (opcode === undefined) return;
    if (opcode === ATT.NOTIFICATION || opcode === ATT.INDICATION) {
      if (pdu.length >= 3) this.values?.(word(pdu, 1), pdu.subarray(3));
      else this.fail('protocol', 'it sent a value without a handle');
      if (opcode === ATT.INDICATION && this.isOpen) this.answer('confirmation', Uint8Array.of(ATT.CONFIRMATION));
    } else if (RESPONSES.has(opcode)) this.client.receive(pdu);
    else this.server?.receive(pdu);
  }

  #signalling(payload: Uint8Array): void {
    const answer = answerSignalling(payload, this.role === 'central');
    if (answer === undefined || !this.#answerOnce('signalling', CID.SIGNALLING, answer.response)) return;
    if (answer.update !== undefined) this.#update(answer.update);
  }

  #update({ intervalMin, intervalMax, latency, timeout }: ConnectionTiming): void {
    const words = Uint16Array.of(this.handle, intervalMin, intervalMax, latency, timeout, 0, 0);
    const parameters = new Uint8Array(14);
    words.forEach((value, i) => {
      parameters[2 * i] = value & 0xff;
      parameters[2 * i + 1] = value >> 8;
    });
    this.host.command(OPCODE.LE_CONNECTION_UPDATE, parameters, () => {});
  }

  /** False when the last answer of this kind has not left yet. */
  #answerOnce(kind: string, cid: number, payload: Uint8Array): boolean {
    if (this.#answering.has(kind)) return false;
    this.#answering.add(kind);
    this.#send(cid, payload, () => this.#answering.delete(kind));
    return true;
  }

  #send(cid: number, payload: Uint8Array, handedOver: (sent: boolean) => void): void {
    if (this.#state !== 'open') {
      handedOver(false);
      return;
    }
    const frame = newFrame(cid, payload.length);
    frame.set(payload, L2CAP_HEADER);
    this.host.acl.send(this.handle, frame, handedOver);
  }
}
