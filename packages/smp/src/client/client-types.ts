/** How long a client asks. */
export interface SmpRequestOptions {
  /** Until it gives up, from when the request has left, ms. Default 40 000 [spec: smp section 5]. */
  readonly timeoutMs?: number;
  /**
   * Whether the request is sent again, with a new sequence number, while there is no answer: only for what may be done twice.
   * A number is the time to the first repetition, ms; it doubles with each. Default: reads, after 1.5 s where packets can be
   * lost and after 10 s elsewhere.
   */
  readonly repeat?: boolean | number;
  /** Aborted: the request ends with `cancelled`. What was sent may be done all the same. */
  readonly signal?: AbortSignal;
}

/** What is known of a device from earlier connections; a client of it reads and writes this. */
export interface SmpKnowledge {
  /** Version of the protocol to speak. */
  protocol?: 1 | 2;
  /** Whether it puts packets together that come in several writes (BLE). */
  reassembles?: boolean;
}

/** How an {@link SmpClient} works. */
export interface SmpClientOptions {
  /** Hand the same object to the next client of the same device. Default: nothing is known. */
  readonly knowledge?: SmpKnowledge;
  /** 0 to 255. Over UDP a random one keeps answers to an earlier client apart. Default 0. */
  readonly firstSequence?: number;
  /** Sees every packet. */
  readonly trace?: (event: SmpTraceEvent) => void;
}

/** A packet that a client sent, took as an answer, or dropped, see {@link SmpDropReason}. */
export type SmpTraceEvent =
  | { readonly kind: 'sent' | 'received'; readonly at: number; readonly packet: Uint8Array }
  | { readonly kind: 'dropped'; readonly at: number; readonly packet: Uint8Array; readonly reason: SmpDropReason };

/** Why a packet was dropped: an answer too late, one to nothing that was asked, or octets that are none. */
export type SmpDropReason = 'stale' | 'foreign' | 'malformed';
