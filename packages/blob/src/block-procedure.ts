import type { Sending } from './cost-model.ts';
import type { Receiver } from './receiver.ts';

/**
 * One block on its way: announced, sent and sent again until every receiver has it or is lost [MBT 6.2.4]. The next block
 * may only be announced then: chunks carry no block number.
 */
export interface BlockProcedure {
  /** How its chunks go out first. */
  readonly sending: Sending;
  begin(): void;
  /** Sends nothing more. */
  stop(): void;
  /** A Transfer Status of the receiver was taken, in a round of the block: whether it takes part in it, asked in the same round. */
  admits?(receiver: Receiver): boolean;
  /** A Transfer Status of the receiver was taken, later than of others: it can be told of the block now. */
  started?(receiver: Receiver): void;
  /** A Block Status of the receiver was taken: what it misses is known. */
  answered?(receiver: Receiver): void;
  /** A Partial Block Report of the receiver. */
  reported?(receiver: Receiver, chunks: readonly number[]): void;
}
