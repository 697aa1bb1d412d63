import type { Transmit } from '@meshferry/bearer';
import { type Clock, Deadline, type Random } from '@meshferry/core';
import type { NetworkCounters } from './counters.ts';
import { Feature, type Features } from './features.ts';
import type { Interfaces } from './interfaces.ts';
import type { NetworkReceiver, ReceivedPdu } from './network-receiver.ts';
import { encodeNetworkPdu } from './pdu.ts';
import { RELAY_DELAY_MS, relayTargets } from './relay.ts';
import { RelayQueue } from './relay-queue.ts';
import type { SendingQueue } from './sending-queue.ts';

/**
 * PDUs that may wait for the bearers, half a second's worth: in a flood more would come too late, when their senders have
 * repeated them already, and the repetitions would fill the queue for good.
 */
const MAX_WAITING = 8;
/** The same of a client or a Low Power node, which nobody repeats. */
const MAX_ORIGINATED = 64;
/** PDUs that the bearers hold at a time where advertising sets are free between copies. */
const SINGLE_EVENT_WINDOW = 8;

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

/** Features in use without any of which nothing is sent on. */
const SENDING_ON = Feature.relay | Feature.proxy | Feature.friend;

/** Sends on what others should hear too [Mesh Protocol 1.1, 3.4.6.3]. */
export class Relayer {
  readonly #options: RelayerOptions;
  readonly #queue = new RelayQueue(MAX_WAITING);
  /** PDUs that the bearers hold. */
  #held = 0;
  #originated = 0;
  readonly #wake: Deadline;

  constructor(options: RelayerOptions) {
    this.#options = options;
    this.#wake = new Deadline(options.clock, () => this.#pump());
  }

  /** Sends on nothing more. */
  close(): void {
    this.#queue.clear();
    this.#wake.clear();
  }

  /** Retransmits a PDU that the {@link NetworkReceiver} accepted, if the rules say so. */
  consider(pdu: ReceivedPdu): void {
    const { features, relay, isOwn, interfaces } = this.#options;
    if (pdu.ttl < 2 || (features.bits & SENDING_ON) === 0) return;
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
    if (adv === undefined) return;
    // What comes from a client or a Low Power node is as good as an own message: others do not send it as well.
    if (adv === 'originated' || retransmit === false) this.#sendAtOnce(pdu);
    else this.#enqueue(pdu, retransmit);
  }

  #sendAtOnce(pdu: ReceivedPdu): void {
    const { sending, counters, transmit } = this.#options;
    if (this.#originated >= MAX_ORIGINATED) {
      counters.relayDropped++;
      return;
    }
    this.#originated++;
    counters.relayed++;
    sending.pass(onward(pdu), transmit(), () => {
      this.#originated--;
    });
  }

  #enqueue(pdu: ReceivedPdu, transmit: Transmit): void {
    const { clock, random, counters } = this.#options;
    const due = clock.now + random.uniform() * RELAY_DELAY_MS;
    if (!this.#queue.add({ src: pdu.src, octets: onward(pdu), transmit, due })) counters.relayDropped++;
    this.#pump();
  }

  /** Hands over what is due, no more than the bearers can put on air: own messages need not wait behind the rest. */
  #pump(): void {
    const { clock, interfaces, sending, counters } = this.#options;
    const window = interfaces.intervalMs === 0 ? SINGLE_EVENT_WINDOW : interfaces.sets;
    while (this.#held < window) {
      const next = this.#queue.take(clock.now);
      if (next === undefined) break;
      this.#held++;
      counters.relayed++;
      sending.pass(next.octets, next.transmit, () => {
        this.#held--;
        this.#pump();
      });
    }
    const { nextDue } = this.#queue;
    if (nextDue !== undefined && nextDue > clock.now) this.#wake.set(nextDue - clock.now);
  }
}

/** TTL one less, IV Index and SEQ as received, under flooding credentials of the same value of the NetKey [3.4.6.3]. */
function onward({ ctl, ttl, seq, src, dst, transportPdu, ivIndex, security }: ReceivedPdu): Uint8Array {
  const { flooding } = security.netKey;
  return encodeNetworkPdu({ ctl, ttl: ttl - 1, seq, src, dst, transportPdu }, flooding, ivIndex);
}
