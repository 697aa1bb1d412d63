import { Model } from '@meshferry/access';
import { type MemoryAir, type MemoryGatt, memoryAir, memoryGatt } from '@meshferry/bearer';
import { MemoryStore, type MeshError, SeededRandom, toMeshError, type Unicast, VirtualClock } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import {
  ConfigurationClient,
  type RefreshGround,
  type RefreshOptions,
  RemoteProvisioningClient,
} from '@meshferry/foundation';
import {
  type ProvisionedNode,
  type ProvisionerOptions,
  type ProvisioningBearer,
  pbAdv,
  provisionDevice,
} from '@meshferry/provisioning';
import { type DeviceProvisioningOptions, MeshDevice } from '../mesh-device.ts';
import { MeshNode } from '../mesh-node.ts';
import { PoweredClock } from '../powered-clock.ts';
import { DeviceStore } from './device-store.ts';

export const UUID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xd0 + i);
export const NET_KEY: Uint8Array = new Uint8Array(16).fill(0x11);
export const APP_KEY: Uint8Array = new Uint8Array(16).fill(0x22);
/** A model of the device that takes AppKeys. */
export const LAMP = 0x0001_0002;

export interface DeviceBenchOptions {
  readonly loss?: number;
  readonly provisioning?: Partial<DeviceProvisioningOptions>;
  readonly elements?: number;
  readonly seed?: string;
}

/** One device on a store of its own, and a node that provisions and configures it: two real ends in one air. */
export class DeviceBench {
  readonly clock = new VirtualClock();
  readonly air: MemoryAir;
  readonly gatt: MemoryGatt;
  readonly bearer: ProvisioningBearer;
  readonly configuration = new ConfigurationClient();
  readonly remote = new RemoteProvisioningClient();
  readonly client: MeshNode;
  readonly states: string[] = [];
  /** Device keys by address: those that may be in use. */
  readonly deviceKeys = new Map<Unicast, Uint8Array>();
  store = new DeviceStore();
  device!: MeshDevice;
  #power!: PoweredClock;
  readonly #options: DeviceBenchOptions;

  constructor(options: DeviceBenchOptions = {}) {
    this.#options = options;
    const { clock } = this;
    const random = new SeededRandom(`${options.seed}/client`);
    this.air = memoryAir(clock, new SeededRandom(`${options.seed}/air`), { loss: () => options.loss ?? 0, sets: 4 });
    this.gatt = memoryGatt(clock, { mtu: 69 });
    this.client = new MeshNode({
      clock,
      random,
      crypto: portableCrypto,
      store: new MemoryStore(),
      address: 1,
      keys: {
        deviceKey: new Uint8Array(16).fill(1),
        netKeys: [{ index: 0, key: NET_KEY }],
        appKeys: [{ index: 0, netIndex: 0, key: APP_KEY }],
      },
      identity: { cid: 1, pid: 2, vid: 3, crpl: 10, features: 0 },
      elements: [{ location: 0, models: [this.configuration.model, this.remote.model] }],
      deviceKeyOf: (address) => this.deviceKeys.get(address),
    });
    const { advertising } = this.air.join();
    this.client.attach(advertising);
    this.bearer = pbAdv({ clock, random }, advertising);
    this.powerOn();
  }

  /** The device comes up on what its store holds. */
  powerOn(): void {
    const { provisioning, elements = 1, seed } = this.#options;
    this.#power = new PoweredClock(this.clock);
    this.device = new MeshDevice({
      clock: this.#power,
      random: new SeededRandom(`${seed}/device/${this.clock.now}`),
      crypto: portableCrypto,
      store: this.store,
      announced: { uuid: UUID, oobInformation: 0 },
      provisioning: { elements: 1, ...provisioning },
      compose: (membership) => {
        const models = Array.from({ length: elements }, () => new Model({ id: LAMP, name: 'Lamp' }));
        return new MeshNode({
          ...membership,
          identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features: 3 },
          elements: models.map((model) => ({ location: 0x0100, models: [model] })),
          gattProxy: true,
        });
      },
    });
    this.device.changes.subscribe((state) => this.states.push(state));
    this.device.attach(this.air.join().advertising);
    this.device.serve(this.gatt.peripheral());
  }

  /** The power of the device fails: what its store did not take is lost. */
  powerOff(): void {
    this.#power.cut();
    this.device.close();
    this.store = this.store.survived();
  }

  /** Provisions the device to an address; its error when that fails. */
  async provision(address: Unicast, options: Partial<ProvisionerOptions> = {}, bearer = this.bearer) {
    const ground = {
      clock: this.clock,
      random: new SeededRandom(`provisioner ${this.clock.now}`),
      crypto: portableCrypto,
    };
    const outcome = new Promise<ProvisionedNode | MeshError>((done) => {
      bearer.open(UUID, (opened) => {
        if ('code' in opened) return done(opened);
        provisionDevice(ground, opened, {
          dataFor: () => ({
            netKey: NET_KEY,
            netKeyIndex: 0,
            keyRefresh: false,
            ivUpdate: false,
            ivIndex: 0,
            unicastAddress: address,
          }),
          aboutToFinish: ({ deviceKey }) => this.deviceKeys.set(address, deviceKey),
          ...options,
          done,
        });
      });
    });
    return this.run(outcome);
  }

  /** What refreshes of the device need; keys are kept by address. */
  get refreshGround(): RefreshGround {
    const random = new SeededRandom(`refresh ${this.clock.now}`);
    const ground = { clock: this.clock, random, crypto: portableCrypto };
    return { ground, client: this.remote, configuration: this.configuration };
  }

  get refreshOptions(): RefreshOptions {
    return {
      network: () => ({ netKey: NET_KEY, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0 }),
      keep: () => {},
      use: ({ address, deviceKey }) => this.deviceKeys.set(address, deviceKey),
      settle: () => {},
    };
  }

  /** Whether a node at this address answers under the device key that was kept. */
  async answers(address: Unicast): Promise<boolean> {
    const asked = this.configuration.node.compositionDataGet({ address, netIndex: 0 }, 0, { attempts: 2 });
    return this.run(asked.then(() => true).catch((thrown) => toMeshError(thrown).code !== 'no-response'));
  }

  /** Lets time pass until the work is settled, at most for half an hour. */
  async run<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    const end = this.clock.now + 1_800_000;
    while (!settled && this.clock.now < end && this.clock.step()) {
      await undefined;
      await undefined;
    }
    for (let i = 0; i < 20 && !settled; i++) await undefined;
    if (!settled) throw new Error('the work has not ended');
    return work;
  }
}
