import { Model } from '@meshferry/access';
import { AD_MESH_MESSAGE, type MemoryAir, memoryAir } from '@meshferry/bearer';
import { type Clock, MemoryStore, SeededRandom, type Store, storeView, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { type ProvisioningBearer, pbAdv } from '@meshferry/provisioning';
import { MeshDevice } from '../mesh-device.ts';
import { MeshNetwork } from '../mesh-network.ts';
import { MeshNode } from '../mesh-node.ts';
import { createNetwork } from '../network-begin.ts';
import { NetworkState } from '../network-state.ts';
import { PoweredClock } from '../powered-clock.ts';

/** 2026-01-01T00:00:00Z. */
const NEW_YEAR = 1_767_225_600_000;

export interface NetworkBenchOptions {
  readonly devices?: number;
  /** Elements of each device; every one has the model {@link MODEL}. Default 1. */
  readonly elements?: number;
  readonly staticOob?: Uint8Array;
  /** Of the provisioner. */
  readonly store?: Store;
  readonly seed?: string;
}

/** A model of the devices that takes AppKeys, subscriptions and publications. */
export const MODEL = 0x0001_0002;

/** A provisioner with a network of its own, and devices round it: two real ends in one air. */
export class NetworkBench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly air: MemoryAir;
  readonly devices: readonly MeshDevice[];
  /** All Network PDUs that were on the air, in their order. */
  readonly heard: { readonly at: number; readonly data: Uint8Array }[] = [];
  bearer!: ProvisioningBearer;
  network!: MeshNetwork;
  /** The provisioner hears nothing; it is heard. */
  deaf = false;
  readonly #seed: string;
  #powered: PoweredClock | undefined;
  #closeRadio: () => void = () => {};
  #lives = 0;

  constructor(options: NetworkBenchOptions = {}) {
    const { devices = 1, seed = 'bench' } = options;
    const { clock } = this;
    this.#seed = seed;
    // Provisioners come into the air after the devices and one who only listens.
    const hears = (_: number, to: number): boolean => !(this.deaf && to > devices);
    this.air = memoryAir(clock, new SeededRandom(`${seed}/air`), { sets: 4, hears });
    this.devices = Array.from({ length: devices }, (_, i) => this.#device(i, options));
    this.air.join().advertising.receive([AD_MESH_MESSAGE], ({ data, at }) => this.heard.push({ at, data }));
    this.open(options.store ?? new MemoryStore());
  }

  /** The provisioner starts, on what it knew when it wrote into this store. */
  open(store: Store): void {
    const seed = `${this.#seed}/provisioner ${this.#lives++}`;
    const random = new SeededRandom(seed);
    const powered = new PoweredClock(this.clock);
    this.#powered = powered;
    const ground = { clock: powered as Clock, random, crypto: portableCrypto };
    const wallTime = (): number => NEW_YEAR + this.clock.now;
    const kept = storeView(store, 'network/');
    const state =
      NetworkState.open(kept) ?? createNetwork(kept, { name: 'Bench', provisioner: 'bench', random, wallTime });
    this.network = new MeshNetwork({ ...ground, store: storeView(store, 'node/'), state, wallTime });
    const radio = this.air.join();
    this.#closeRadio = () => radio.close();
    this.network.node.attach(radio.advertising);
    this.bearer = pbAdv(ground, radio.advertising);
  }

  /** The provisioner is gone from one moment to the next. */
  kill(): void {
    this.network.close();
    this.#powered?.cut();
    this.#closeRadio();
  }

  /** Lets time pass until the work is done, at most for so many seconds. */
  async run<T>(work: Promise<T>, seconds = 3600): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    const end = this.clock.now + 1000 * seconds;
    for (let idle = 0; !settled && idle < 100 && this.clock.now < end; ) {
      // What waits on a promise goes on before time does; where no time is left to pass it may take some turns.
      idle = this.clock.step() ? 0 : idle + 1;
      await undefined;
      await undefined;
    }
    if (!settled) throw new Error('the work has not ended');
    return work;
  }

  /** Provisions device number `i`. */
  provision(i = 0, options: Partial<Parameters<MeshNetwork['provision']>[0]> = {}) {
    return this.run(this.network.provision({ uuid: uuidOf(i), bearer: this.bearer, ...options }).node);
  }

  close(): void {
    this.kill();
    for (const device of this.devices) device.close();
  }

  #device(i: number, { elements = 1, staticOob, seed = 'bench' }: NetworkBenchOptions): MeshDevice {
    const device = new MeshDevice({
      clock: this.clock,
      random: new SeededRandom(`${seed}/device ${i}`),
      crypto: portableCrypto,
      store: new MemoryStore(),
      announced: { uuid: uuidOf(i), oobInformation: 0 },
      provisioning: { elements, ...(staticOob && { staticOob }) },
      compose: (membership) => {
        const models = Array.from({ length: elements }, () => {
          const model = new Model({ id: MODEL, name: 'Lamp' });
          model.publishes(() => {});
          return model;
        });
        return new MeshNode({
          ...membership,
          identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features: 3 },
          elements: models.map((model) => ({ location: 0x0100, models: [model] })),
        });
      },
    });
    device.attach(this.air.join().advertising);
    return device;
  }
}

/** UUID of device number `i`. */
export function uuidOf(i: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, at) => (at === 15 ? i : 0xd0 + at));
}
