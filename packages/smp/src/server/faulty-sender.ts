import { type Clock, concat, type MeshError } from '@meshferry/core';
import type { SmpTransport } from '../transport.ts';
import type { SmpServerFaults } from './server-faults.ts';

const SEQUENCE_AT = 6;
const EXTRA = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x00);

/** Sends the answers of one link, and does to them what the faults say. */
export class FaultySender {
  readonly #transport: SmpTransport;
  readonly #clock: Clock;
  readonly #faults: SmpServerFaults;
  #count = 0;
  #previous: Uint8Array | undefined;
  #open = true;

  constructor(transport: SmpTransport, clock: Clock, faults: SmpServerFaults) {
    this.#transport = transport;
    this.#clock = clock;
    this.#faults = faults;
  }

  /** Octets of a buffer that its packets cannot use. */
  get overhead(): number {
    return this.#transport.bufferOverhead;
  }

  /** `done` is called once, when the next may be sent, or when there is nobody any more to send to. */
  send(packet: Uint8Array, done: () => void): void {
    const n = ++this.#count;
    const faults = this.#faults;
    const delay = faults.delayResponse?.(n) ?? 0;
    if (delay > 0) this.#clock.after(delay, () => this.#go(packet, n, done));
    else this.#go(packet, n, done);
  }

  /** Ends the link. */
  close(): void {
    this.#open = false;
    this.#transport.close();
  }

  /** The link has ended. */
  ended(): void {
    this.#open = false;
  }

  #go(packet: Uint8Array, n: number, done: () => void): void {
    const packets = this.#changed(packet, n);
    this.#previous = packet;
    this.#each(packets, 0, done);
  }

  #changed(packet: Uint8Array, n: number): Uint8Array[] {
    const faults = this.#faults;
    const packets: Uint8Array[] = [];
    if (this.#previous !== undefined && faults.staleResponse?.(n) === true) packets.push(this.#previous);
    if (faults.dropResponse?.(n) === true) return packets;
    let sent = packet;
    if (faults.wrongSequence?.(n) === true) sent = withSequence(sent, (sent[SEQUENCE_AT]! + 128) & 0xff);
    if (faults.malformedResponse?.(n) === true) sent = shortened(sent);
    if (faults.extraOctets?.(n) === true) sent = concat(sent, EXTRA);
    packets.push(sent);
    if (faults.repeatResponse?.(n) === true) packets.push(sent);
    return packets;
  }

  #each(packets: readonly Uint8Array[], at: number, done: () => void): void {
    const packet = packets[at];
    if (packet === undefined || !this.#open) {
      this.#clock.after(0, done);
      return;
    }
    this.#transport.send(packet, (_error?: MeshError) => {
      if (at + 1 < packets.length) this.#each(packets, at + 1, done);
      else done();
    });
  }
}

function withSequence(packet: Uint8Array, sequence: number): Uint8Array {
  const changed = packet.slice();
  changed[SEQUENCE_AT] = sequence;
  return changed;
}

/** The same packet without its last octet, the end of the map. */
function shortened(packet: Uint8Array): Uint8Array {
  const changed = packet.slice(0, -1);
  const length = changed.length - 8;
  changed[2] = length >>> 8;
  changed[3] = length & 0xff;
  return changed;
}
