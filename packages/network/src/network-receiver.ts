import { isUnicast, type Unicast } from '@meshferry/core';
import { isDestination } from './addresses.ts';
import type { NetworkCounters } from './counters.ts';
import { DuplicateFilter } from './duplicate-filter.ts';
import type { GattInterface } from './interfaces.ts';
import type { IvIndexState } from './iv-index.ts';
import type { SubnetSecurity } from './key-material.ts';
import type { Keys } from './keys.ts';
import { MessageCache } from './message-cache.ts';
import { decrypt, deobfuscate, hasNetworkPduLength, type NetworkHeader } from './pdu.ts';
import type { SegmentOrigin } from './segment.ts';

/** A Network PDU that authenticated: clear, for the first time, with valid addresses. */
export interface ReceivedPdu extends SegmentOrigin {
  readonly ctl: boolean;
  readonly transportPdu: Uint8Array;
  /** The GATT interface that it came over; undefined: an advertising one. */
  readonly from: GattInterface | undefined;
}

export interface NetworkReceiverOptions {
  readonly keys: Keys;
  readonly iv: IvIndexState;
  readonly counters: NetworkCounters;
  /** Primary element and number of elements: own PDUs heard again are dropped. */
  readonly address: Unicast;
  readonly elements: number;
  readonly cacheEntries: number;
  readonly filterEntries: number;
  accepted(pdu: ReceivedPdu): void;
}

/**
 * Reception of Network PDUs [Mesh Protocol 1.1, 3.4.6.3], the cheap rejections first: length, exact copies, key look-up,
 * header, message cache, and only then decryption.
 */
export class NetworkReceiver {
  /**
   * A Low Power node with a Friend reads nothing but what friendship credentials secure. What the Friend delivers may have
   * been heard before: it counts all the same, as the answer to a Poll.
   */
  onlyFriendship = false;
  readonly #options: NetworkReceiverOptions;
  readonly #keys: Keys;
  readonly #iv: IvIndexState;
  readonly #counters: NetworkCounters;
  readonly #copies: DuplicateFilter;
  readonly #cache: MessageCache;
  /** Reused for every candidate; what is accepted is copied out of it. */
  readonly #header: NetworkHeader = { ctl: false, ttl: 0, seq: 0, src: 0 };

  constructor(options: NetworkReceiverOptions) {
    this.#options = options;
    this.#keys = options.keys;
    this.#iv = options.iv;
    this.#counters = options.counters;
    this.#copies = new DuplicateFilter(options.filterEntries);
    this.#cache = new MessageCache(options.cacheEntries);
  }

  /** To be called when keys or the IV Index change: what could not be read before may be now. */
  forgetCopies(): void {
    this.#copies.clear();
  }

  /** `from`: the GATT interface that it came over; undefined: an advertising one. */
  receive(octets: Uint8Array, rssi: number | undefined, from?: GattInterface): void {
    const counters = this.#counters;
    if (!hasNetworkPduLength(octets)) {
      counters.malformed++;
      return;
    }
    if (from === undefined && this.#copies.seen(octets)) {
      counters.duplicates++;
      return;
    }
    const ivIndex = this.#iv.select(octets[0]! >> 7);
    const candidates = this.#keys.withNid(octets[0]! & 0x7f);
    let heardBefore = false;
    for (let i = 0; ivIndex >= 0 && i < candidates.length; i++) {
      const security = candidates[i]!;
      const outcome = this.#try(octets, security, ivIndex, rssi, from);
      if (outcome === 'accepted') return;
      if (outcome === 'heard-before') heardBefore = true;
    }
    if (heardBefore) counters.duplicates++;
    else counters.undecryptable++;
  }

  /** One candidate. Until it authenticates it proves nothing, so the others are tried whatever its header says. */
  #try(
    octets: Uint8Array,
    security: SubnetSecurity,
    ivIndex: number,
    rssi: number | undefined,
    from: GattInterface | undefined,
  ): 'accepted' | 'heard-before' | 'other' {
    if (from !== undefined && security.credentials === 'friendship') return 'other'; // the input filter [3.4.5]
    const { address, elements, counters } = this.#options;
    const header = this.#header;
    if (this.onlyFriendship && security.credentials !== 'friendship') return 'other';
    deobfuscate(octets, security, ivIndex, header);
    const { src, seq } = header;
    if (!isUnicast(src)) return 'other';
    const isOwn = src >= address && src < address + elements; // relays send it back
    if (isOwn) return 'heard-before';
    if (!this.onlyFriendship && this.#cache.has(src, seq, ivIndex)) {
      // It came by another way before; yet the connection has to learn who is behind it.
      if (from !== undefined && decrypt(octets, security, ivIndex, header) !== null) from.heard(src);
      return 'heard-before';
    }
    const plain = decrypt(octets, security, ivIndex, header);
    if (plain === null) return 'other';
    const dst = (plain[0]! << 8) | plain[1]!;
    if (plain.length < 3 || !isDestination(dst, header.ctl)) {
      counters.malformed++;
      return 'accepted';
    }
    const transportPdu = plain.slice(2);
    this.#cache.add(src, seq, ivIndex);
    counters.received++;
    from?.heard(src);
    this.#options.accepted({
      ctl: header.ctl,
      ttl: header.ttl,
      seq,
      src,
      dst,
      ivIndex,
      netIndex: security.netIndex,
      credentials: security.credentials,
      rssi,
      transportPdu,
      security,
      from,
    });
    return 'accepted';
  }
}
