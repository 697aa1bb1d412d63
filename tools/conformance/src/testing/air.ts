import { AccessLayer, type Model } from '@meshferry/access';
import { memoryAir } from '@meshferry/bearer';
import {
  type AppIndex,
  fromHex,
  MemoryStore,
  SeededRandom,
  type Store,
  storeView,
  toHex,
  VirtualClock,
} from '@meshferry/core';
import { portableCrypto, virtualAddress } from '@meshferry/crypto';
import { type AccessReceived, type NetworkHost, NetworkLayer, type NetworkLayerOptions } from '@meshferry/network';

export const GROUP = 0xc000;
const NET_KEY = new Uint8Array(16).fill(0x11);
/** AppKeys 0, 1 and 2, which every node holds; models are bound to the first one. */
const APP_KEYS = [0x22, 0x23, 0x24].map((octet) => new Uint8Array(16).fill(octet));

/** An access message as a node received it: opcode and parameters in hex, and when. */
export interface Heard {
  readonly at: number;
  readonly src: number;
  readonly dst: number;
  readonly ttl: number;
  /** The AppKey that secured it. */
  readonly appIndex: AppIndex;
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
  send(dst: number, hex: string, options?: { readonly ttl?: number; readonly appIndex?: AppIndex }): void;
  /** Lets it receive an access message that did not go over the air: for the bulk of long transfers. */
  inject(src: number, hex: string): void;
  /** Power cut: it vanishes from the air, its store remains. */
  close(): void;
}

export interface StationOptions {
  /** The models under test, on element 0, bound to AppKey 0 and subscribed to the group. None: a lower tester. */
  readonly models?: readonly Model[];
  /** More of them, on element 1. */
  readonly secondElement?: readonly Model[];
  /** More AppKeys that they are bound to. */
  readonly appKeys?: readonly AppIndex[];
  /** Of a lower tester: what it subscribes to besides the group. */
  readonly label?: Uint8Array;
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
    const { models = [], secondElement = [], appKeys = [], label, store = new MemoryStore() } = options;
    const elements = [models, secondElement].filter(({ length }) => length > 0);
    const { clock } = this;
    const base = { clock, random: this.random.fork(`node ${address}`), crypto: portableCrypto, address };
    const identity = { cid: 0x0059, pid: 1, vid: 1, crpl: 100, features: 0 } as never;
    const access = new AccessLayer({ ...base, store: storeView(store, 'access/'), identity });
    for (const element of elements) access.addElement(0, element);
    const receive = (message: AccessReceived): void => {
      const { src, dst, ttl, key } = message;
      const appIndex = key.kind === 'app' ? key.index : -1;
      const heard: Heard = { at: clock.now, src, dst, ttl, appIndex, hex: toHex(message.payload) };
      // What a lower tester sends to its own group is not news to it.
      if ((src === address && models.length === 0) || station.deaf || !station.listens(heard.hex)) return;
      station.heard.push(heard);
      if (models.length > 0) access.receive(message);
      else options.heard?.(heard);
    };
    const labelAddress = label && virtualAddress(portableCrypto, label);
    const host: NetworkHost =
      models.length === 0
        ? {
            isSubscribed: (dst) => dst === GROUP || dst === labelAddress,
            labelsOf: (dst) => (label !== undefined && dst === labelAddress ? [label] : []),
            deviceKeyOf: () => undefined,
            receive,
          }
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
      elements: Math.max(1, elements.length),
      deviceKey: new Uint8Array(16).fill(address & 0xff),
      transmit: { count: 3, intervalMs: 20 },
      ...options.role,
    });
    network.addNetKey(0, NET_KEY);
    for (const [index, key] of APP_KEYS.entries()) network.addAppKey(index, 0, key);
    let radio = this.#radios.get(address);
    if (radio === undefined) {
      radio = this.#air.join();
      this.#radios.set(address, radio);
    }
    const detach = network.attach(radio.advertising);
    if (models.length > 0) access.connect(network);
    for (const model of elements.flat()) {
      for (const index of [0, ...appKeys]) model.bind(index);
      model.subscribe(GROUP);
    }
    const station: Station = {
      address,
      network,
      heard: [],
      deaf: false,
      listens: () => true,
      send: (dst, hex, { ttl = 3, appIndex = 0 } = {}) => {
        network.send({ src: address, dst, key: { kind: 'app', index: appIndex }, ttl, payload: fromHex(hex) });
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
