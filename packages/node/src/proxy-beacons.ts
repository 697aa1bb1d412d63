import { type GattAdvertisement, type GattCentral, type GattLink, MESH_PROXY_SERVICE } from '@meshferry/bearer';
import { type Cancel, type Clock, Deadline, MeshError, type Unicast } from '@meshferry/core';
import {
  decodeProxyIdentity,
  isIdentityOf,
  type NetKeyMaterial,
  namesNode,
  PROXY_SERVICE_LIMITS,
  ProxyChannel,
  ProxyMessageType,
} from '@meshferry/network';

/** What {@link listenToProxies} listens with. */
export interface ProxyListening {
  readonly clock: Clock;
  readonly central: GattCentral;
  /** Proxies of their subnets are asked, others are not. */
  readonly keys: readonly NetKeyMaterial[];
  /** Nodes of the network: proxies that show themselves by Node Identity are known by them. */
  readonly nodes: readonly Unicast[];
}

/** For a connection, and for the beacon that comes on it at once, ms. Then another proxy may do better. */
const PROXY_MS = 10_000;

/**
 * The beacons that Proxy Servers give to who connects to them [Mesh Protocol 1.1, 6.7], without being a node: one proxy
 * after the other, until cancelled.
 */
export function listenToProxies(options: ProxyListening, heard: (beacon: Uint8Array) => void): Cancel {
  const listener = new ProxyListener(options, heard);
  return () => listener.close();
}

/** States: looking for a proxy, connecting, connected; closed. */
class ProxyListener {
  readonly #options: ProxyListening;
  readonly #heard: (beacon: Uint8Array) => void;
  readonly #stopLooking: Cancel;
  readonly #timer: Deadline;
  /** Peers that gave nothing, and those of other networks. */
  readonly #asked = new Set<string>();
  /** Ends the connection that there is, or is being made. */
  #leave: Cancel | undefined;

  constructor(options: ProxyListening, heard: (beacon: Uint8Array) => void) {
    this.#options = options;
    this.#heard = heard;
    this.#timer = new Deadline(options.clock, () => this.#next());
    this.#stopLooking = options.central.discover([MESH_PROXY_SERVICE.uuid as number], (found) => this.#found(found));
  }

  close(): void {
    this.#stopLooking();
    this.#next();
  }

  #found({ peer, data }: GattAdvertisement): void {
    if (this.#leave !== undefined || this.#asked.has(peer)) return;
    this.#asked.add(peer);
    if (!this.#isOurs(data)) return;
    this.#timer.set(PROXY_MS);
    this.#leave = this.#options.central.connect(peer, MESH_PROXY_SERVICE, (outcome) => {
      if (outcome instanceof MeshError) this.#next();
      else this.#connected(outcome);
    });
  }

  #connected(link: GattLink): void {
    const channel = new ProxyChannel(this.#options.clock, link, PROXY_SERVICE_LIMITS, {
      message: (type, message) => {
        if (type === ProxyMessageType.meshBeacon) this.#heard(message);
      },
      closed: () => this.#next(),
    });
    this.#leave = () => channel.close();
  }

  #next(): void {
    const leave = this.#leave;
    this.#leave = undefined;
    this.#timer.clear();
    leave?.();
  }

  #isOurs(serviceData: Uint8Array): boolean {
    const identity = decodeProxyIdentity(serviceData);
    if (!identity.ok) return false;
    const { value } = identity;
    const candidates = namesNode(value) ? this.#options.nodes : NO_NODE;
    return this.#options.keys.some((key) => candidates.some((address) => isIdentityOf(value, key, address)));
  }
}

/** Identities of networks name nobody. */
const NO_NODE: readonly Unicast[] = [0];
