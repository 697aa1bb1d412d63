import { segmentsOfChunk } from './arithmetic.ts';
import type { Sending } from './cost-model.ts';
import type { RadioOutlook } from './outlook.ts';
import type { Receiver } from './receiver.ts';
import { BLOCK_REPORT_MS, type Bounds, largestChunk, type OnAir, type Strategy } from './strategy.ts';

/** Defaults of a node, for what a transfer is expected to take [spec/blob.md 14.2]: segment interval, copies, SAR passes, pause after each. */
const SEGMENT_MS = 60;
const COPIES = 3;
const PASSES = 3;
const PAUSE_MS = 250;
/** Acknowledgment of the last segment; answers to one request; share of receivers whose answer gets lost. Measured. */
const ACK_MS = 80;
const ANSWERS_MS = 500;
const LOST_ANSWERS = 0.002;

/** What Zephyr does with its defaults: 377-octet chunks, the node's own SAR and Network Transmit, five attempts. */
export class StockStrategy implements Strategy {
  readonly asksGroupOnly = true;
  readonly #clientTimeoutMs: number;
  /** From the start of one segment to that of the next. */
  readonly #pduMs: number;

  /** `outlook`: for what is expected of it; what it does does not depend on that. */
  constructor(clientTimeoutMs: number, { eventMs = 25 }: Partial<RadioOutlook> = {}) {
    this.#clientTimeoutMs = clientTimeoutMs;
    this.#pduMs = Math.max(SEGMENT_MS, COPIES * eventMs);
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

  blockMs(size: number, { chunkSize, byUnicast }: Sending, receivers: readonly Receiver[]): number {
    const segments = segmentsOfChunk(chunkSize);
    const [times, passes] = byUnicast ? [receivers.length, 1] : [1, PASSES];
    const chunkMs = passes * ((segments - 1) * this.#pduMs + (byUnicast ? ACK_MS : Math.max(PAUSE_MS, this.#pduMs)));
    return times * Math.ceil(size / chunkSize) * chunkMs + 2 * this.roundMs(receivers);
  }

  /** Capabilities take two PDUs each. */
  openingMs(receivers: readonly Receiver[]): number {
    return 3 * this.roundMs(receivers);
  }

  /** A lost answer is asked for again only after a fifth of the client timeout. */
  roundMs(receivers: readonly Receiver[]): number {
    const isLost = 1 - (1 - LOST_ANSWERS) ** receivers.length;
    return this.#pduMs + ANSWERS_MS + isLost * this.groupWaitMs();
  }

  repairing(_lack: unknown, sending: Sending): Sending {
    return sending;
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
    return STOCK;
  }

  request(): OnAir {
    return STOCK;
  }

  relayPauseMs(): number {
    return 0;
  }

  groupChunk(): OnAir {
    return STOCK;
  }
}

/** It knows no priorities: its messages wait for each other as any others do, which the calibration counts on. */
const STOCK: OnAir = { priority: 'interactive' };
