import type { SendOptions } from '@meshferry/access';
import type { Lack, Sending } from './cost-model.ts';
import type { Receiver } from './receiver.ts';

/** The chunk sizes that all receivers that take part accept, octets. */
export interface Bounds {
  readonly minChunkSize: number;
  readonly maxChunkSize: number;
}

/** How a message is put on air: see the same members of a message's send options. */
export type OnAir = Pick<SendOptions, 'sar' | 'transmit' | 'priority'>;

/**
 * How a client spends air time: sizes, copies, patience. The procedure itself (who is asked what, when somebody is
 * lost) does not depend on it. Times in ms.
 */
export interface Strategy {
  /** One of `logs`, all of which the receivers take. */
  blockSizeLog(
    size: number,
    logs: readonly { log: number; bounds: Bounds }[],
    receivers: readonly Receiver[],
    hasGroup: boolean,
  ): number;
  /**
   * How a block of 2^`log` octets is sent first: to the group if there is one and it is cheaper, else one by one.
   * `avoid`: chunk sizes that must not be used.
   */
  sending(
    log: number,
    bounds: Bounds,
    receivers: readonly Receiver[],
    hasGroup: boolean,
    avoid: (size: number) => boolean,
  ): Sending;
  /** What a block of `size` octets that is sent so is expected to take until none of the receivers misses anything. */
  blockMs(size: number, sending: Sending, receivers: readonly Receiver[], isPull: boolean): number;
  /** What it is expected to take until all of them have told their capabilities and have started the transfer. */
  openingMs(receivers: readonly Receiver[]): number;
  /** What it is expected to take until all of them have answered one request. */
  roundMs(receivers: readonly Receiver[]): number;
  /**
   * How chunks of a block that was sent as `sending` says go out again to those who miss some: to each by itself, or to the
   * group.
   */
  repairing(lack: Lack, sending: Sending, receivers: readonly Receiver[]): Sending;
  /** Whether these of `all` receivers are asked by one message to the group; `longAnswers`: how many are to be expected. */
  asksGroup(asked: readonly Receiver[], all: number, longAnswers: number): boolean;
  /** Whether those who stay silent are asked by the group again and again. */
  readonly asksGroupOnly: boolean;
  /** How long to wait for their answers after a request to the group had left, ms. */
  groupWaitMs(asked: readonly Receiver[]): number;
  /**
   * How long to wait for the answer after the `asks`-th request of its kind to one receiver had left, ms; `long`: one of
   * several PDUs is expected; `relays`: that it comes over.
   */
  unicastWaitMs(asks: number, long: boolean, relays?: number): number;
  /** How long those who have answered wait after the latest answer for the others, before chunks are sent to them. */
  patienceMs(): number;
  /** Pull mode: whether each receiver gets its chunks by itself although there is a group. */
  pullsByUnicast(receivers: readonly Receiver[]): boolean;
  /** Pull mode: how long after its last chunk a receiver's report may be due before it is asked. */
  reportPatienceMs(receiver: Receiver): number;
  /** A chunk to the group, each PDU in so many events; `relayed`: relays pass it on to some, and set the pace. */
  groupChunk(copies: number, relayed: boolean): OnAir;
  /** How long to wait, when a chunk to the group has left in so many copies, until relays can take the next one, ms. */
  relayPauseMs(copies: number): number;
  unicastChunk(receiver: Receiver): OnAir;
  /** The next request to one receiver, or one to the group. */
  request(receiver: Receiver, toGroup: boolean): OnAir;
}

/** Block Report Time-out of a client: twice the longest Block Report Timer of a server, and something [MBT 6.2]. */
export const BLOCK_REPORT_MS = 67_000;

/** The largest chunk in bounds that is not to be avoided, or the smallest when all are. */
export function largestChunk({ minChunkSize, maxChunkSize }: Bounds, avoid: (size: number) => boolean): number {
  let size = maxChunkSize;
  while (size > minChunkSize && avoid(size)) size--;
  return size;
}
