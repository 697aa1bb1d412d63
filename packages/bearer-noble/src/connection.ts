import type { Clock, Log, MeshError } from '@meshferry/core';
import { bearerClosed, connectFailed } from './errors.ts';
import type { ConnectOptions, NobleCharacteristic, NoblePeripheral } from './noble-api.ts';
import { step } from './steps.ts';

/** The controller tries to reach the device for this time, ms. */
const CONNECT_MS = 10_000;
/** From ending a connection to the end of it, ms. */
const END_MS = 1500;
/** From cancelling a connection attempt to how it ended, ms: @stoprocent/noble never tells. */
const CANCEL_MS = 800;
/** The other end takes note of an end of notifications, ms. */
const UNSUBSCRIBE_MS = 5000;

/** 7.5 to 15 ms; supervision timeout 4 s: the 0.42 s of the libraries end connections of busy nodes. */
const OPTIONS: ConnectOptions = { minInterval: 6, maxInterval: 12, latency: 0, timeout: 400 };

export interface ConnectionGround {
  readonly clock: Clock;
  readonly log: Log;
  /** One connection at a time is made: resolves when it is this one's turn, with what ends it. */
  turn(): Promise<() => void>;
  /** Resolves when the controller does not scan, with what lets it. */
  pause(): Promise<() => void>;
}

/** Who uses a connection, for one service. */
export interface ConnectionUser {
  /** It has ended, not by {@link NobleConnection.leave} of this user. */
  disconnected(): void;
}

/**
 * The connection to a device: it comes with its first user and goes with the last. Whatever the library never answers is
 * raced with a timer and with the end. States: connecting, open, ending, over.
 */
export class NobleConnection {
  readonly peripheral: NoblePeripheral;
  /** Resolves when it is open; rejects with why it never will be, when nothing is left of it. */
  readonly opened: Promise<void>;
  /** Resolves when nothing is left of it. */
  readonly over: Promise<void>;
  readonly #ground: ConnectionGround;
  readonly #peer: string;
  readonly #users = new Set<ConnectionUser>();
  readonly #stopped: Promise<never>;
  #reject: (reason: MeshError) => void = () => {};
  #reason: MeshError | undefined;
  #tellOver: () => void = () => {};
  #state: 'connecting' | 'open' | 'ending' | 'over' = 'connecting';
  /** The end of the line of those who ask something of the library. */
  #lastTurn: Promise<unknown> = Promise.resolve();

  /** `peer`: how it is called in errors. */
  constructor(ground: ConnectionGround, peripheral: NoblePeripheral, peer: string) {
    this.#ground = ground;
    this.peripheral = peripheral;
    this.#peer = peer;
    this.over = new Promise((resolve) => {
      this.#tellOver = resolve;
    });
    this.#stopped = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#stopped.catch(() => {});
    this.opened = this.#open();
    this.opened.catch(() => {});
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether it takes no users any more. */
  get isEnding(): boolean {
    return this.#state === 'ending' || this.#state === 'over';
  }

  /** Whether this user is not the only one. */
  isSharedBy(user: ConnectionUser): boolean {
    return this.#state === 'open' && this.#users.size > 1 && this.#users.has(user);
  }

  join(user: ConnectionUser): void {
    this.#users.add(user);
  }

  /** Resolves when the user is out of it; the last one ends it, and waits for that. */
  async leave(user: ConnectionUser): Promise<void> {
    if (!this.#users.delete(user) || this.#users.size > 0) return;
    if (this.#state !== 'connecting') return this.end();
    this.#state = 'ending';
    this.#stop(bearerClosed());
    await this.over;
  }

  /** Ends it for all who use it. */
  async end(): Promise<void> {
    if (this.#state !== 'open') return this.over;
    this.#state = 'ending';
    await this.#hangUp();
    this.#gone();
  }

  /** Ends it without waiting for anything: nobody is told any more. */
  abandon(): void {
    if (this.#state !== 'open') return;
    this.#users.clear();
    this.#gone();
    this.peripheral.disconnect();
  }

  /**
   * Asks the library for something when it is done with what was asked for before: it tells all who wait for answers of one
   * kind from the first one. What is held by `hold` belongs to this turn, also when `ask` ends earlier.
   */
  async inTurn<T>(ask: (hold: (answer: Promise<unknown>) => void) => Promise<T>): Promise<T> {
    const former = this.#lastTurn;
    const held: Promise<unknown>[] = [];
    let endTurn: () => void = () => {};
    this.#lastTurn = new Promise<void>((resolve) => {
      endTurn = resolve;
    });
    await former;
    try {
      return await ask((answer) => void held.push(answer));
    } finally {
      void Promise.allSettled(held).then(endTurn);
    }
  }

  /** Takes a subscription back, and waits until the device knows. */
  async unsubscribe(characteristic: NobleCharacteristic): Promise<void> {
    const { clock, log } = this.#ground;
    await this.inTurn(async () => {
      if (this.#state !== 'open') return;
      const answer = step(clock, 'unsubscribing', UNSUBSCRIBE_MS, (done) =>
        characteristic.unsubscribe((error) => done(error)),
      );
      await Promise.race([answer, this.over]).catch((thrown: unknown) => log('debug', `noble: ${String(thrown)}`));
      answer.catch(() => {});
    });
  }

  async #open(): Promise<void> {
    try {
      await this.#establish();
      // It may have ended together with the last answer, or nobody wants it any more.
      this.#unlessStopped();
    } catch (thrown) {
      if (this.peripheral.state === 'connected') await this.#hangUp();
      this.#users.clear();
      this.#gone();
      throw thrown;
    }
    this.#state = 'open';
  }

  #unlessStopped(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  #stop(reason: MeshError): void {
    this.#reason ??= reason;
    this.#reject(reason);
  }

  async #establish(): Promise<void> {
    const { peripheral } = this;
    await Promise.resolve();
    const turn = this.#ground.turn();
    const endTurn = await Promise.race([turn, this.#stopped]).catch((thrown: unknown) => {
      void turn.then((end) => end());
      throw thrown;
    });
    const scan = await this.#ground.pause();
    try {
      if (peripheral.state !== 'disconnected' && peripheral.state !== 'error') await this.#hangUp();
      // Left over from a former connection: a greater MTU, and callbacks that would ask again.
      peripheral.mtu = null;
      for (const event of ['connect', 'servicesDiscover']) peripheral.removeAllListeners(event);
      this.#unlessStopped();
      peripheral.on('disconnect', this.#disconnected);
      const connected = step(this.#ground.clock, 'connecting', CONNECT_MS, (done) =>
        peripheral.connect(OPTIONS, (error) => done(error)),
      );
      await Promise.race([connected, this.#stopped]).catch(async (thrown: unknown) => {
        connected.catch(() => {});
        peripheral.removeListener('disconnect', this.#disconnected);
        await this.#withdraw();
        throw thrown;
      });
    } finally {
      scan();
      endTurn();
    }
  }

  /** Takes an attempt back, and waits for how it ends: the connection may just have come about. */
  async #withdraw(): Promise<void> {
    if (this.peripheral.state === 'connecting') {
      // First the library calls back that it was cancelled, at once; then how it really ended.
      this.peripheral.cancelConnect();
      await this.#hear('connect', CANCEL_MS);
    }
    if (this.peripheral.state === 'connected') await this.#hangUp();
  }

  #hangUp(): Promise<void> {
    const ended = this.#hear('disconnect', END_MS);
    this.peripheral.disconnect();
    return ended;
  }

  /** Resolves with the next such event, or after a while. */
  async #hear(event: 'connect' | 'disconnect', ms: number): Promise<void> {
    let heard: () => void = () => {};
    const hearing = step(this.#ground.clock, `waiting for "${event}"`, ms, (done) => {
      heard = () => done();
      this.peripheral.on(event, heard);
    });
    await hearing.catch((thrown: unknown) => this.#ground.log('debug', `noble: ${String(thrown)}`));
    this.peripheral.removeListener(event, heard);
  }

  readonly #disconnected = (): void => {
    if (this.#state === 'connecting') this.#stop(connectFailed(this.#peer, 'it disconnected at once'));
    else this.#gone();
  };

  #gone(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.peripheral.removeListener('disconnect', this.#disconnected);
    const users = [...this.#users];
    this.#users.clear();
    this.#tellOver();
    for (const user of users) user.disconnected();
  }
}
