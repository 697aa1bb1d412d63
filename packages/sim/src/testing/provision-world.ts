import { type NodeEntry, octetsOf } from '@meshferry/cdb';
import { MemoryStore, SeededRandom, type Store, storeView, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { MadeFirmware } from '@meshferry/firmware';
import { pbRemote } from '@meshferry/foundation';
import {
  createNetwork,
  type JobReport,
  MeshNetwork,
  NetworkState,
  type ProvisionRequest,
  UpdateJob,
  type UpdaterRole,
  updaterRole,
} from '@meshferry/node';
import { type ProvisionerOob, pbAdv, pbGatt } from '@meshferry/provisioning';
import type { SimDevice } from '../sim-device.ts';
import { parseSimUri } from '../uri.ts';
import { World } from '../world.ts';

/** A simulated world in which this process is the first node of a new network, on a store that may outlive it. */
export class ProvisionWorld {
  readonly world: World;
  network!: MeshNetwork;
  role!: UpdaterRole;
  readonly #store: Store;

  constructor(uri: string, store: Store = new MemoryStore()) {
    this.#store = store;
    const networkStore = storeView(store, 'network/');
    const state =
      NetworkState.open(networkStore) ??
      createNetwork(networkStore, {
        name: 'test',
        provisioner: 'test',
        random: new SeededRandom('network'),
        wallTime: () => 0,
      });
    this.world = new World({
      sim: parseSimUri(uri),
      store: storeView(store, 'sim/'),
      self: (ground) => {
        this.role = updaterRole(ground);
        this.network = new MeshNetwork({
          ...ground,
          state,
          wallTime: () => 0,
          models: this.role.models,
        });
        return this.network.node;
      },
    });
  }

  device(number: number): SimDevice {
    return this.world.devices[number] as SimDevice;
  }

  /** Provisions a device over what this process is attached by, with all that its user can know. */
  provision(number: number, request: Partial<ProvisionRequest> = {}): Promise<NodeEntry> {
    const { clock, random, advertising, central } = this.world;
    const { label } = this.device(number);
    const ground = { clock, random };
    const bearer = central === undefined ? pbAdv(ground, advertising!) : pbGatt(ground, central);
    return this.network.provision({ uuid: label.uuid, bearer, oob: this.oob(number), ...request }).node;
  }

  /** The same over the node at `server`. */
  provisionThrough(server: Unicast, number: number): Promise<NodeEntry> {
    return this.provision(number, { bearer: pbRemote(this.network.remote, this.network.to(server)) });
  }

  /** What is on the label of a device, and who stands before it. */
  oob(number: number): ProvisionerOob {
    const { label, user } = this.device(number);
    return {
      ...(label.staticOob && { staticValue: label.staticOob }),
      ...(label.keyPair && { publicKey: label.keyPair.publicKey }),
      enter: user.enter,
      show: user.show,
    };
  }

  /** Gives a node the AppKey, and binds its models (those of the update) to it. */
  async configure(address: Unicast, bound: readonly number[] = [0x1400, 0x1402]): Promise<void> {
    const { configuration, document } = this.network;
    const to = { address };
    await configuration.keys.appKeyAdd(to, 0, 0, octetsOf(document.appKeys[0]?.key ?? ''));
    for (const model of bound) await configuration.models.appBind(to, address, model, 0);
  }

  /** Sends firmware to these nodes. */
  update(made: MadeFirmware, targets: readonly Unicast[]): Promise<JobReport> {
    const { role, world } = this;
    const { clock, random } = world;
    const store = storeView(this.#store, 'job/');
    const job = new UpdateJob({ role, clock, random, crypto: portableCrypto, store });
    return job.run({ ...made, targets, appIndex: 0 });
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.run(new Promise((resolve) => this.world.clock.after(ms, resolve)));
  }
}
