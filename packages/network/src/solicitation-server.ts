import { type AdStructure, decodeServiceData } from '@meshferry/bearer';
import { type Clock, Deadline, type Log, type NetIndex, toMeshError } from '@meshferry/core';
import type { Keys } from './keys.ts';
import type { SolicitationReplayList } from './solicitation-list.ts';
import { decodeSolicitationPdu, SOLICITATION_PDU_OCTETS, solicitationPduOf } from './solicitation-pdu.ts';

export interface SolicitationServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly keys: Keys;
  readonly replay: SolicitationReplayList;
  /** On-Demand Private GATT Proxy in seconds; 0 while solicitations are not listened to. */
  seconds(): number;
  /** The subnets have changed. */
  changed(): void;
}

/** Makes a node a private proxy for a time when a client asks for one [Mesh Protocol 1.1, 6.9]. */
export class SolicitationServer {
  readonly #options: SolicitationServerOptions;
  readonly #running = new Map<NetIndex, Deadline>();
  /** Subnets that were solicited before a client connected: once more when it disconnects. */
  readonly #served = new Set<NetIndex>();

  constructor(options: SolicitationServerOptions) {
    this.#options = options;
  }

  /** Whether the node is to show itself on this subnet. */
  isSolicited(netIndex: NetIndex): boolean {
    return this.#running.has(netIndex);
  }

  /** Takes an AD structure; anything but a valid new Solicitation PDU is ignored. */
  receive(ad: AdStructure): void {
    const serviceData = decodeServiceData(ad);
    const pdu = serviceData === undefined ? undefined : solicitationPduOf(serviceData);
    if (pdu === undefined || pdu.length !== SOLICITATION_PDU_OCTETS || this.#options.seconds() === 0) return;
    for (const security of this.#options.keys.withNid(pdu[0]! & 0x7f)) {
      if (security.credentials !== 'flooding') continue;
      const decoded = decodeSolicitationPdu(pdu, security);
      if (!decoded.ok) continue;
      if (this.#isNew(decoded.value)) this.#start(security.netIndex);
      return;
    }
  }

  clientConnected(): void {
    if (this.#running.size === 0) return;
    for (const netIndex of this.#running.keys()) this.#served.add(netIndex);
    this.#stopAll();
    this.#options.changed();
  }

  clientDisconnected(): void {
    const subnets = [...this.#served];
    this.#served.clear();
    if (this.#options.seconds() === 0) return;
    for (const netIndex of subnets) this.#start(netIndex);
  }

  /** To be called when the states have changed: what is not listened to any more ends. */
  update(): void {
    if (this.#options.seconds() > 0) return;
    this.#served.clear();
    this.#stopAll();
  }

  netKeyRemoved(netIndex: NetIndex): void {
    this.#served.delete(netIndex);
    this.#running.get(netIndex)?.clear();
    this.#running.delete(netIndex);
  }

  close(): void {
    this.#stopAll();
  }

  #isNew(solicitation: { readonly ssrc: number; readonly sseq: number }): boolean {
    try {
      return this.#options.replay.accept(solicitation);
    } catch (thrown) {
      const { code } = toMeshError(thrown);
      this.#options.log('error', 'a solicitation could not be written to its replay list: it is ignored', { code });
      return false;
    }
  }

  #start(netIndex: NetIndex): void {
    const { clock, changed, seconds } = this.#options;
    const running = this.#running.get(netIndex);
    const deadline = running ?? new Deadline(clock, () => this.#ended(netIndex));
    deadline.set(1000 * seconds());
    if (running !== undefined) return;
    this.#running.set(netIndex, deadline);
    changed();
  }

  #ended(netIndex: NetIndex): void {
    this.#running.delete(netIndex);
    this.#options.changed();
  }

  #stopAll(): void {
    for (const deadline of this.#running.values()) deadline.clear();
    this.#running.clear();
  }
}
