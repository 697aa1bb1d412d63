import { type BlobSource, sourceOf } from '@meshferry/blob';
import { MemoryStore, type Store, toHex, type Unicast } from '@meshferry/core';
import { portableCrypto } from '@meshferry/crypto';
import type { UpdateReceiverState } from '@meshferry/dfu';
import { type MadeFirmware, makeFirmware } from '@meshferry/firmware';
import { ConfigurationClient, RemoteProvisioningClient, refreshComposition } from '@meshferry/foundation';
import { MeshNode, type UpdaterRole, updaterRole } from '@meshferry/node';
import { parseSimUri, SIM_APP_INDEX, World, worldKeys } from '@meshferry/sim';

const UPDATER: Unicast = 0x0001;
export const NODE: Unicast = 0x0100;

/** One device with a bootloader, an image store and a composition, in a simulated network with an updater that refreshes it. */
export class EffectWorld {
  readonly world: World;
  readonly configuration = new ConfigurationClient();
  readonly remote = new RemoteProvisioningClient();
  role!: UpdaterRole;
  readonly #deviceKeys = new Map<Unicast, Uint8Array>();

  /** `effect` as in a simulator URI. */
  constructor(effect: string, store: Store = new MemoryStore()) {
    const sim = parseSimUri(`sim:targets=1,radio=ideal,models=full,effect=${effect}`);
    this.world = new World({
      sim,
      store,
      self: (ground) => {
        this.role = updaterRole(ground);
        const models = [this.configuration.model, this.remote.model, ...this.role.models];
        const node = new MeshNode({
          ...ground,
          address: UPDATER,
          keys: worldKeys(sim.seed, UPDATER),
          identity: { cid: 0xffff, pid: 0, vid: 0, crpl: 0xffff, features: 0 },
          elements: [{ location: 0, models }],
          deviceKeyOf: (address) => this.#deviceKeys.get(address) ?? worldKeys(sim.seed, address).deviceKey,
        });
        this.role.bind(SIM_APP_INDEX);
        return node;
      },
    });
  }

  get target(): World['targets'][number] {
    return this.world.targets[0]!;
  }

  /** Updates the device to the end. */
  update({ image, metadata, firmwareId }: MadeFirmware): Promise<UpdateReceiverState> {
    const source: BlobSource = sourceOf(image);
    return this.run(
      new Promise((resolve) => {
        const update = this.role.update.update(
          {
            receivers: [{ address: NODE, imageIndex: 0 }],
            appIndex: SIM_APP_INDEX,
            ttl: 3,
            timeoutBase: 1,
            blobId: 0x1100000000000011n,
            metadata,
            firmwareId,
            policy: 'apply',
            source,
          },
          (event) => event.type === 'done' && resolve(update.receivers[0]!),
        );
      }),
    );
  }

  /** A Composition Data page in hex, with the number of the page that it is; undefined: no answer. */
  async page(page: number): Promise<string | undefined> {
    try {
      const answer = await this.run(this.configuration.node.compositionDataGet({ address: NODE }, page));
      return `${answer.page} ${toHex(answer.data)}`;
    } catch {
      return undefined;
    }
  }

  /** The Firmware IDs of its list in hex; undefined: no answer. */
  list(): Promise<readonly string[] | undefined> {
    return this.run(
      new Promise((resolve) => {
        this.role.update.informationGet(NODE, SIM_APP_INDEX, (outcome) =>
          resolve(outcome.ok ? outcome.value.entries.map(({ firmwareId }) => toHex(firmwareId)) : undefined),
        );
      }),
    );
  }

  /** Node Composition Refresh [NPPI]. */
  async refresh(): Promise<void> {
    const { clock, random, sim } = this.world;
    const { netKeys, deviceKey } = worldKeys(sim.seed, NODE);
    await this.run(
      refreshComposition(
        { ground: { clock, random, crypto: portableCrypto }, client: this.remote, configuration: this.configuration },
        { address: NODE, deviceKey },
        {
          network: () => ({
            netKey: netKeys[0]!.key,
            netKeyIndex: 0,
            keyRefresh: false,
            ivUpdate: false,
            ivIndex: 0,
          }),
          keep: () => {},
          use: (node) => this.#deviceKeys.set(node.address, node.deviceKey),
          settle: () => {},
        },
      ),
    );
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.world.run(work);
  }
}

/** Signed firmware with so many octets of application, the same each time. */
export function firmware(minor = 1): Promise<MadeFirmware> {
  return makeFirmware({
    payload: new Uint8Array(600).fill(minor),
    version: { major: 1, minor, revision: 0, build: 0 },
    company: 0x59,
    crypto: portableCrypto,
  });
}
