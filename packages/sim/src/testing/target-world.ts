import { sourceOf } from '@meshferry/blob';
import { MemoryStore, type Store, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { UpdateEvent, UpdateParameters, UpdateReceiverState } from '@meshferry/dfu';
import {
  ConfigurationClient,
  LargeCompositionDataClient,
  type RefreshedNode,
  type RefreshOptions,
  RemoteProvisioningClient,
  refreshAddress,
  refreshComposition,
} from '@meshferry/foundation';
import { MeshNode, type UpdaterRole, updaterRole } from '@meshferry/node';
import { parseSimUri, SIM_PROCESS_ADDRESS } from '../uri.ts';
import { World } from '../world.ts';
import { SIM_APP_INDEX, worldKeys } from '../world-keys.ts';

/** An image, what it is called and what is said of it. */
export type Firmware = Pick<UpdateParameters, 'metadata' | 'firmwareId'> & { readonly image: Uint8Array };

/** A simulated world in which this process is an updater that also configures and refreshes the targets. */
export class TargetWorld {
  readonly world: World;
  readonly configuration: ConfigurationClient = new ConfigurationClient();
  readonly remote: RemoteProvisioningClient = new RemoteProvisioningClient();
  readonly large: LargeCompositionDataClient = new LargeCompositionDataClient();
  readonly events: UpdateEvent[] = [];
  role!: UpdaterRole;
  /** Device keys that are not those that the world began with, by address. */
  readonly #deviceKeys = new Map<Unicast, Uint8Array>();
  #blobId = 0n;

  constructor(uri: string, store: Store = new MemoryStore()) {
    const sim = parseSimUri(uri);
    const keys = worldKeys(sim.seed, SIM_PROCESS_ADDRESS);
    this.world = new World({
      sim,
      store,
      self: (ground) => {
        this.role = updaterRole(ground);
        const models = [this.configuration.model, this.remote.model, this.large.model, ...this.role.models];
        const node = new MeshNode({
          ...ground,
          address: SIM_PROCESS_ADDRESS,
          keys,
          identity: { cid: 0xffff, pid: 0, vid: 0, crpl: 0xffff, features: 0 },
          elements: [{ location: 0, models }],
          deviceKeyOf: (address) => this.#deviceKeys.get(address) ?? worldKeys(sim.seed, address).deviceKey,
        });
        this.role.bind(SIM_APP_INDEX);
        return node;
      },
    });
  }

  /** Updates these elements to the end; when all fell silent in the transfer, it is resumed after a while. */
  update(
    { image, metadata, firmwareId }: Firmware,
    targets: readonly { readonly address: Unicast; readonly imageIndex?: number }[],
    options: Partial<UpdateParameters> = {},
  ): Promise<readonly UpdateReceiverState[]> {
    return this.run(
      new Promise((resolve) => {
        const parameters: UpdateParameters = {
          receivers: targets.map(({ address, imageIndex = 0 }) => ({ address, imageIndex })),
          appIndex: SIM_APP_INDEX,
          ttl: 0xff,
          timeoutBase: 1,
          blobId: ++this.#blobId,
          metadata,
          firmwareId,
          policy: 'apply',
          source: sourceOf(image),
          ...options,
        };
        const update = this.role.update.update(parameters, (event) => {
          this.events.push(event);
          if (event.type === 'done') resolve(update.receivers);
          if (event.type === 'phase' && event.phase === 'suspended')
            this.world.clock.after(20_000, () => update.resume());
        });
      }),
    );
  }

  /** A Composition Data page as the node shows it, with its number. */
  page(address: Unicast, page: number): Promise<{ readonly page: number; readonly data: Uint8Array }> {
    return this.run(this.configuration.node.compositionDataGet({ address }, page));
  }

  /** Node Composition Refresh, or to another address Node Address Refresh. */
  refresh(address: Unicast, to?: Unicast): Promise<RefreshedNode> {
    const { seed } = this.world.sim;
    const { clock, random } = this.world;
    const netKey = worldKeys(seed, address).netKeys[0]?.key as Uint8Array;
    const ground = {
      ground: { clock, random, crypto: portableCrypto },
      client: this.remote,
      configuration: this.configuration,
    };
    const before = { address, deviceKey: this.#deviceKeys.get(address) ?? worldKeys(seed, address).deviceKey };
    const options: RefreshOptions = {
      network: () => ({ netKey, netKeyIndex: 0, keyRefresh: false, ivUpdate: false, ivIndex: 0 }),
      keep: () => {},
      use: (node) => this.#deviceKeys.set(node.address, node.deviceKey),
      settle: () => {},
    };
    return this.run(
      to === undefined
        ? refreshComposition(ground, before, options)
        : refreshAddress(ground, before, { ...options, addressFor: () => to }),
    );
  }

  /** Binds models of an element to the AppKey that firmware is sent with. */
  async bind(node: Unicast, element: Unicast, models: readonly number[]): Promise<void> {
    for (const model of models) {
      await this.run(this.configuration.models.appBind({ address: node }, element, model, SIM_APP_INDEX));
    }
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }

  /** Lets time pass. */
  wait(ms: number): Promise<void> {
    return this.run(new Promise((resolve) => this.world.clock.after(ms, resolve)));
  }
}
