import { AccessLayer, type Model } from '@meshferry/access';
import { memoryAir } from '@meshferry/bearer';
import { fromHex, MemoryStore, SeededRandom, type Store, storeView, toHex, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type AccessReceived, type NetworkHost, NetworkLayer, type NetworkLayerOptions } from '@meshferry/network';

export const GROUP = 0xc000;
const NET_KEY = new Uint8Array(16).fill(0x11);
const APP_KEY = new Uint8Array(16).fill(0x22);

/** An access message as a node received it: opcode and parameters in hex, and when. */
export interface Heard {
  readonly at: number;
  readonly src: number;
  readonly dst: number;
  readonly ttl: number;
  readonly hex: string;
}

/** A node on the air. */
export interface Station {
  readonly address: number;
  readonly network: NetworkLayer;
  /** Everything that reached its access layer, in order. */
  readonly heard: Heard[];
  /** Sends nothing and hears nothing while true. */
  deaf: boolean;
  /** Access messages that this says no to are lost between network and models. */
  listens: (hex: string) => boolean;
  /** Sends an access message as it stands. */
  send(dst: number, hex: string, ttl?: number): void;
  /** Lets it receive an access message that did not go over the air: for the bulk of long transfers. */
  inject(src: number, hex: string): void;
  /** Power cut: it vanishes from the air, its store remains. */
  close(): void;
}

export interface StationOptions {
  /** The models under test, on element 0, bound to AppKey 0 and subscribed to the group. None: a lower tester. */
  readonly models?: readonly Model[];
  /** Of a lower tester: takes messages. */
  readonly heard?: (message: Heard) => void;
  readonly store?: Store;
  /** Friend or Low Power node; default: neither. */
  readonly role?: Pick<NetworkLayerOptions, 'friend' | 'lowPower'>;
}

/** One network in one air: whole stacks from the bearer upwards, in simulated time. */
export class Air {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly #air: ReturnType<typeof memoryAir>;
  readonly #radios = new Map<number, ReturnType<ReturnType<typeof memoryAir>['join']>>();
  readonly #stations: Station[] = [];

  constructor(options: { readonly seed?: number; readonly loss?: number } = {}) {
    const { seed = 1, loss = 0 } = options;
    this.random = new SeededRandom(seed);
    const isDeaf = (radio: number): boolean => this.#stations[radio]?.deaf === true;
    this.#air = memoryAir(this.clock, this.random.fork('air'), {
      loss: (from, to) => (isDeaf(from) || isDeaf(to) ? 1 : loss),
    });
  }

  join(address: number, options: StationOptions): Station {
    const { models = [], store = new MemoryStore() } = options;
    const { clock } = this;
    const base = { clock, random: this.random.fork(`node ${address}`), crypto: portableCrypto, address };
    const identity = { cid: 0x0059, pid: 1, vid: 1, crpl: 100, features: 0 } as never;
    const access = new AccessLayer({ ...base, store: storeView(store, 'access/'), identity });
    if (models.length > 0) access.addElement(0, models);
    const receive = (message: AccessReceived): void => {
      const { src, dst, ttl } = message;
      const heard: Heard = { at: clock.now, src, dst, ttl, hex: toHex(message.payload) };
      // What a lower tester sends to its own group is not news to it.
      if (src === address || station.deaf || !station.listens(heard.hex)) return;
      station.heard.push(heard);
      if (models.length > 0) access.receive(message);
      else options.heard?.(heard);
    };
    const host: NetworkHost =
      models.length === 0
        ? { isSubscribed: (dst) => dst === GROUP, labelsOf: () => [], deviceKeyOf: () => undefined, receive }
        : {
            isSubscribed: (dst) => access.isSubscribed(dst),
            labelsOf: (dst) => access.labelsOf(dst),
            deviceKeyOf: (node) => access.deviceKeyOf(node),
            receive,
          };
    const network = new NetworkLayer({
      ...base,
      store: storeView(store, 'net/'),
      host,
      elements: 1,
      deviceKey: new Uint8Array(16).fill(address & 0xff),
      transmit: { count: 3, intervalMs: 20 },
      ...options.role,
    });
    network.addNetKey(0, NET_KEY);
    network.addAppKey(0, 0, APP_KEY);
    let radio = this.#radios.get(address);
    if (radio === undefined) {
      radio = this.#air.join();
      this.#radios.set(address, radio);
    }
    const detach = network.attach(radio.advertising);
    if (models.length > 0) access.connect(network);
    for (const model of models) {
      model.bind(0);
      model.subscribe(GROUP);
    }
    const station: Station = {
      address,
      network,
      heard: [],
      deaf: false,
      listens: () => true,
      send: (dst, hex, ttl = 3) => {
        network.send({ src: address, dst, key: { kind: 'app', index: 0 }, ttl, payload: fromHex(hex) });
      },
      inject: (src, hex) =>
        receive({
          src,
          dst: address,
          key: { kind: 'app', index: 0 },
          netIndex: 0,
          credentials: 'flooding',
          ttl: 3,
          seq: 0,
          payload: fromHex(hex),
        }),
      close: () => {
        detach();
        network.close();
      },
    };
    this.#stations[radio.number] = station;
    return station;
  }

  /** Runs until this is so; throws when it is not within the time. */
  until(isSo: () => boolean, maxSeconds: number, what: string): void {
    const end = this.clock.now + maxSeconds * 1000;
    while (!isSo()) {
      if (this.clock.now > end || !this.clock.step()) throw new Error(`${what}: not within ${maxSeconds} s`);
    }
  }
}
