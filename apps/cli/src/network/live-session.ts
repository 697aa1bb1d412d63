import type { Advertising, Bearer, GattCentral } from '@meshferry/bearer';
import { type Clock, type MeshError, type Random, type Store, storeView } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import { type MeshNetwork, NetworkState, type UpdaterRole } from '@meshferry/node';
import { openRadios, type RadioPlan } from '../bearers/radio.ts';
import { asInput, ExitCode, Stop } from '../shell/exit.ts';
import { realClock, realRandom } from '../shell/host.ts';
import type { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import { LiveTraffic } from './live-traffic.ts';
import { composeOwnPart, type OwnPart, type Session, type SessionOptions, type Surroundings } from './session.ts';

/** Segmented answers that can be on their way to this process at a time, when it asks all nodes at once. */
const MANY_ANSWERS = 512;
/** Real time in which the last messages leave, ms. */
const LEAVE_MS = 500;

/** Real radios in real time, and the network of the state folder. */
export class LiveSession implements Session {
  readonly clock: Clock = realClock;
  readonly random: Random = realRandom;
  readonly folder: string;
  readonly store: Store;
  readonly networkStore: Store;
  readonly state: NetworkState | undefined;
  readonly traffic: LiveTraffic;
  readonly surroundings: Surroundings = NOTHING_KNOWN;
  readonly central: GattCentral | undefined;
  readonly #radios: readonly Bearer[];
  readonly #own: OwnPart | undefined;
  readonly #interrupt: Interrupt;

  /** Takes the store over. Ends the command with 4 when a radio is not available. */
  static async open(
    shell: Shell,
    store: Store,
    radios: readonly RadioPlan[],
    options?: SessionOptions,
  ): Promise<LiveSession> {
    try {
      const ground = { clock: realClock, random: realRandom, log: shell.log };
      return new LiveSession(shell, store, await openRadios(radios, ground), options);
    } catch (thrown) {
      store.close();
      throw thrown;
    }
  }

  private constructor(shell: Shell, store: Store, radios: readonly Bearer[], { node = true }: SessionOptions = {}) {
    this.folder = stateFolder(shell);
    this.store = store;
    this.networkStore = storeView(store, 'network/');
    this.#radios = radios;
    this.#interrupt = new Interrupt(shell);
    try {
      this.state = asInput(() => NetworkState.open(this.networkStore));
      this.traffic = new LiveTraffic(radios.find(({ advertising }) => advertising !== undefined)?.advertising);
      this.central = radios.find(({ central }) => central !== undefined)?.central;
      this.#own = this.#compose(shell);
      if (node) this.#attach();
    } catch (thrown) {
      this.#interrupt.close();
      for (const radio of radios) radio.close();
      throw thrown;
    }
  }

  get advertising(): Advertising | undefined {
    return this.traffic.advertising;
  }

  get network(): MeshNetwork | undefined {
    return this.#own?.network;
  }

  get role(): UpdaterRole {
    return this.#own?.role as UpdaterRole;
  }

  async run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T> {
    try {
      return await Promise.race([work, this.#interrupt.heard]);
    } catch (thrown) {
      if (!(thrown instanceof Interrupted)) throw thrown;
      // It goes on until the radio is closed, and nobody waits for it any more.
      work.catch(() => {});
      if (leave !== undefined) {
        leave();
        await new Promise<void>((resolve) => this.clock.after(LEAVE_MS, () => resolve()));
      }
      throw new Stop(ExitCode.interrupted, interrupted());
    }
  }

  openJobs(): Random {
    return this.random;
  }

  /** Real time never stands still. */
  hold(): void {}

  async close(): Promise<void> {
    this.#interrupt.close();
    this.network?.close();
    for (const radio of this.#radios) radio.close();
    this.store.close();
  }

  #compose(shell: Shell): OwnPart | undefined {
    const { clock, random, state } = this;
    const ground = { clock, random, crypto: nodeCrypto, log: shell.log, store: storeView(this.store, 'node/') };
    return composeOwnPart(shell, ground, state, { incoming: MANY_ANSWERS });
  }

  #attach(): void {
    const { network, advertising, central } = this;
    if (advertising !== undefined) network?.node.attach(advertising);
    else if (central !== undefined) network?.node.network.proxy.connect(central);
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

const NOTHING_KNOWN: Surroundings = {
  company: undefined,
  isEmpty: false,
  targets: [],
  distributors: [],
  label: () => [],
  user: () => undefined,
  advice: { targets: 'Configure', distributor: 'Configure a node with a Firmware Distribution Server' },
};
