import type { Transmit } from '@meshferry/bearer';
import type { Clock, Random } from '@meshferry/core';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import type { Interfaces } from './interfaces.ts';
import type { NetworkReceiver, ReceivedPdu } from './network-receiver.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { RELAY_DELAY_MS, relayTargets } from './relay.ts';
import type { SendingQueue } from './sending-queue.ts';

/** Relayed PDUs that may wait for the bearers; in a flood more would only come too late. */
const MAX_WAITING = 64;

export interface RelayerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: NetworkCounters;
  readonly interfaces: Interfaces;
  readonly sending: SendingQueue;
  readonly features: Features;
  /** Relay Retransmit, or false: the feature is off. */
  relay(): Transmit | false;
  /** Network Transmit. */
  transmit(): Transmit;
  isOwn(dst: number): boolean;
}

/** Sends on what others should hear too [Mesh Protocol 1.1, 3.4.6.3]. */
export class Relayer {
  readonly #options: RelayerOptions;
  #waiting = 0;

  constructor(options: RelayerOptions) {
    this.#options = options;
  }

  /** Retransmits a PDU that the {@link NetworkReceiver} accepted, if the rules say so. */
  consider(pdu: ReceivedPdu): void {
    if (pdu.ttl < 2) return;
    const { features, relay, transmit, isOwn, clock, random, interfaces } = this.#options;
    const retransmit = relay();
    const { adv, gatt } = relayTargets({
      from: pdu.from === undefined ? 'ADV' : 'GATT',
      credentials: pdu.credentials,
      ttl: pdu.ttl,
      forOwnUnicast: isOwn(pdu.dst),
      relay: retransmit !== false,
      proxy: features.inUse('proxy'),
      friend: features.inUse('friend'),
    });
    if (gatt !== undefined && interfaces.hasGatt) interfaces.sendOverGatt(onward(pdu), pdu.dst, pdu.from);
    if (adv === undefined || !this.#hasRoom()) return;
    this.#waiting++;
    // What comes from a client or a Low Power node is as good as an own message: others do not send it as well.
    if (adv === 'originated' || retransmit === false) this.#retransmit(pdu, transmit());
    else clock.after(random.uniform() * RELAY_DELAY_MS, () => this.#retransmit(pdu, retransmit));
  }

  #hasRoom(): boolean {
    if (this.#waiting < MAX_WAITING) return true;
    this.#options.counters.relayDropped++;
    return false;
  }

  #retransmit(pdu: ReceivedPdu, transmit: Transmit): void {
    const { sending, counters } = this.#options;
    counters.relayed++;
    sending.pass(onward(pdu), transmit, () => {
      this.#waiting--;
    });
  }
}

/** TTL one less, IV Index and SEQ as received, under flooding credentials of the same value of the NetKey [3.4.6.3]. */
function onward({ ctl, ttl, seq, src, dst, transportPdu, ivIndex, security }: ReceivedPdu): Uint8Array {
  const { flooding } = security.netKey;
  return encodeNetworkPdu({ ctl, ttl: ttl - 1, seq, src, dst, transportPdu }, flooding, ivIndex);
}
