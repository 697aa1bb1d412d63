import { AccessLayer, Feature, Model } from '@meshferry/access';
import { type MemoryAir, type MemoryAirOptions, memoryAir } from '@meshferry/bearer';
import {
  type Clock,
  encodeRecord,
  MemoryStore,
  readRecord,
  SeededRandom,
  type Store,
  storeView,
  VirtualClock,
} from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import { NetworkLayer } from '@meshferry/network';
import {
  type AnnouncedDevice,
  type ProvisionedNode,
  ProvisioningDevice,
  type ProvisioningDeviceOptions,
  pbAdvAcceptor,
} from '@meshferry/provisioning';
import { ConfigurationClient } from '../config-client.ts';
import { ConfigurationServer } from '../config-server.ts';
import type { FoundationHost } from '../host.ts';
import { commitRefresh } from '../nppi-refresh.ts';
import type { NodeRefresh, NppiOffer } from '../nppi-server.ts';
import { RemoteProvisioningClient } from '../remote-provisioning-client.ts';
import { RemoteProvisioningServer } from '../remote-provisioning-server.ts';
import { deviceKeyOf, LAMP, NET_KEY } from './node.ts';

const PREFIXES = { access: 'access/', network: 'network/', others: ['foundation/'] } as const;
const TERM = 'term';

interface Term {
  readonly address: number;
  readonly deviceKey: Uint8Array;
}

/** A node whose Remote Provisioning Server and Client work, and which lives on in its store, at whatever address. */
export class RemoteNode implements FoundationHost {
  readonly store: Store;
  readonly number: number;
  /** Of other nodes. */
  readonly deviceKeys = new Map<number, Uint8Array>();
  access!: AccessLayer;
  network!: NetworkLayer;
  server!: RemoteProvisioningServer;
  client!: RemoteProvisioningClient;
  configuration!: ConfigurationClient;
  /** Models that the software has besides, on the primary element and on further ones. */
  software: { readonly primary: readonly number[]; readonly more: readonly (readonly number[])[] };
  nppi: NppiOffer = {};
  /** Takes its bearer from the server. */
  detach: () => void = () => {};
  /** How often it has begun to run. */
  starts = 0;
  readonly #clock: Clock;
  readonly #radio: ReturnType<MemoryAir['join']>;
  readonly #first: Term;

  constructor(clock: Clock, air: MemoryAir, address: number, store: Store = new MemoryStore()) {
    this.#clock = clock;
    this.#radio = air.join();
    this.number = this.#radio.number;
    this.store = store;
    this.#first = { address, deviceKey: deviceKeyOf(address) };
    this.software = { primary: [LAMP], more: [] };
    this.start();
  }

  get address(): number {
    return this.access.address;
  }

  get term(): Term {
    return readRecord<Term>(this.store, TERM) ?? this.#first;
  }

  start(): void {
    this.starts++;
    const { address, deviceKey } = this.term;
    const ground = {
      clock: this.#clock,
      random: new SeededRandom(`node ${address} ${this.starts}`),
      crypto: portableCrypto,
    };
    this.server = new RemoteProvisioningServer({
      host: () => this,
      ground,
      self: {
        uuid: new Uint8Array(16).fill(address),
        oobInformation: 0xa040,
        adStructures: [{ type: 0x09, data: Uint8Array.of(0x41) }],
      },
      nppi: this.nppi,
      maxScannedItems: 5,
      refresh: (refresh) => this.#refresh(refresh),
    });
    this.client = new RemoteProvisioningClient();
    this.configuration = new ConfigurationClient();
    this.access = new AccessLayer({
      ...ground,
      store: storeView(this.store, PREFIXES.access),
      address,
      identity: { cid: 0x0059, pid: 1, vid: 2, crpl: 32, features: Feature.relay },
      deviceKeyOf: (node) => this.deviceKeys.get(node),
    });
    const configuration = new ConfigurationServer({ host: () => this });
    const own = [configuration.model, this.configuration.model, this.server.model, this.client.model];
    this.access.addElement(0, [...own, ...this.software.primary.map(newModel)]);
    for (const models of this.software.more) this.access.addElement(0, models.map(newModel));
    this.network = new NetworkLayer({
      ...ground,
      store: storeView(this.store, PREFIXES.network),
      host: this.access,
      address,
      elements: this.access.elementCount,
      deviceKey,
      netKeys: [{ index: 0, key: NET_KEY }],
    });
    this.access.connect(this.network);
    this.network.attach(this.#radio.advertising);
    this.detach = this.server.attach(this.#radio);
  }

  restart(): void {
    this.close();
    this.start();
  }

  reset(): void {}

  close(): void {
    this.server.close();
    this.access.close();
    this.network.close();
  }

  #refresh(refresh: NodeRefresh): void {
    const { access, network, store } = this;
    const { address, deviceKey } = refresh;
    const isMove = refresh.procedure === 'address';
    commitRefresh(
      { access, network, store, prefixes: PREFIXES },
      refresh,
      isMove ? [[TERM, encodeRecord({ address, deviceKey })]] : [],
    );
    if (isMove) this.restart();
  }
}

/** An unprovisioned device that keeps what it was given. */
export class Device {
  readonly announced: AnnouncedDevice;
  node: ProvisionedNode | undefined;
  /** PDUs are not answered any more. */
  links = 0;

  constructor(
    clock: Clock,
    air: MemoryAir,
    uuid: number,
    options: Partial<ProvisioningDeviceOptions> & { uri?: Uint8Array } = {},
  ) {
    const { uri, ...rest } = options;
    this.announced = { uuid: new Uint8Array(16).fill(uuid), oobInformation: 0x0020, ...(uri && { uri }) };
    const ground = { clock, random: new SeededRandom(`device ${uuid}`), crypto: portableCrypto };
    const device = new ProvisioningDevice(ground, {
      elements: 1,
      provisioned: (node) => {
        this.node = node;
      },
      ...rest,
    });
    const stop = pbAdvAcceptor(ground, air.join().advertising).accept(this.announced, (link) => {
      this.links++;
      device.serve(link);
      if (this.node !== undefined) stop();
    });
  }

  get uuid(): Uint8Array {
    return this.announced.uuid;
  }
}

/** An air in which device radios reach servers only, and all that lives in it. */
export class RemoteWorld {
  readonly clock = new VirtualClock(1000);
  readonly air: MemoryAir;
  /** Radios that hear nothing and are not heard. */
  readonly deaf = new Set<number>();
  /** Pairs that do not hear each other: `from>to`. */
  readonly apart = new Set<string>();

  constructor(options: Pick<MemoryAirOptions, 'loss'> & { seed?: string } = {}) {
    const { seed = 'air', ...rest } = options;
    this.air = memoryAir(this.clock, new SeededRandom(seed), {
      hears: (from, to) =>
        !this.deaf.has(from) && !this.deaf.has(to) && !this.apart.has(`${Math.min(from, to)}>${Math.max(from, to)}`),
      ...rest,
    });
  }

  /** A node that the others know the device key of, when they are named. */
  node(address: number, knows: readonly number[] = []): RemoteNode {
    const node = new RemoteNode(this.clock, this.air, address);
    for (const other of knows) node.deviceKeys.set(other, deviceKeyOf(other));
    return node;
  }

  separate(a: number, b: number): void {
    this.apart.add(`${Math.min(a, b)}>${Math.max(a, b)}`);
  }

  /** Lets time pass until the promise is settled: 30 simulated minutes at most. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    const limit = this.clock.now + 1_800_000;
    while (!settled) {
      if (this.clock.now > limit) throw new Error('still waiting after 30 minutes');
      this.clock.advance(20);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    }
    return promise;
  }
}

function newModel(id: number): Model {
  const model = new Model({ id, name: `Model ${id.toString(16)}` });
  model.publishes(() => {});
  return model;
}
