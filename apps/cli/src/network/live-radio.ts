import {
  type Advertising,
  type Bearer,
  type Bridge,
  type Bridged,
  type GattCentral,
  type GattPeripheral,
  joinBearers,
  reconnecting,
} from '@meshferry/bearer';
import { type Clock, MeshError, type Random } from '@meshferry/core';
import { openRadios, type RadioPlan } from '../bearers/radio.ts';
import { ExitCode, Stop } from '../shell/exit.ts';
import { realClock, realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';
import { joinAdvertisings, joinCentrals } from './joined.ts';
import { LiveTraffic } from './live-traffic.ts';
import { Outage } from './outage.ts';

/** Real time in which the last messages leave, ms. */
const LEAVE_MS = 500;
/** The longest time between two attempts to open a radio that is gone, ms. */
const RETRY_MS = 5000;

/** Real radios in real time, and Ctrl-C. Those that are lost are opened again, as `--reconnect` says. */
export class LiveRadio {
  readonly clock: Clock = realClock;
  readonly random: Random = realRandom;
  readonly traffic: LiveTraffic = new LiveTraffic();
  /** Of each radio that can do nothing else. */
  readonly proxyClients: readonly GattCentral[];
  /** All of them as one, to look for devices and talk to them. */
  readonly advertising: Advertising | undefined;
  readonly central: GattCentral | undefined;
  readonly #bridge: Bridge;
  readonly #interrupt: Interrupt;
  readonly #outage: Outage;

  /** Ends the command with 4 when a radio is not available. */
  static async open(shell: Shell, plans: readonly RadioPlan[]): Promise<LiveRadio> {
    const interrupt = new Interrupt(shell);
    const outage = new Outage(shell, realClock);
    const ground = { clock: realClock, random: realRandom, log: shell.log };
    try {
      const opening = openRadios(plans, ground, (open, uri) =>
        reconnecting(open, realClock, {
          longestMs: RETRY_MS,
          listener: (change) => outage.changed(uri, change),
        }),
      );
      const radios = await Promise.race([opening, interrupt.heard]).catch((thrown) => {
        opening.then((late) => late.map((radio) => radio.close())).catch(() => {});
        throw thrown;
      });
      return new LiveRadio(radios, interrupt, outage);
    } catch (thrown) {
      interrupt.close();
      if (!(thrown instanceof Interrupted)) throw thrown;
      throw new Stop(ExitCode.interrupted, new MeshError('interrupted', 'interrupted while the radio was opened'));
    }
  }

  private constructor(radios: readonly Bearer[], interrupt: Interrupt, outage: Outage) {
    this.#interrupt = interrupt;
    this.#outage = outage;
    const bearers = radios.map((radio) => this.traffic.count(radio));
    this.#bridge = joinBearers(bearers, realClock);
    // Who can advertise needs no proxy.
    const { centrals } = joinBearers(
      bearers.filter(({ advertising }) => advertising === undefined),
      realClock,
    );
    this.proxyClients = centrals;
    this.advertising = joinAdvertisings(this.#bridge.advertisings);
    this.central = joinCentrals(this.#bridge.centrals);
  }

  /** Of each radio that has it. */
  get advertisings(): readonly Advertising[] {
    return this.#bridge.advertisings;
  }

  get peripherals(): readonly GattPeripheral[] {
    return this.#bridge.peripherals;
  }

  attachTo(device: Bridged): void {
    this.#bridge.attachTo(device);
  }

  /** As `Session.run`; also ends the command with 4 when a radio is gone for good. */
  async run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T> {
    try {
      return await Promise.race([work, this.#interrupt.heard, this.#outage.givenUp]);
    } catch (thrown) {
      // It goes on until the radio is closed, and nobody waits for it any more.
      work.catch(() => {});
      const { reason } = this.#outage;
      if (reason !== undefined && !(thrown instanceof Interrupted)) {
        const { hint = 'Plug it in again, and do it again.' } = interrupted();
        throw new Stop(ExitCode.unavailable, new MeshError(reason.code, reason.message, { hint }));
      }
      if (!(thrown instanceof Interrupted)) throw thrown;
      if (leave !== undefined) {
        leave();
        await this.pause(LEAVE_MS);
      }
      throw new Stop(ExitCode.interrupted, interrupted());
    }
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, () => resolve()));
  }

  close(): void {
    this.#interrupt.close();
    this.#outage.close();
    this.#bridge.close();
  }
}

/** Ctrl-C, heard from the first moment on: the work begins, and writes, before anybody waits for it. */
class Interrupt {
  readonly heard: Promise<never>;
  readonly close: () => void;

  constructor({ io }: Shell) {
    let interrupt = (): void => {};
    this.heard = new Promise((_, reject) => {
      interrupt = () => reject(new Interrupted());
    });
    this.heard.catch(() => {});
    this.close = io.signals.listen(() => interrupt());
  }
}

class Interrupted extends Error {}
