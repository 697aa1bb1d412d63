import type { Advertising, Bearer, GattCentral, GattPeripheral } from '@meshferry/bearer';
import type { Clock, MeshError, Random } from '@meshferry/core';
import { openRadios, type RadioPlan } from '../bearers/radio.ts';
import { ExitCode, Stop } from '../shell/exit.ts';
import { realClock, realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';
import { LiveTraffic } from './live-traffic.ts';

/** Real time in which the last messages leave, ms. */
const LEAVE_MS = 500;

/** Real radios in real time, and Ctrl-C. */
export class LiveRadio {
  readonly clock: Clock = realClock;
  readonly random: Random = realRandom;
  readonly traffic: LiveTraffic;
  readonly central: GattCentral | undefined;
  readonly peripheral: GattPeripheral | undefined;
  readonly #bearers: readonly Bearer[];
  readonly #interrupt: Interrupt;

  /** Ends the command with 4 when a radio is not available. */
  static async open(shell: Shell, plans: readonly RadioPlan[]): Promise<LiveRadio> {
    const interrupt = new Interrupt(shell);
    try {
      const ground = { clock: realClock, random: realRandom, log: shell.log };
      return new LiveRadio(await openRadios(plans, ground), interrupt);
    } catch (thrown) {
      interrupt.close();
      throw thrown;
    }
  }

  private constructor(bearers: readonly Bearer[], interrupt: Interrupt) {
    this.#bearers = bearers;
    this.#interrupt = interrupt;
    this.traffic = new LiveTraffic(bearers.find(({ advertising }) => advertising !== undefined)?.advertising);
    this.central = bearers.find(({ central }) => central !== undefined)?.central;
    this.peripheral = bearers.find(({ peripheral }) => peripheral !== undefined)?.peripheral;
  }

  /** What is sent by it is counted. */
  get advertising(): Advertising | undefined {
    return this.traffic.advertising;
  }

  /** As `Session.run`. */
  async run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T> {
    try {
      return await Promise.race([work, this.#interrupt.heard]);
    } catch (thrown) {
      if (!(thrown instanceof Interrupted)) throw thrown;
      // It goes on until the radio is closed, and nobody waits for it any more.
      work.catch(() => {});
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
    for (const bearer of this.#bearers) bearer.close();
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
