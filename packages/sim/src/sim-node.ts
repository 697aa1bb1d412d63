import type { GattPeripheral } from '@meshferry/bearer';
import type { VirtualClock } from '@meshferry/core';
import { type Log, SeededRandom, type Store, storeView, toHex, type Unicast } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import type { ProxyConnector } from '@meshferry/network';
import { MeshDevice, type MeshNode, type NodeGround, PoweredClock } from '@meshferry/node';
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
  /** Where the node stands from the beginning; undefined for a device that is to be provisioned. */
  readonly address?: Unicast;
  /** Of its part of the store, and of its chances. Default: by its address. */
  readonly name?: string;
  /** Place in the topology. */
  readonly index: number;
  readonly controller?: ControllerSettings;
  /**
   * Over GATT: `server` offers the Mesh Proxy Service (unprovisioned the Mesh Provisioning Service), `client` is attached by
   * a proxy alone. Default: neither.
   */
  readonly proxy?: 'server' | 'client';
  /** Offers more over the GATT of a `server` at every power-on, behind the services of the mesh. */
  readonly serve?: (peripheral: GattPeripheral) => void;
  /** Its radio works without a node as well: it looks for a network, or for devices to make one of. Default false. */
  readonly bare?: boolean;
  /** Composes it on what survived; called at every power-on. Null: it is in no network (any more), and stays dark. */
  readonly compose: (ground: NodeGround) => MeshNode | MeshDevice | null;
}

/** A device in a simulated world: everything but its store is gone when it is off, and made anew when it is on. */
export class SimNode {
  readonly #options: SimNodeOptions;
  #running: MeshNode | MeshDevice | undefined;
  #clock: PoweredClock | undefined;
  #port: RadioPort | undefined;
  #gatt: GattPort | undefined;
  #connector: ProxyConnector | undefined;
  #powerUps = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
  }

  /** Of the primary element; the unassigned address, 0, while it is in no network. */
  get address(): Unicast {
    return this.node?.address ?? this.#options.address ?? UNASSIGNED;
  }

  /** The composed node, or undefined while it is off or in no network. */
  get node(): MeshNode | undefined {
    return this.#running instanceof MeshDevice ? this.#running.node : this.#running;
  }

  /** The device around the node, if it is one that can be provisioned; undefined while it is off. */
  get device(): MeshDevice | undefined {
    return this.#running instanceof MeshDevice ? this.#running : undefined;
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
    const { world, compose, bare = false } = this.#options;
    if (this.#clock !== undefined) return;
    const clock = new PoweredClock(world.clock);
    const name = this.#options.name ?? `node/${hex(this.#options.address ?? UNASSIGNED)}`;
    const ground: NodeGround = {
      clock,
      random: new SeededRandom(`${world.chances}/${name}/${this.#powerUps++}`),
      crypto: world.crypto,
      store: storeView(world.store, `${name}/`),
      log: world.log,
    };
    const running = compose(ground) ?? undefined;
    if (running === undefined && !bare) return;
    this.#running = running;
    this.#clock = clock;
    this.#attach(running);
  }

  powerOff(): void {
    this.#running?.close();
    this.#running = undefined;
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

  #attach(running: MeshNode | MeshDevice | undefined): void {
    const { world, index, controller, proxy, serve } = this.#options;
    if (proxy !== undefined) this.#gatt = world.gatt.attach(index);
    if (proxy === 'client' && this.#gatt !== undefined) {
      this.#connector = this.node?.network.proxy.connect(this.#gatt.central);
      return;
    }
    this.#port = world.radio.attach({ index, ...(controller && { controller }) });
    running?.attach(this.#port);
    if (this.#gatt === undefined) return;
    running?.serve(this.#gatt.peripheral);
    serve?.(this.#gatt.peripheral);
  }
}

const UNASSIGNED = 0;

function hex(address: Unicast): string {
  return toHex(Uint8Array.of(address >> 8, address & 0xff));
}
