import type { Advertising } from '@meshferry/bearer';
import { type NetworkDocument, type NodeEntry, requireNode } from '@meshferry/cdb';
import { MemoryStore, SeededRandom, type Store, storeView, toHex, type Unicast, type Write } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { MadeFirmware } from '@meshferry/firmware';
import {
  createNetwork,
  MeshNetwork,
  NetworkState,
  PoweredClock,
  UpdateJob,
  type UpdateRequest,
  type UpdaterRole,
  updaterRole,
} from '@meshferry/node';
import { pbAdv } from '@meshferry/provisioning';
import { describeNodes, readyNetwork } from '../ready-network.ts';
import type { SimDevice } from '../sim-device.ts';
import { parseSimUri } from '../uri.ts';
import { type SelfGround, World, type WorldOptions } from '../world.ts';

/** When the process is killed: before its write is durable, or just after. */
export type Moment = 'before' | 'after';

/**
 * A simulated world in which the process is an Initiator that can be killed at any of its writes, alone: everybody else goes
 * on. All is in one store, a copy of which is a point to start from again.
 */
export class InitiatorWorld {
  readonly world: World;
  network!: MeshNetwork;
  role!: UpdaterRole;
  job!: UpdateJob;
  /** Writes of the process so far. */
  writes = 0;
  /** How often each block was written into the slots of targets and Distributor, by its key. */
  readonly blocks = new Map<string, number>();
  /** What was asked to be taken away, in their order. */
  readonly removals: string[] = [];
  readonly #store: MemoryStore;
  readonly #ground!: SelfGround;
  #clock: PoweredClock | undefined;
  #alive = { yes: true };
  #cut: { readonly at: number; readonly moment: Moment; readonly killed: () => void } | undefined;

  constructor(uri: string, kept: MemoryStore = new MemoryStore(), options: Pick<WorldOptions, 'archive'> = {}) {
    this.#store = kept;
    let given: SelfGround | undefined;
    this.world = new World({
      ...options,
      sim: parseSimUri(uri),
      store: storeView(this.#watched(), 'sim/'),
      self: (ground) => {
        given = ground;
        return null;
      },
    });
    this.#ground = given as SelfGround;
    this.start();
    if (kept.get('described') !== undefined) return;
    kept.batch([['described', new Uint8Array(1)]]);
    const { targets, distributor } = this.world;
    this.network.change(
      describeNodes(
        this.document,
        [...targets, distributor].map((device) => device?.node),
      ),
    );
  }

  get document(): NetworkDocument {
    return this.network.document;
  }

  /** The process begins, on what it has kept. */
  start(): void {
    const { sim, clock, advertising } = this.world;
    const alive = { yes: true };
    this.#alive = alive;
    this.#clock = new PoweredClock(clock);
    const store = this.#own(alive);
    const ready = readyNetwork(sim);
    const networkStore = storeView(store, 'network/');
    const state =
      NetworkState.open(networkStore) ??
      (ready
        ? NetworkState.begin(networkStore, ready.document, ready.own)
        : createNetwork(networkStore, {
            name: 'test',
            provisioner: 'test',
            random: new SeededRandom('network'),
            wallTime: () => 0,
          }));
    const ground = { ...this.#ground, clock: this.#clock, store: storeView(store, 'node/') };
    this.role = updaterRole(ground);
    this.network = new MeshNetwork({
      ...ground,
      state,
      wallTime: () => 0,
      models: this.role.models,
      node: { defaultTtl: ground.defaultTtl, incoming: ground.incoming },
    });
    if (advertising !== undefined) this.network.node.attach(gated(advertising, alive));
    this.#countRemovals();
    this.job = new UpdateJob({
      role: this.role,
      clock: this.#clock,
      random: this.#ground.random,
      crypto: portableCrypto,
      store: storeView(store, 'job/'),
      network: this.network,
      ...(advertising && {
        reprovision: { bearer: pbAdv({ clock: this.#clock, random: ground.random }, advertising) },
      }),
    });
  }

  /** The process is killed: it sends and writes nothing any more. */
  kill(): void {
    this.#alive.yes = false;
    this.#cut = undefined;
    this.network.close();
    this.#clock?.cut();
  }

  /** Kills the process at its `at`-th write from now on. */
  killAt(at: number, moment: Moment): Promise<void> {
    return new Promise((resolve) => {
      const killed = (): void => {
        // Not within the write, which is not to see its node vanish.
        queueMicrotask(() => this.kill());
        resolve();
      };
      this.#cut = { at: this.writes + at, moment, killed };
    });
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.run(new Promise((resolve) => this.world.clock.after(ms, resolve)));
  }

  /** A copy of all that is kept, of the process and of all nodes. */
  copy(): MemoryStore {
    const store = new MemoryStore();
    store.batch(this.#store.keys('').map((key): Write => [key, this.#store.get(key) ?? null]));
    return store;
  }

  /** Makes nodes of the devices, without configuring them. */
  async provisionAll(): Promise<readonly Unicast[]> {
    const { clock, random, advertising } = this.world;
    const addresses: Unicast[] = [];
    for (const { label } of this.world.devices) {
      const bearer = pbAdv({ clock, random }, advertising!);
      const node = await this.run(this.network.provision({ uuid: label.uuid, bearer }).node);
      const address = Number.parseInt(node.unicastAddress, 16);
      await this.run(this.network.readComposition(address));
      addresses.push(address);
    }
    return addresses;
  }

  request(made: MadeFirmware, request: Partial<UpdateRequest> = {}): UpdateRequest {
    const { image, metadata, firmwareId } = made;
    const targets = this.world.targets.map(({ address }) => address);
    return { image, metadata, firmwareId, targets, appIndex: 0, ...request };
  }

  entry(address: Unicast): NodeEntry {
    return requireNode(this.document, address);
  }

  device(number: number): SimDevice {
    return this.world.devices[number] as SimDevice;
  }

  /** The firmware id of each target and device in hex. */
  running(): (string | undefined)[] {
    return [...this.world.targets, ...this.world.devices].map(({ firmwareId }) => firmwareId && toHex(firmwareId));
  }

  /** How the update models of a target stand in its own node, not in the document. */
  configurationOf(node: SimDevice | World['targets'][number]): {
    bind: number[][];
    subscribe: number[][];
    keys: number[];
  } {
    const access = node.node?.access;
    const models = [0x1402, 0x1400].map((id) => access?.modelAt(node.address, id));
    return {
      bind: models.map((model) => [...(model?.appKeys ?? [])]),
      subscribe: models.map((model) => (model?.subscriptions ?? []).map(({ address }) => address)),
      keys: [...(node.node?.network.keys.appIndexes() ?? [])],
    };
  }

  /** Blocks that were written more than once: to each receiver (a part of the world's store) how many. */
  repeated(): Map<string, number> {
    const repeated = new Map<string, number>();
    for (const [key, times] of this.blocks) {
      const [receiver = ''] = key.split(/\/(?:flash|slots)\//);
      if (times > 1) repeated.set(receiver, (repeated.get(receiver) ?? 0) + times - 1);
    }
    return repeated;
  }

  close(): void {
    this.world.close();
  }

  #own(alive: { readonly yes: boolean }): Store {
    return {
      ...this.#store,
      get: (key) => this.#store.get(key),
      keys: (prefix) => this.#store.keys(prefix),
      close: () => {},
      batch: (writes) => {
        if (!alive.yes) return;
        const all = Array.from(writes);
        this.writes++;
        const cut = this.#cut !== undefined && this.writes === this.#cut.at ? this.#cut : undefined;
        if (cut?.moment !== 'before') this.#store.batch(all);
        if (cut === undefined) return;
        (alive as { yes: boolean }).yes = false;
        cut.killed();
      },
    };
  }

  /** The store of all nodes: it counts the blocks of images. */
  #watched(): Store {
    return {
      get: (key) => this.#store.get(key),
      keys: (prefix) => this.#store.keys(prefix),
      close: () => {},
      batch: (writes) => {
        const all = Array.from(writes);
        const moved = all.some(([key]) => /flash\/(.*\/)?slot0\//.test(key));
        for (const [key, value] of all) {
          if (value === null || moved || !/(flash\/(.*\/)?slot1|slots\/data\/\w+)\/[0-9a-f]{8}$/.test(key)) continue;
          this.blocks.set(key, (this.blocks.get(key) ?? 0) + 1);
        }
        this.#store.batch(all);
      },
    };
  }

  /** What a dead process still asks for is not sent. */
  #removed(what: string): void {
    if (this.#alive.yes) this.removals.push(what);
  }

  #countRemovals(): void {
    const { models, keys } = this.network.configuration;
    const { appUnbind, subscriptionDelete } = models;
    const { appKeyDelete } = keys;
    models.appUnbind = (to, element, model, key, options) => {
      this.#removed(`unbind ${element} ${model}`);
      return appUnbind.call(models, to, element, model, key, options);
    };
    models.subscriptionDelete = (to, element, model, group, options) => {
      this.#removed(`unsubscribe ${element} ${model}`);
      return subscriptionDelete.call(models, to, element, model, group, options);
    };
    keys.appKeyDelete = (to, netKey, appKey, options) => {
      this.#removed(`key ${to.address}`);
      return appKeyDelete.call(keys, to, netKey, appKey, options);
    };
  }
}

/** Dies at once, also in the middle of what it does: nothing goes on air after a write that it did not survive. */
function gated(advertising: Advertising, alive: { readonly yes: boolean }): Advertising {
  return {
    sets: advertising.sets,
    minIntervalMs: advertising.minIntervalMs,
    send: (ad, transmit, done) => (alive.yes ? advertising.send(ad, transmit, done) : () => {}),
    receive: (types, heard) => advertising.receive(types, heard),
  };
}
