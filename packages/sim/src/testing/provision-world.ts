import type { NodeEntry } from '@meshferry/cdb';
import { MemoryStore, SeededRandom, type Store, storeView } from '@meshferry/core';
import { createNetwork, MeshNetwork, NetworkState, type ProvisionRequest } from '@meshferry/node';
import { type ProvisionerOob, pbAdv, pbGatt } from '@meshferry/provisioning';
import type { SimDevice } from '../sim-device.ts';
import { parseSimUri } from '../uri.ts';
import { World } from '../world.ts';

/** A simulated world in which this process is the first node of a new network, on a store that may outlive it. */
export class ProvisionWorld {
  readonly world: World;
  network!: MeshNetwork;

  constructor(uri: string, store: Store = new MemoryStore()) {
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
        this.network = new MeshNetwork({ ...ground, state, wallTime: () => 0 });
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

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.run(new Promise((resolve) => this.world.clock.after(ms, resolve)));
  }
}
