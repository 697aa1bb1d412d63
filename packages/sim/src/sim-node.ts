import type { VirtualClock } from '@meshferry/core';
import { type Log, SeededRandom, type Store, storeView, toHex, type Unicast } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { ProxyConnector } from '@meshferry/network';
import { type MeshNode, type NodeGround, PoweredClock } from '@meshferry/node';
import type { ControllerSettings, RadioPort } from './advertiser.ts';
import type { GattAir, GattPort } from './gatt-air.ts';
import type { Radio } from './radio.ts';

/** What every node of a simulated world stands on. */
export interface WorldGround {
  readonly clock: VirtualClock;
  readonly radio: Radio;
  readonly gatt: GattAir;
  /** Of the whole world; each node has a view of its own. */
  readonly store: Store;
  readonly crypto: CryptoProvider;
  readonly log: Log;
  /** Names the chances of this run: seed and how often the world was opened. */
  readonly chances: string;
  /** Of every node, as a provisioner sets it for the size of its network. */
  readonly defaultTtl: number;
}

export interface SimNodeOptions {
  readonly world: WorldGround;
  readonly address: Unicast;
  /** Place in the topology. */
  readonly index: number;
  readonly controller?: ControllerSettings;
  /** Over GATT: `server` offers the Mesh Proxy Service, `client` is attached by a proxy alone. Default: neither. */
  readonly proxy?: 'server' | 'client';
  /** Its radio works without a node as well: it looks for a network, or for devices to make one of. Default false. */
  readonly bare?: boolean;
  /** Composes the node on what survived; called at every power-on. Null: the device is in no network (any more). */
  readonly compose: (ground: NodeGround) => MeshNode | null;
}

/** A device in a simulated world: everything but its store is gone when it is off, and made anew when it is on. */
export class SimNode {
  readonly address: Unicast;
  readonly #options: SimNodeOptions;
  #node: MeshNode | undefined;
  #clock: PoweredClock | undefined;
  #port: RadioPort | undefined;
  #gatt: GattPort | undefined;
  #connector: ProxyConnector | undefined;
  #powerUps = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.address = options.address;
  }

  /** The composed node, or undefined while it is off or has left the network. */
  get node(): MeshNode | undefined {
    return this.#node;
  }

  /** Its way to a proxy since it was last switched on, if it is the client of one. */
  get connector(): ProxyConnector | undefined {
    return this.#connector;
  }

  /** Its end of the radio since it was last switched on; undefined for the client of a proxy. */
  get port(): RadioPort | undefined {
    return this.#port;
  }

  /** Its end of the GATT air since it was last switched on, if it has one. */
  get gatt(): GattPort | undefined {
    return this.#gatt;
  }

  powerOn(): void {
    const { world, address, compose, bare = false } = this.#options;
    if (this.#clock !== undefined) return;
    const clock = new PoweredClock(world.clock);
    const ground: NodeGround = {
      clock,
      random: new SeededRandom(`${world.chances}/node ${address}/${this.#powerUps++}`),
      crypto: world.crypto,
      store: storeView(world.store, `node/${toHex(Uint8Array.of(address >> 8, address & 0xff))}/`),
      log: world.log,
    };
    const node = compose(ground) ?? undefined;
    if (node === undefined && !bare) return;
    this.#node = node;
    this.#clock = clock;
    this.#attach(node);
  }

  powerOff(): void {
    this.#node?.close();
    this.#node = undefined;
    // Models have timers too, and a dead one must not write into the store of the node that comes after it.
    this.#clock?.cut();
    this.#clock = undefined;
    this.#port?.close();
    this.#port = undefined;
    this.#gatt?.close();
    this.#gatt = undefined;
    this.#connector = undefined;
  }

  /** Off now, on again after `ms` of simulated time. */
  restart(ms: number): void {
    this.powerOff();
    this.#options.world.clock.after(ms, () => this.powerOn());
  }

  /** Hears and sends nothing any more, as if carried away: also after a restart in this world. */
  silence(): void {
    this.powerOff();
    this.powerOn = () => {};
  }

  #attach(node: MeshNode | undefined): void {
    const { world, index, controller, proxy } = this.#options;
    if (proxy !== undefined) this.#gatt = world.gatt.attach(index);
    if (proxy === 'client' && this.#gatt !== undefined) {
      this.#connector = node?.network.proxy.connect(this.#gatt.central);
      return;
    }
    this.#port = world.radio.attach({ index, ...(controller && { controller }) });
    node?.attach(this.#port);
    if (this.#gatt !== undefined) node?.network.proxy.serve(this.#gatt.peripheral);
  }
}
