import type { Transmit } from '@meshferry/bearer';
import type { Clock, Random } from '@meshferry/core';
import type { NetworkCounters } from './counters.ts';
import type { Interfaces } from './interfaces.ts';
import type { NetworkReceiver, ReceivedPdu } from './network-receiver.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { RELAY_DELAY_MS, relayTargets } from './relay.ts';

/** Relayed PDUs that may wait for the bearers; in a flood more would only come too late. */
const MAX_WAITING = 64;

export interface RelayerOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: NetworkCounters;
  readonly interfaces: Interfaces;
  /** Relay Retransmit, or false: the feature is off. */
  transmit(): Transmit | false;
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
    const { transmit, isOwn, clock, random, counters } = this.#options;
    const retransmit = transmit();
    if (retransmit === false || pdu.ttl < 2) return;
    const { adv } = relayTargets({
      from: 'ADV',
      credentials: pdu.credentials,
      ttl: pdu.ttl,
      forOwnUnicast: isOwn(pdu.dst),
      relay: true,
      proxy: false,
      friend: false,
    });
    if (adv === undefined) return;
    if (this.#waiting >= MAX_WAITING) {
      counters.relayDropped++;
      return;
    }
    this.#waiting++;
    clock.after(random.uniform() * RELAY_DELAY_MS, () => this.#retransmit(pdu, retransmit));
  }

  /** TTL one less, IV Index and SEQ as received [3.4.6.3]. */
  #retransmit(pdu: ReceivedPdu, transmit: Transmit): void {
    const { interfaces, counters } = this.#options;
    const { ctl, ttl, seq, src, dst, transportPdu, ivIndex } = pdu;
    const onward = { ctl, ttl: ttl - 1, seq, src, dst, transportPdu };
    counters.relayed++;
    interfaces.send(encodeNetworkPdu(onward, pdu.security, ivIndex), transmit, () => {
      this.#waiting--;
    });
  }
}
