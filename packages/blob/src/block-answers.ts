import type { Context, Model, ReplyOptions } from '@meshferry/access';
import { type Cancel, equal, type Log, type Unicast } from '@meshferry/core';
import { BlobBlockStatus } from './messages.ts';

/** How answers go out unless the states of the node are to hold: see the same members of a message's reply options. */
type OnAir = Pick<ReplyOptions, 'sar' | 'transmit'>;

/** One PDU in two copies, as relays send: the client would have to wait for it and ask again. */
const SHORT: OnAir = { transmit: { count: 2, intervalMs: 20 } };
/**
 * A client waits for the answers of many, of up to 22 segments each: no pause between them and no copies. What is lost is sent
 * again soon, for nobody else uses the air meanwhile.
 */
const LONG: OnAir = {
  sar: {
    segmentIntervalStep: 0,
    unicastRetransmissionsCount: 7,
    unicastRetransmissionsWithoutProgressCount: 4,
    unicastRetransmissionsIntervalStep: 0,
    unicastRetransmissionsIntervalIncrement: 0,
  },
  transmit: { count: 1, intervalMs: 20 },
};

/** Further requests that an answer on its way serves; whoever asks once more has waited long: it begins anew. */
const REPEATS = 1;

/** Access payload that fits one PDU, octets. */
const UNSEGMENTED = 11;

/**
 * The Block Status of a server on its way to the client. A long one whose acknowledgment was lost would be sent again and
 * again, into the chunks that follow: half-duplex radios and collisions make that dear. So there is one at a time.
 */
export class BlockAnswers {
  readonly #model: Model;
  readonly #log: Log;
  readonly #stock: boolean;
  #client: Unicast | undefined;
  #cancel: Cancel | undefined;
  #payload: Uint8Array = new Uint8Array(0);
  /** Requests that the answer on its way has served besides the first. */
  #repeats = 0;

  /** `stock`: answers go out as the states of the node say. */
  constructor(model: Model, log: Log, stock: boolean) {
    this.#model = model;
    this.#log = log;
    this.#stock = stock;
  }

  /** Answers. What is still on its way to the same client serves as well if it says the same, or is out of date. */
  send(context: Context, status: BlobBlockStatus, ttl: { ttl?: number }): void {
    const payload = BlobBlockStatus.encode(status);
    const isSame = this.#client === context.src && equal(payload, this.#payload);
    if (this.#cancel !== undefined && isSame && ++this.#repeats <= REPEATS) return;
    this.#repeats = 0;
    this.outdated(context.src);
    this.#client = context.src;
    this.#payload = payload;
    const onAir = this.#stock ? {} : payload.length > UNSEGMENTED ? LONG : SHORT;
    const cancel = this.#model.reply(context, BlobBlockStatus, status, { ...ttl, ...onAir }, (error) => {
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
