import type { BlockShape } from './arithmetic.ts';
import type { Receiver } from './receiver.ts';
import type { TransferContext } from './transfer-context.ts';

/** Receivers that are woken one by one at a time. */
const AT_A_TIME = 16;

/**
 * While others are served, a receiver hears nothing that restarts its timer: it has the block, or waits for its turn.
 * Block Start of this block does, and changes nothing else. Not for those who have the whole BLOB: some stacks fall
 * asleep by it. Chunks to the group keep all awake who still need some; so do not bother these, their answers are long.
 */
export class KeepAwake {
  readonly #context: TransferContext;
  readonly #shape: BlockShape;
  #lookAgainAt = 0;

  constructor(context: TransferContext, shape: BlockShape) {
    this.#context = context;
    this.#shape = shape;
  }

  /** Wakes who has been silent for long; to be called often. `isSendingToGroup`: chunks go to the group just now. */
  look(isSendingToGroup: boolean): void {
    const { active, hasGroup, serverTimeoutMs: timeoutMs, clock } = this.#context;
    const { now } = clock;
    if (now < this.#lookAgainAt) return;
    this.#lookAgainAt = now + timeoutMs / 20;
    const idle = active.filter((receiver) => {
      if (!isIncomplete(receiver) || receiver.mustSleep) return false;
      const silence = now - receiver.awakeAt;
      if (receiver.stage === 'held' || receiver.stage === 'block') return silence > 0.4 * timeoutMs;
      return receiver.stage === 'check' && !isSendingToGroup && silence > 0.6 * timeoutMs;
    });
    if (hasGroup && idle.length > AT_A_TIME && active.every(answersShort)) {
      for (const receiver of active) beWoken(receiver, now - timeoutMs / 4);
      this.#wake(undefined, idle[0] as Receiver);
    } else {
      for (const receiver of idle.slice(0, AT_A_TIME)) {
        beWoken(receiver, now - timeoutMs / 4);
        this.#wake(receiver.address, receiver);
      }
    }
  }

  #wake(address: number | undefined, receiver: Receiver): void {
    const { requests, strategy, log } = this.#context;
    const onAir = strategy.request(receiver, address === undefined);
    requests.blockStart(address, this.#shape, onAir, (error) => {
      if (error !== undefined) log('debug', 'Block Start to keep servers awake was not sent', error.toJSON());
    });
  }
}

/** Until it has answered it counts as awake for a while only, and is woken again soon. */
function beWoken(receiver: Receiver, awakeAt: number): void {
  receiver.awakeAt = Math.max(receiver.awakeAt, awakeAt);
  receiver.isBeingWoken = true;
}

function isIncomplete({ blocksDone, blocks }: Receiver): boolean {
  return blocksDone < blocks;
}

/** All that the group is asked to answer must be short: the long answers of many would keep chunks from the air until the next time. */
function answersShort(receiver: Receiver): boolean {
  return isIncomplete(receiver) && !receiver.mustSleep && receiver.stage !== 'check';
}
