import type { Timer, VirtualClock } from '@meshferry/core';
import { blockOf, isFor, numberAt, opcodeOf, type RecordedMessage } from './capture-recording.ts';
import type { StockRules } from './capture-rules.ts';

/** T_BPI of the recorded servers. */
const REPORT_MS = 10_000;
const AT_ONCE_MS = 60;

/** Whose reports they are. */
export interface ReportsOptions {
  readonly clock: VirtualClock;
  readonly messages: readonly RecordedMessage[];
  readonly client: number;
}

/** What a server in pull mode has told it wants, and what it tells next [blob.md 7.7]. */
export class RecordedReports {
  readonly #clock: VirtualClock;
  readonly #rules: StockRules;
  readonly #say: (hex: string) => void;
  /** By block: each report, and the chunks that the server had got by then. */
  readonly #script = new Map<number, { hex: string; had: ReadonlySet<number> }[]>();
  #told = -1;
  #block: number | undefined;
  #timer: Timer | undefined;

  constructor(options: ReportsOptions, address: number, rules: StockRules, say: (hex: string) => void) {
    this.#clock = options.clock;
    this.#rules = rules;
    this.#say = say;
    let block = 0;
    let had = new Set<number>();
    const own = options.messages
      .filter((message) => message.src === address || isFor(message, options.client, address))
      .sort((a, b) => a.at - b.at);
    for (const { src, hex } of own) {
      if (src !== address && opcodeOf(hex) === '8304' && blockOf(hex) !== block) {
        block = blockOf(hex);
        had = new Set();
      }
      if (src !== address && opcodeOf(hex) === '66') had.add(numberAt(hex, 2));
      if (src !== address || opcodeOf(hex) !== '68') continue;
      this.#script.set(block, [...(this.#script.get(block) ?? []), { hex, had: new Set(had) }]);
    }
  }

  /** A Block Status that was sent. */
  answered(hex: string): void {
    const block = numberAt(hex, 4);
    if (!hex.startsWith('67c0') || block === this.#block) return;
    this.#block = block;
    this.#told = -1;
    this.#restart();
  }

  /** Asked again, a server lists what it wants now. */
  current(hex: string): string {
    if (!hex.startsWith('67c0') || numberAt(hex, 4) !== this.#block || this.#told < 0) return hex;
    return hex.slice(0, 12) + (this.#script.get(this.#block)?.[this.#told]?.hex.slice(2) ?? '');
  }

  heardChunk(): void {
    const next = this.#next();
    // When nothing is missing any more it says so at once.
    if (next?.hex === '68' && this.#isTrue(next)) this.#restart(AT_ONCE_MS);
    else if (this.#block !== undefined) this.#restart();
  }

  #next(): { hex: string; had: ReadonlySet<number> } | undefined {
    return this.#block === undefined ? undefined : this.#script.get(this.#block)?.[this.#told + 1];
  }

  /** All that the server had when it said so has been sent by now. */
  #isTrue({ had }: { had: ReadonlySet<number> }): boolean {
    const held = this.#rules.held(this.#block as number);
    return [...had].every((chunk) => held.has(chunk));
  }

  #restart(afterMs = REPORT_MS): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const script = this.#script.get(this.#block ?? -1);
    if (script === undefined) return;
    this.#timer = this.#clock.after(afterMs, () => {
      const next = this.#next();
      if (next !== undefined && this.#isTrue(next)) this.#told++;
      const report = script[this.#told];
      if (report !== undefined) this.#say(report.hex);
      // Reports go on until the next block, as one may get lost; here none does.
      if (this.#told + 1 < script.length) this.#restart();
    });
  }
}
