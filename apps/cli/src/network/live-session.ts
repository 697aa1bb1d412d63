import type { Advertising, GattCentral } from '@meshferry/bearer';
import { type Clock, type MeshError, type Random, type Store, storeView } from '@meshferry/core';
import { nodeCrypto } from '@meshferry/crypto-node';
import type { ProxyConnectorOptions } from '@meshferry/network';
import { type MeshNetwork, NetworkState, type UpdaterRole } from '@meshferry/node';
import { asInput } from '../shell/exit.ts';
import type { Shell } from '../shell/shell.ts';
import { stateFolder } from '../shell/state-folder.ts';
import type { LiveRadio } from './live-radio.ts';
import {
  composeOwnPart,
  type OwnPart,
  type Session,
  type SessionOptions,
  type Surroundings,
  type Traffic,
} from './session.ts';

/** Segmented answers that can be on their way to this process at a time, when it asks all nodes at once. */
const MANY_ANSWERS = 512;

/** Real radios in real time, and the network of the state folder. */
export class LiveSession implements Session {
  readonly folder: string;
  readonly store: Store;
  readonly networkStore: Store;
  readonly state: NetworkState | undefined;
  readonly surroundings: Surroundings = NOTHING_KNOWN;
  readonly smp = undefined;
  readonly #radio: LiveRadio;
  readonly #own: OwnPart | undefined;
  #isReleased = false;

  /** Takes over the radio and the store, also when it throws. */
  constructor(shell: Shell, radio: LiveRadio, store: Store, { node = 'member' }: SessionOptions = {}) {
    this.folder = stateFolder(shell);
    this.store = store;
    this.networkStore = storeView(store, 'network/');
    this.#radio = radio;
    try {
      this.state = asInput(() => NetworkState.open(this.networkStore));
      const { clock, random } = radio;
      const ground = { clock, random, crypto: nodeCrypto, log: shell.log, store: storeView(store, 'node/') };
      this.#own = composeOwnPart(shell, ground, this.state, { incoming: MANY_ANSWERS });
      if (node === 'member') this.#goOnAir();
      else if (node === 'listener' && radio.advertisings.length === 0) this.#goOnAir({ everything: true });
      else this.#release();
    } catch (thrown) {
      radio.close();
      store.close();
      throw thrown;
    }
  }

  get clock(): Clock {
    return this.#radio.clock;
  }

  get random(): Random {
    return this.#radio.random;
  }

  get advertising(): Advertising | undefined {
    return this.#radio.advertising;
  }

  get central(): GattCentral | undefined {
    return this.#radio.central;
  }

  get network(): MeshNetwork | undefined {
    return this.#own?.network;
  }

  get role(): UpdaterRole {
    return this.#own?.role as UpdaterRole;
  }

  get traffic(): Traffic {
    return this.#radio.traffic;
  }

  run<T>(work: Promise<T>, interrupted: () => MeshError, leave?: () => void): Promise<T> {
    return this.#radio.run(work, interrupted, leave);
  }

  openJobs(): Random {
    return this.random;
  }

  /** Real time never stands still. */
  hold(): void {}

  async close(): Promise<void> {
    this.#release();
    this.#radio.close();
  }

  /** The node leaves the air; what is known of the network stays readable. */
  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.network?.close();
    this.store.close();
  }

  /** By advertising with each radio that can, through a proxy of the network with each other one. */
  #goOnAir(options: ProxyConnectorOptions = {}): void {
    const node = this.network?.node;
    for (const advertising of this.#radio.advertisings) node?.attach(advertising);
    for (const central of this.#radio.proxyClients) node?.network.proxy.connect(central, options);
  }
}

const NOTHING_KNOWN: Surroundings = {
  company: undefined,
  isEmpty: false,
  targets: [],
  distributors: [],
  label: () => [],
  user: () => undefined,
  advice: { targets: 'Configure', distributor: 'Configure a node with a Firmware Distribution Server' },
};
