import { type GattLink, type GattService, type GattUuid, pairingNeeded, sameGattUuid } from '@meshferry/bearer';
import type { Clock, Log, MeshError } from '@meshferry/core';
import type { ConnectionUser, NobleConnection } from './connection.ts';
import { bearerClosed, connectFailed, linkClosed, printPeer } from './errors.ts';
import { NobleLink } from './link.ts';
import type { NobleCharacteristic, NoblePeripheral } from './noble-api.ts';
import type { Pace } from './pace.ts';
import type { Refusal, Refusals } from './refusals.ts';
import { step } from './steps.ts';

/** MTU, service, characteristics and subscription together, ms. */
const SET_UP_MS = 10_000;

export interface AttemptGround {
  readonly clock: Clock;
  readonly log: Log;
  readonly pace: Pace;
  /** ATT_MTU that servers are asked for. */
  readonly mtu: number;
  find(peer: string): Promise<NoblePeripheral>;
  /** Who uses this service of the device already, or is about to, or has not yet left it. */
  rival(attempt: Attempt, peripheral: NoblePeripheral): Attempt | undefined;
  /** The connection to the device that there is, or a new one. */
  connection(peripheral: NoblePeripheral, peer: string): NobleConnection;
  /** What the device says no with from now on. */
  refusals(peripheral: NoblePeripheral): Refusals;
}

/**
 * One service of a device, from asking for it to its end: finding the device, connecting or sharing the connection that there is,
 * setting up, linked, over. Whatever the library never answers is raced with a timer, the end of the connection, and {@link end}.
 */
export class Attempt implements ConnectionUser {
  readonly service: GattService;
  /** Resolves when there is a link, or nothing is left of the attempt. */
  readonly settled: Promise<void>;
  readonly #ground: AttemptGround;
  readonly #peer: string;
  readonly #over: (attempt: Attempt) => void;
  readonly #stopped: Promise<never>;
  #reason: MeshError | undefined;
  #reject: (reason: MeshError) => void = () => {};
  #done: ((outcome: GattLink | MeshError) => void) | undefined;
  #connection: NobleConnection | undefined;
  /** Where notifications were asked for. */
  #subscribed: NobleCharacteristic | undefined;
  /** Hears what comes before the subscription is answered; it is handed over afterwards. */
  #made: NobleLink | undefined;
  #link: NobleLink | undefined;
  #left: Promise<void> | undefined;

  constructor(
    ground: AttemptGround,
    peer: string,
    service: GattService,
    done: (outcome: GattLink | MeshError) => void,
    over: (attempt: Attempt) => void,
  ) {
    this.#ground = ground;
    this.#peer = peer;
    this.service = service;
    this.#done = done;
    this.#over = over;
    this.#stopped = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#stopped.catch(() => {});
    this.settled = this.#run();
  }

  /** Whether it uses a connection to this device, or has not yet left it. */
  uses(peripheral: NoblePeripheral): boolean {
    return this.#connection?.peripheral === peripheral;
  }

  /** Undefined: it has a link, and keeps it. Else resolves when it has one, or is out of the way. */
  get passing(): Promise<void> | undefined {
    return this.#link === undefined ? this.settled : this.#left;
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
    this.#connection?.abandon();
    this.#link.ended(reason);
  }

  disconnected(): void {
    this.#stop(connectFailed(this.#peer, 'it disconnected before the service was ready'));
    this.#link?.ended(linkClosed());
  }

  async #run(): Promise<void> {
    const outcome = await this.#try().catch((thrown: unknown) =>
      isMeshError(thrown) ? thrown : connectFailed(this.#peer, messageOf(thrown), thrown),
    );
    try {
      this.#done?.(outcome);
    } finally {
      if (this.#link === undefined) {
        this.#made?.ended(linkClosed());
        await this.#leave();
        this.#over(this);
      }
    }
  }

  async #try(): Promise<GattLink> {
    await Promise.resolve();
    const peripheral = await Promise.race([this.#ground.find(this.#peer), this.#stopped]);
    const connection = await this.#join(peripheral);
    await Promise.race([connection.opened, this.#stopped]);
    let isBegun = false;
    const setUp = connection.inTurn((hold) => {
      isBegun = true;
      return this.#setUp(peripheral, hold);
    });
    setUp.catch(() => {});
    // Once it is begun it knows better why it ends.
    const stopped = this.#stopped.catch((reason: MeshError) => (isBegun ? setUp : Promise.reject(reason)));
    const link = await Promise.race([setUp, stopped]);
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

  async #join(peripheral: NoblePeripheral): Promise<NobleConnection> {
    for (;;) {
      this.#unlessStopped();
      const rival = this.#ground.rival(this, peripheral);
      if (rival !== undefined) {
        const { passing } = rival;
        if (passing === undefined) throw connectFailed(this.#peer, 'there is one already, with this service in use');
        await Promise.race([passing, this.#stopped]);
        continue;
      }
      const connection = this.#ground.connection(peripheral, this.#peer);
      if (connection.isEnding) await Promise.race([connection.over, this.#stopped]);
      else {
        connection.join(this);
        this.#connection = connection;
        return connection;
      }
    }
  }

  /** The exchange of the MTU is ahead in the queue of the library: it has ended when the service is found. */
  async #setUp(peripheral: NoblePeripheral, hold: (answer: Promise<unknown>) => void): Promise<NobleLink> {
    this.#unlessStopped();
    const { clock, log, pace, mtu } = this.#ground;
    const [service, input, output] = [this.service.uuid, this.service.dataIn, this.service.dataOut].map(textOf);
    const refusals = this.#ground.refusals(peripheral);
    const race = <T>(what: string, start: (done: (error?: unknown, value?: T) => void) => void): Promise<T> => {
      const answer = step(clock, what, SET_UP_MS, start);
      hold(answer);
      return Promise.race([answer, this.#stopped, refusals.final]);
    };
    try {
      const found = await race<readonly NobleCharacteristic[]>('finding the service', (done) =>
        peripheral.discoverSomeServicesAndCharacteristics(
          [service!],
          [...new Set([input!, output!])],
          (error, _, all) => done(error, all ?? []),
        ),
      );
      const dataIn = found.find(({ uuid }) => uuid === input);
      const dataOut = found.find(({ uuid }) => uuid === output);
      if (dataIn === undefined || dataOut === undefined)
        throw new Error(`the service ${service} lacks a characteristic`);
      if (!dataOut.properties.some((property) => property === 'notify' || property === 'indicate')) {
        throw new Error(`the characteristic ${output} does not notify`);
      }
      const leave = (isDead: boolean) => void this.#leaveLink(isDead);
      const over = () => {
        if (this.#link !== undefined && this.#left === undefined) this.#over(this);
      };
      this.#unlessStopped();
      this.#made = new NobleLink({ clock, log, pace, peripheral, dataIn, dataOut, mtu, leave, over });
      this.#subscribed = dataOut;
      await race('subscribing', (done) => dataOut.subscribe((error) => done(error)));
      return this.#made;
    } catch (thrown) {
      throw this.#named(this.#reason ?? thrown, refusals.last);
    } finally {
      refusals.end();
    }
  }

  /** Whether it is for the lack of pairing that a device did not answer, or said no. */
  #named(thrown: unknown, refusal: Refusal | undefined): unknown {
    if (isMeshError(thrown) && thrown.code !== 'connect-failed') return thrown;
    const told = /authenticat|encrypt|\bpair/i.test(messageOf(thrown)) ? messageOf(thrown) : undefined;
    const reason = refusal?.needsPairing === true ? refusal.reason : told;
    return reason === undefined ? thrown : pairingNeeded(printPeer(this.#peer), reason, thrown);
  }

  /** This end disconnects. */
  async #leaveLink(isDead: boolean): Promise<void> {
    this.#left = isDead ? this.#connection?.end() : this.#leave();
    await this.#left;
    this.#link?.ended(linkClosed());
    this.#over(this);
  }

  /** Out of the connection, which ends with its last user; the device is told if it goes on for others. */
  async #leave(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#subscribed !== undefined && connection.isSharedBy(this)) await connection.unsubscribe(this.#subscribed);
    await connection.leave(this);
  }
}

/** Whether two attempts are for the same service. */
export function isSameService(a: Attempt, b: Attempt): boolean {
  return sameGattUuid(a.service.uuid, b.service.uuid);
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
