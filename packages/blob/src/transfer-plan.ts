import type { Address, Unicast } from '@meshferry/core';
import { blockCount, blockShape, segmentsOfBlock } from './arithmetic.ts';
import { AutoStrategy } from './auto-strategy.ts';
import type { BlobCapabilities } from './capabilities.ts';
import { Estimates } from './estimates.ts';
import type { TransferMode } from './messages.ts';
import type { RadioOutlook } from './outlook.ts';
import { Receiver } from './receiver.ts';
import { boundsOf, chooseMode, chooseSettings } from './settings.ts';
import { StockStrategy } from './stock-strategy.ts';
import type { Strategy } from './strategy.ts';

/** A transfer that is thought through before it begins: the members are those of its parameters. */
export interface TransferQuestion {
  /** Octets of the BLOB. */
  readonly size: number;
  readonly receivers: readonly {
    readonly address: Unicast;
    readonly capabilities: BlobCapabilities;
    readonly lowPower?: boolean;
  }[];
  readonly group?: Address | undefined;
  readonly mode?: TransferMode | undefined;
  readonly settings?: 'auto' | 'stock' | undefined;
  /** Client Timeout Base; it sets the pace of `stock`. */
  readonly timeoutBase: number;
  readonly outlook?: RadioOutlook | undefined;
}

/** How a transfer will begin, and what it is expected to take. */
export interface TransferPlan {
  readonly mode: TransferMode;
  readonly blockSizeLog: number;
  readonly chunkSize: number;
  /** Advertising events of each PDU of a chunk. */
  readonly copies: number;
  /** To each receiver by itself, also when there is a group. */
  readonly byUnicast: boolean;
  /** From the first question about capabilities to the last confirmation, s. */
  readonly seconds: number;
  /** Network PDUs of the chunks when each is sent once. */
  readonly pdus: number;
  /** Receivers that cannot take part together with the others. */
  readonly refused: readonly Unicast[];
}

/**
 * What a client would do, by the strategy and the cost model that it sends by. Undefined when the receivers have no sizes of
 * blocks and chunks in common with anybody.
 */
export function planTransfer(question: TransferQuestion): TransferPlan | undefined {
  const { size, outlook, group, timeoutBase, settings } = question;
  const terms = { size };
  const all = question.receivers.map((each) => {
    const receiver = new Receiver(each, outlook?.receivers.get(each.address));
    receiver.capabilities = each.capabilities;
    return receiver;
  });
  const mode = question.mode ?? chooseMode(terms, all);
  const { kept, logs, refused } = chooseSettings(terms, mode, all);
  if (logs.length === 0) return undefined;
  const timeoutMs = 10_000 * (timeoutBase + 2) + 500;
  const strategy: Strategy =
    settings === 'stock' ? new StockStrategy(timeoutMs, outlook) : new AutoStrategy(new Estimates(outlook), timeoutMs);
  const isPull = mode === 'pull';
  const hasGroup = group !== undefined && group !== 0;
  const toGroup = hasGroup && !(isPull && strategy.pullsByUnicast(kept));
  const blockSizeLog = strategy.blockSizeLog(size, logs, kept, hasGroup);
  const bounds = boundsOf(terms, kept, blockSizeLog);
  const sending = strategy.sending(blockSizeLog, bounds, kept, toGroup, () => false);
  const blocks = blockCount(size, blockSizeLog);
  const last = blockShape(size, blockSizeLog, blocks - 1, sending.chunkSize);
  const fullMs = blocks === 1 ? 0 : strategy.blockMs(2 ** blockSizeLog, sending, kept, isPull);
  const ms =
    strategy.openingMs(kept) +
    (blocks - 1) * fullMs +
    strategy.blockMs(last.size, sending, kept, isPull) +
    strategy.roundMs(kept);
  const sendings = sending.byUnicast ? kept.length : 1;
  return {
    mode,
    blockSizeLog,
    chunkSize: sending.chunkSize,
    copies: sending.copies,
    byUnicast: sending.byUnicast,
    seconds: ms / 1000,
    pdus:
      sendings * ((blocks - 1) * pdusOf(2 ** blockSizeLog, sending.chunkSize) + pdusOf(last.size, sending.chunkSize)),
    refused: refused.map(({ receiver }) => receiver.address),
  };
}

function pdusOf(size: number, chunkSize: number): number {
  return segmentsOfBlock(blockShape(size, Math.max(6, Math.ceil(Math.log2(size))), 0, chunkSize));
}
