import { Model } from '@meshferry/access';
import { type MemoryAir, memoryAir } from '@meshferry/bearer';
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
  /** Of device number i. */
  readonly deviceStores?: readonly Store[];
  readonly seed?: string;
}

/** A model of the devices that takes AppKeys, subscriptions and publications. */
export const MODEL = 0x0001_0002;

/** A provisioner with a network of its own, and devices round it: two real ends in one air. */
export class NetworkBench {
  readonly clock: VirtualClock = new VirtualClock();
  readonly air: MemoryAir;
  readonly store: Store;
  readonly devices: readonly MeshDevice[];
  readonly bearer: ProvisioningBearer;
  readonly network: MeshNetwork;
  /** The provisioner hears nothing; it is heard. */
  deaf = false;
  readonly #powered: PoweredClock;

  constructor(options: NetworkBenchOptions = {}) {
    const { devices = 1, seed = 'bench' } = options;
    const { clock } = this;
    // The provisioner is the last one to come into the air.
    const hears = (_: number, to: number): boolean => !(this.deaf && to === devices);
    this.air = memoryAir(clock, new SeededRandom(`${seed}/air`), { sets: 4, hears });
    this.store = options.store ?? new MemoryStore();
    this.devices = Array.from({ length: devices }, (_, i) => this.#device(i, options));
    this.#powered = new PoweredClock(clock);
    const random = new SeededRandom(`${seed}/provisioner`);
    const ground = { clock: this.#powered as Clock, random, crypto: portableCrypto };
    const wallTime = (): number => NEW_YEAR + clock.now;
    const kept = storeView(this.store, 'network/');
    const state =
      NetworkState.open(kept) ?? createNetwork(kept, { name: 'Bench', provisioner: 'bench', random, wallTime });
    const store = storeView(this.store, 'node/');
    this.network = new MeshNetwork({ ...ground, store, state, wallTime });
    const { advertising } = this.air.join();
    this.network.node.attach(advertising);
    this.bearer = pbAdv(ground, advertising);
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
    this.network.close();
    this.#powered.cut();
    for (const device of this.devices) device.close();
  }

  #device(i: number, { elements = 1, staticOob, deviceStores = [], seed = 'bench' }: NetworkBenchOptions): MeshDevice {
    const device = new MeshDevice({
      clock: this.clock,
      random: new SeededRandom(`${seed}/device ${i}`),
      crypto: portableCrypto,
      store: deviceStores[i] ?? new MemoryStore(),
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
