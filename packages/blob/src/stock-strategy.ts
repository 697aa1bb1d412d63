import type { Sending } from './cost-model.ts';
import type { Receiver } from './receiver.ts';
import { BLOCK_REPORT_MS, type Bounds, largestChunk, type OnAir, type Strategy } from './strategy.ts';

/** What Zephyr does with its defaults: 377-octet chunks, the node's own SAR and Network Transmit, five attempts. */
export class StockStrategy implements Strategy {
  readonly asksGroupOnly = true;
  readonly #clientTimeoutMs: number;

  constructor(clientTimeoutMs: number) {
    this.#clientTimeoutMs = clientTimeoutMs;
  }

  blockSizeLog(_size: number, logs: readonly { log: number; bounds: Bounds }[]): number {
    return logs.at(-1)!.log;
  }

  sending(
    _log: number,
    bounds: Bounds,
    _receivers: readonly Receiver[],
    hasGroup: boolean,
    avoid: (size: number) => boolean,
  ): Sending {
    return { chunkSize: largestChunk(bounds, avoid), copies: 1, byUnicast: !hasGroup };
  }

  repairsByUnicast(): boolean {
    return false;
  }

  asksGroup(): boolean {
    return true;
  }

  groupWaitMs(): number {
    return this.#clientTimeoutMs / 5;
  }

  unicastWaitMs(): number {
    return this.#clientTimeoutMs / 5;
  }

  patienceMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  pullsByUnicast(): boolean {
    return false;
  }

  reportPatienceMs(): number {
    return Math.min(BLOCK_REPORT_MS, this.#clientTimeoutMs / 2);
  }

  unicastChunk(): OnAir {
    return {};
  }

  request(): OnAir {
    return {};
  }

  groupChunk(): OnAir {
    return {};
  }
}
