import { type Cancel, type Clock, MeshError, type Timer, toMeshError, type Unsubscribe } from '@meshferry/core';
import type { AdStructure, Advertising, Bearer, Heard, Sent, Transmit } from './contract.ts';
import type {
  GattAdvertisement,
  GattCentral,
  GattDevice,
  GattLink,
  GattOffer,
  GattPeripheral,
  GattService,
} from './gatt.ts';

/** What a {@link reconnecting} bearer tells of its radio. */
export type RadioChange =
  /** It is gone; it is opened again in `retryMs`. */
  | { readonly type: 'lost'; readonly reason: MeshError; readonly retryMs: number }
  /** It could not be opened; that is tried again in `retryMs`. */
  | { readonly type: 'failed'; readonly reason: MeshError; readonly retryMs: number }
  /** It works again, after `afterMs` without. */
  | { readonly type: 'back'; readonly afterMs: number };

/** How a {@link reconnecting} bearer goes about it. */
export interface ReconnectOptions {
  /** From the loss to the first attempt, ms; twice as long after each in vain. Default 500. */
  readonly firstMs?: number;
  /** The longest time between attempts, ms. Default 30 000. */
  readonly longestMs?: number;
  readonly listener?: (change: RadioChange) => void;
}

/**
 * A bearer whose radio is opened again when it is lost, for programs that run long. The first opening must succeed: it
 * rejects as `open` does. Who uses the bearer need not know of an outage: subscriptions, offers and services are taken up
 * again, and what is sent meanwhile, or was under way, is lost as on the air when nobody listens, after the time that it
 * would have taken; so the repeats of the protocols apply, and their time-outs. GATT links end, connecting fails with
 * `connect-failed`. The radio must have the same capabilities each time.
 *
 * ```ts
 * const listener = (change: RadioChange) => log('warn', `radio: ${change.type}`);
 * const bearer = await reconnecting(() => plugin.open(uri, ground), ground.clock, { listener });
 * ```
 */
export async function reconnecting(
  open: () => Promise<Bearer>,
  clock: Clock,
  options: ReconnectOptions = {},
): Promise<Bearer> {
  return new Reconnecting(await open(), open, clock, options);
}

/** Something begun that every radio is to go on with: how, and how it ends on the present one. */
interface Standing {
  readonly begin: (radio: Bearer) => Cancel | undefined;
  end: Cancel | undefined;
}

class Reconnecting implements Bearer {
  readonly advertising?: Advertising;
  readonly central?: GattCentral;
  readonly peripheral?: GattPeripheral;
  readonly clock: Clock;
  readonly #open: () => Promise<Bearer>;
  readonly #options: Required<ReconnectOptions>;
  readonly #standing = new Set<Standing>();
  readonly #ends = new Set<Cancel>();
  #radio: Bearer | undefined;
  #attempt: Timer | undefined;
  #lostAt = 0;
  #retryMs = 0;
  #closed = false;

  constructor(radio: Bearer, open: () => Promise<Bearer>, clock: Clock, options: ReconnectOptions) {
    this.clock = clock;
    this.#open = open;
    this.#options = { firstMs: 500, longestMs: 30_000, listener: () => {}, ...options };
    const { advertising, central, peripheral } = radio;
    if (advertising !== undefined) this.advertising = new ReconnectingAdvertising(this, advertising);
    if (central !== undefined) this.central = new ReconnectingCentral(this, central);
    if (peripheral !== undefined) this.peripheral = new ReconnectingPeripheral(this, peripheral.connections);
    this.#take(radio);
  }

  get radio(): Bearer | undefined {
    return this.#radio;
  }

  /** Begins something on the present radio and on all that follow. */
  stand(begin: Standing['begin']): Cancel {
    if (this.#closed) return () => {};
    const standing: Standing = { begin, end: this.#radio && begin(this.#radio) };
    this.#standing.add(standing);
    return () => {
      if (!this.#standing.delete(standing)) return;
      standing.end?.();
    };
  }

  /** Calls `run` after `ms`, and when the bearer is closed before that, with the error of closing. */
  later(ms: number, run: (closed?: MeshError) => void): Cancel {
    if (this.#closed) {
      const timer = this.clock.after(0, () => run(closedError()));
      return () => timer.cancel();
    }
    const timer = this.clock.after(ms, () => {
      this.#ends.delete(end);
      run();
    });
    const end = () => {
      timer.cancel();
      run(closedError());
    };
    this.#ends.add(end);
    return () => {
      this.#ends.delete(end);
      timer.cancel();
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#attempt?.cancel();
    this.#standing.clear();
    this.#radio?.close();
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
  }

  #take(radio: Bearer): void {
    this.#radio = radio;
    for (const standing of this.#standing) standing.end = standing.begin(radio);
    radio.lost?.((reason) => {
      if (this.#radio !== radio || this.#closed) return;
      this.#radio = undefined;
      radio.close();
      for (const standing of this.#standing) standing.end = undefined;
      this.#lostAt = this.clock.now;
      this.#retryMs = this.#options.firstMs;
      this.#schedule('lost', reason);
    });
  }

  #schedule(type: 'lost' | 'failed', reason: MeshError): void {
    const retryMs = Math.min(this.#retryMs, this.#options.longestMs);
    this.#retryMs = 2 * retryMs;
    this.#attempt = this.clock.after(retryMs, () => this.#reopen());
    this.#options.listener({ type, reason, retryMs });
  }

  #reopen(): void {
    this.#open().then(
      (radio) => {
        if (this.#closed) return radio.close();
        this.#take(radio);
        this.#options.listener({ type: 'back', afterMs: this.clock.now - this.#lostAt });
      },
      (error: unknown) => {
        if (!this.#closed) this.#schedule('failed', toMeshError(error));
      },
    );
  }
}

class ReconnectingAdvertising implements Advertising {
  readonly #bearer: Reconnecting;
  /** Of the last radio, during an outage. */
  #known: Advertising;

  constructor(bearer: Reconnecting, advertising: Advertising) {
    this.#bearer = bearer;
    this.#known = advertising;
  }

  get sets(): number {
    return this.#present.sets;
  }

  get minIntervalMs(): number {
    return this.#present.minIntervalMs;
  }

  send(ad: AdStructure, transmit: Transmit, done: (outcome: Sent | MeshError) => void): Cancel {
    const start = this.#bearer.clock.now;
    const inner = this.#bearer.radio?.advertising;
    let cancel: Cancel;
    const lose = () => {
      const { now } = this.#bearer.clock;
      const takes = transmit.count * Math.max(transmit.intervalMs, this.#known.minIntervalMs);
      cancel = this.#bearer.later(Math.max(0, start + takes - now), (closed) => {
        done(closed ?? { start, end: this.#bearer.clock.now });
      });
    };
    if (inner === undefined) lose();
    else {
      cancel = inner.send(ad, transmit, (outcome) => {
        if (outcome instanceof MeshError && outcome.code === 'bearer-lost') lose();
        else done(outcome);
      });
    }
    return () => cancel();
  }

  receive(types: readonly number[], heard: (ad: Heard) => void): Unsubscribe {
    return this.#bearer.stand(({ advertising }) => advertising?.receive(types, heard));
  }

  get #present(): Advertising {
    this.#known = this.#bearer.radio?.advertising ?? this.#known;
    return this.#known;
  }
}

class ReconnectingCentral implements GattCentral {
  readonly #bearer: Reconnecting;
  readonly scan?: (found: (device: GattDevice) => void) => Unsubscribe;

  constructor(bearer: Reconnecting, { scan }: GattCentral) {
    this.#bearer = bearer;
    if (scan !== undefined) this.scan = (found) => bearer.stand(({ central }) => central?.scan?.(found));
  }

  discover(services: readonly number[], found: (advertisement: GattAdvertisement) => void): Unsubscribe {
    return this.#bearer.stand(({ central }) => central?.discover(services, found));
  }

  connect(peer: string, service: GattService, done: (outcome: GattLink | MeshError) => void): Cancel {
    const central = this.#bearer.radio?.central;
    if (central === undefined) return this.#bearer.later(0, (closed) => done(closed ?? connectFailed(peer)));
    return central.connect(peer, service, (outcome) => {
      const isLost = outcome instanceof MeshError && outcome.code === 'bearer-lost';
      done(isLost ? connectFailed(peer, outcome) : outcome);
    });
  }
}

class ReconnectingPeripheral implements GattPeripheral {
  readonly connections: number;
  readonly #bearer: Reconnecting;
  #stopOffer: Cancel | undefined;

  constructor(bearer: Reconnecting, connections: number) {
    this.#bearer = bearer;
    this.connections = connections;
  }

  advertise(offer: GattOffer): Cancel {
    // Only the newest is to be shown again. It takes the place of the former by itself, without a gap.
    const former = this.#stopOffer;
    const stop = this.#bearer.stand(({ peripheral }) => peripheral?.advertise(offer));
    former?.();
    this.#stopOffer = stop;
    return stop;
  }

  serve(service: GattService, connected: (link: GattLink) => void): Unsubscribe {
    return this.#bearer.stand(({ peripheral }) => peripheral?.serve(service, connected));
  }
}

function closedError(): MeshError {
  return new MeshError('bearer-closed', 'the bearer was closed', { hint: 'Open it again.' });
}

function connectFailed(peer: string, cause?: MeshError): MeshError {
  return new MeshError('connect-failed', `no connection to ${peer}: the radio is lost`, {
    hint: 'Plug it in again: it is opened by itself.',
    cause,
  });
}
