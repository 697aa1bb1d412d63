import type { Clock } from '@meshferry/core';
import { Deadline } from '@meshferry/core';

// Proxy PDU [Mesh Protocol 1.1, 6.3]: SAR (2 bits) MessageType (6 bits) ‖ Data. One fits into an attribute value.

/** MessageType of a Proxy PDU; the others are reserved. */
export const ProxyMessageType = { networkPdu: 0, meshBeacon: 1, configuration: 2, provisioning: 3 } as const;
export type ProxyMessageType = (typeof ProxyMessageType)[keyof typeof ProxyMessageType];

/** Most octets of the messages of each type that a service carries; what has no type here is ignored. */
export type ProxyMessageLimits = Readonly<Partial<Record<number, number>>>;
/** What the Mesh Proxy Service carries. */
export const PROXY_SERVICE_LIMITS: ProxyMessageLimits = { 0: 29, 1: 27, 2: 29 };
/** What the Mesh Provisioning Service carries, without provisioning records. */
export const PROVISIONING_SERVICE_LIMITS: ProxyMessageLimits = { 3: 65 };

/** A message must be whole this long after its first segment, ms [6.3.2.2]. */
export const PROXY_SAR_TIMEOUT_MS = 20_000;

const Sar = { complete: 0, first: 1, continuation: 2, last: 3 } as const;

/** The Proxy PDUs of a message, none longer than `maxOctets` (ATT_MTU − 3, 2 or more). */
export function segmentProxyMessage(type: ProxyMessageType, message: Uint8Array, maxOctets: number): Uint8Array[] {
  const most = maxOctets - 1;
  if (message.length <= most) return [proxyPdu(Sar.complete, type, message)];
  const pdus: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += most) {
    const sar = at === 0 ? Sar.first : at + most >= message.length ? Sar.last : Sar.continuation;
    pdus.push(proxyPdu(sar, type, message.subarray(at, at + most)));
  }
  return pdus;
}

/** What a {@link ProxyReassembler} tells. */
export interface ProxyReassemblerListener {
  message(type: ProxyMessageType, message: Uint8Array): void;
  /** The other end broke the rules: the link is to be disconnected. Nothing more is told then. */
  violated(reason: string): void;
}

/** Puts the Proxy PDUs of one direction of one connection together again [6.3.2.2]. */
export class ProxyReassembler {
  readonly #limits: ProxyMessageLimits;
  readonly #listener: ProxyReassemblerListener;
  readonly #timeout: Deadline;
  /** The message begun: its type, and as much of `#buffer` as is filled. */
  #type: ProxyMessageType | undefined;
  #length = 0;
  readonly #buffer: Uint8Array;
  #closed = false;

  constructor(clock: Clock, limits: ProxyMessageLimits, listener: ProxyReassemblerListener) {
    this.#limits = limits;
    this.#listener = listener;
    this.#timeout = new Deadline(clock, () => this.#violate(`not whole after ${PROXY_SAR_TIMEOUT_MS / 1000} s`));
    this.#buffer = new Uint8Array(Math.max(...Object.values(limits).map((limit) => limit ?? 0)));
  }

  receive(pdu: Uint8Array): void {
    const [head] = pdu;
    if (this.#closed || head === undefined) return;
    const type = (head & 0x3f) as ProxyMessageType;
    const limit = this.#limits[type];
    if (limit === undefined) return; // reserved, or of the other service
    const data = pdu.subarray(1);
    const sar = head >> 6;
    const begins = sar === Sar.complete || sar === Sar.first;
    if (begins !== (this.#type === undefined)) this.#violate(begins ? 'the last is missing' : 'no first');
    else if (!begins && type !== this.#type) this.#violate('another type within a message');
    else if (this.#length + data.length > limit) this.#violate(`longer than ${limit} octets`);
    else if (sar === Sar.complete) this.#listener.message(type, data);
    else this.#append(type, data, sar);
  }

  close(): void {
    this.#closed = true;
    this.#timeout.clear();
  }

  #append(type: ProxyMessageType, data: Uint8Array, sar: number): void {
    this.#type = type;
    this.#buffer.set(data, this.#length);
    this.#length += data.length;
    if (sar === Sar.first) this.#timeout.set(PROXY_SAR_TIMEOUT_MS);
    else if (sar === Sar.last) this.#complete(type);
  }

  #complete(type: ProxyMessageType): void {
    const message = this.#buffer.slice(0, this.#length);
    this.#type = undefined;
    this.#length = 0;
    this.#timeout.clear();
    this.#listener.message(type, message);
  }

  #violate(reason: string): void {
    this.close();
    this.#listener.violated(reason);
  }
}

function proxyPdu(sar: number, type: ProxyMessageType, data: Uint8Array): Uint8Array {
  const pdu = new Uint8Array(1 + data.length);
  pdu[0] = (sar << 6) | type;
  pdu.set(data, 1);
  return pdu;
}
