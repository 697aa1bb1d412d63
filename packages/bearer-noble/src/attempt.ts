import type { GattLink, GattService, GattUuid } from '@meshferry/bearer';
import type { Clock, Log, MeshError } from '@meshferry/core';
import { bearerClosed, connectFailed, linkClosed } from './errors.ts';
import { NobleLink } from './link.ts';
import type { ConnectOptions, NobleCharacteristic, NoblePeripheral } from './noble-api.ts';
import type { Pace } from './pace.ts';
import { step } from './steps.ts';

/** The controller tries to reach the device for this time, ms. */
const CONNECT_MS = 10_000;
/** MTU, service, characteristics and subscription together, ms. */
const SET_UP_MS = 10_000;
/** From cancelling a connection attempt, or ending a connection, to the end of it, ms. */
const END_MS = 1500;

/** 7.5 to 15 ms; supervision timeout 4 s: the 0.42 s of the libraries end connections of busy nodes. */
const OPTIONS: ConnectOptions = { minInterval: 6, maxInterval: 12, latency: 0, timeout: 400 };

export interface AttemptGround {
  readonly clock: Clock;
  readonly log: Log;
  readonly pace: Pace;
  /** One connection at a time is made: resolves when it is this one's turn, with what ends it. */
  turn(): Promise<() => void>;
  /** Resolves when the controller does not scan, with what lets it. */
  pause(): Promise<() => void>;
  find(peer: string): Promise<NoblePeripheral>;
  /** Resolves when nobody is busy with the device any more: whether there is no connection to it. */
  free(peripheral: NoblePeripheral): Promise<boolean>;
}

/**
 * One connection, from asking for it to its end: waiting for its turn, connecting, setting up, linked, over. Whatever the library
 * never answers is raced with a timer, the end of the connection, and {@link end}.
 */
export class Attempt {
  readonly #ground: AttemptGround;
  readonly #peer: string;
  readonly #service: GattService;
  readonly #over: (attempt: Attempt) => void;
  /** Resolves when there is a link, or nothing is left of the attempt. */
  readonly settled: Promise<void>;
  readonly #stopped: Promise<never>;
  #reason: MeshError | undefined;
  #reject: (reason: MeshError) => void = () => {};
  #done: ((outcome: GattLink | MeshError) => void) | undefined;
  #peripheral: NoblePeripheral | undefined;
  /** Hears what comes before the subscription is answered; it is handed over afterwards. */
  #made: NobleLink | undefined;
  #link: NobleLink | undefined;

  constructor(
    ground: AttemptGround,
    peer: string,
    service: GattService,
    done: (outcome: GattLink | MeshError) => void,
    over: (attempt: Attempt) => void,
  ) {
    this.#ground = ground;
    this.#peer = peer;
    this.#service = service;
    this.#done = done;
    this.#over = over;
    this.#stopped = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#stopped.catch(() => {});
    this.settled = this.#run();
  }

  /** Whether it has a connection to this device, or has not yet ended it. */
  uses(peripheral: NoblePeripheral): boolean {
    return this.#peripheral === peripheral;
  }

  get isLinked(): boolean {
    return this.#link !== undefined;
  }

  /** Nothing is called back any more unless there is a link; what was begun is undone. */
  cancel(): void {
    this.#done = undefined;
    if (this.#link !== undefined) return;
    this.#stop(bearerClosed());
  }

  /** The bearer ends: the attempt, or the link, ends with this error. */
  end(reason: MeshError): void {
    this.#stop(reason);
    if (this.#link === undefined) return;
    this.#peripheral?.disconnect();
    this.#link.ended(reason);
  }

  async #run(): Promise<void> {
    const outcome = await this.#try().catch((thrown: unknown) =>
      isMeshError(thrown) ? thrown : connectFailed(this.#peer, messageOf(thrown), thrown),
    );
    try {
      this.#done?.(outcome);
    } finally {
      if (this.#link === undefined) {
        await this.#drop();
        this.#over(this);
      }
    }
  }

  async #try(): Promise<GattLink> {
    await Promise.resolve();
    const { find, free } = this.#ground;
    const peripheral = await Promise.race([find(this.#peer), this.#stopped]);
    await Promise.race([free(peripheral), this.#stopped]);
    await this.#establish(peripheral);
    const link = await this.#setUp(peripheral);
    this.#unlessStopped();
    this.#link = link;
    return link;
  }

  /** A cancellation or a disconnection may have come together with the last answer. */
  #unlessStopped(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  #stop(reason: MeshError): void {
    this.#reason ??= reason;
    this.#reject(reason);
  }

  async #establish(peripheral: NoblePeripheral): Promise<void> {
    const turn = this.#ground.turn();
    const endTurn = await Promise.race([turn, this.#stopped]).catch((thrown: unknown) => {
      void turn.then((end) => end());
      throw thrown;
    });
    const scan = await this.#ground.pause();
    try {
      if (!(await Promise.race([this.#ground.free(peripheral), this.#stopped]))) {
        throw connectFailed(this.#peer, 'there is one already');
      }
      if (peripheral.state !== 'disconnected' && peripheral.state !== 'error') await this.#end(peripheral);
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
        await this.#withdraw(peripheral);
        throw thrown;
      });
      this.#peripheral = peripheral;
    } finally {
      scan();
      endTurn();
    }
  }

  /** Takes an attempt back, and waits for how it ends: the connection may just have come about. */
  async #withdraw(peripheral: NoblePeripheral): Promise<void> {
    if (peripheral.state === 'connecting') {
      // First the library calls back that it was cancelled, at once; then how it really ended.
      peripheral.cancelConnect();
      await this.#hear(peripheral, 'connect');
    }
    if (peripheral.state === 'connected') await this.#end(peripheral);
  }

  #end(peripheral: NoblePeripheral): Promise<void> {
    const ended = this.#hear(peripheral, 'disconnect');
    peripheral.disconnect();
    return ended;
  }

  /** Resolves with the next such event, or after a while. */
  async #hear(peripheral: NoblePeripheral, event: 'connect' | 'disconnect'): Promise<void> {
    let heard: () => void = () => {};
    const hearing = step(this.#ground.clock, `waiting for "${event}"`, END_MS, (done) => {
      heard = () => done();
      peripheral.on(event, heard);
    });
    await hearing.catch((thrown: unknown) => this.#ground.log('debug', `noble: ${messageOf(thrown)}`));
    peripheral.removeListener(event, heard);
  }

  /** The exchange of the MTU is ahead in the queue of the library: it has ended when the service is found. */
  async #setUp(peripheral: NoblePeripheral): Promise<NobleLink> {
    const { clock, log, pace } = this.#ground;
    const [service, input, output] = [this.#service.uuid, this.#service.dataIn, this.#service.dataOut].map(textOf);
    const found = await this.#race<readonly NobleCharacteristic[]>('finding the service', (done) =>
      peripheral.discoverSomeServicesAndCharacteristics([service!], [...new Set([input!, output!])], (error, _, all) =>
        done(error, all ?? []),
      ),
    );
    const dataIn = found.find(({ uuid }) => uuid === input);
    const dataOut = found.find(({ uuid }) => uuid === output);
    if (dataIn === undefined || dataOut === undefined) throw new Error(`the service ${service} lacks a characteristic`);
    if (!dataOut.properties.some((property) => property === 'notify' || property === 'indicate')) {
      throw new Error(`the characteristic ${output} does not notify`);
    }
    const over = () => {
      peripheral.removeListener('disconnect', this.#disconnected);
      if (this.#link !== undefined) this.#over(this);
    };
    const link = new NobleLink({ clock, log, pace, peripheral, dataIn, dataOut, over });
    this.#made = link;
    await this.#race('subscribing', (done) => dataOut.subscribe((error) => done(error)));
    return link;
  }

  #race<T>(what: string, start: (done: (error?: unknown, value?: T) => void) => void): Promise<T> {
    const answer = step(this.#ground.clock, what, SET_UP_MS, start);
    answer.catch(() => {});
    return Promise.race([answer, this.#stopped]);
  }

  /** What is left of a failed attempt. */
  async #drop(): Promise<void> {
    const peripheral = this.#peripheral;
    this.#made?.ended(linkClosed());
    if (peripheral === undefined) return;
    peripheral.removeListener('disconnect', this.#disconnected);
    if (peripheral.state === 'connected') await this.#end(peripheral);
  }

  readonly #disconnected = (): void => {
    this.#stop(connectFailed(this.#peer, 'it disconnected before the service was ready'));
    this.#link?.ended(linkClosed());
  };
}

/** As the libraries write UUIDs: hexadecimal without dashes, 16-bit ones not padded. */
function textOf(uuid: GattUuid): string {
  return typeof uuid === 'number' ? uuid.toString(16) : uuid.replaceAll('-', '').toLowerCase();
}

function isMeshError(thrown: unknown): thrown is MeshError {
  return thrown instanceof Error && thrown.name === 'MeshError';
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
