import type { Context, Model, ReplyOptions } from '@meshferry/access';
import type { Cancel, Log, Unicast } from '@meshferry/core';
import { BlobBlockStatus } from './messages.ts';

/** How answers go out unless the states of the node are to hold: see the same members of a message's reply options. */
type OnAir = Pick<ReplyOptions, 'sar' | 'transmit'>;

/**
 * A client waits for the Block Status of many, each of up to 22 segments: no pause between them, and two copies, as relays
 * send. What is lost is sent again soon, for nobody else uses the air meanwhile.
 */
const QUICK: OnAir = {
  sar: {
    segmentIntervalStep: 0,
    unicastRetransmissionsCount: 5,
    unicastRetransmissionsWithoutProgressCount: 3,
    unicastRetransmissionsIntervalStep: 1,
  },
  transmit: { count: 2, intervalMs: 20 },
};

/**
 * The Block Status of a server on its way to the client. A long one whose acknowledgment was lost would be sent again and
 * again, into the chunks that follow: half-duplex radios and collisions make that dear. So there is one at a time.
 */
export class BlockAnswers {
  readonly #model: Model;
  readonly #log: Log;
  readonly #onAir: OnAir;
  #client: Unicast | undefined;
  #cancel: Cancel | undefined;

  /** `stock`: answers go out as the states of the node say. */
  constructor(model: Model, log: Log, stock: boolean) {
    this.#model = model;
    this.#log = log;
    this.#onAir = stock ? {} : QUICK;
  }

  /** Answers; what is still on its way to the same client is out of date. */
  send(context: Context, status: BlobBlockStatus, ttl: { ttl?: number }): void {
    this.outdated(context.src);
    this.#client = context.src;
    const cancel = this.#model.reply(context, BlobBlockStatus, status, { ...ttl, ...this.#onAir }, (error) => {
      if (this.#cancel === cancel) this.#cancel = undefined;
      if (error !== undefined && error.code !== 'cancelled')
        this.#log('debug', 'a Block Status was not sent', error.toJSON());
    });
    this.#cancel = cancel;
  }

  /** This client has gone on: what is still on its way to it helps nobody. */
  outdated(client: Unicast): void {
    if (client !== this.#client) return;
    const cancel = this.#cancel;
    this.#cancel = undefined;
    cancel?.();
  }
}
