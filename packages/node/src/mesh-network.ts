import { decodeComposition, type Model } from '@meshferry/access';
import {
  excludeAddresses,
  hexNumber,
  type KeyState,
  modelIdNumber,
  type NetworkDocument,
  type NodeEntry,
  nodeRange,
  octetsOf,
  pruneExclusions,
  removeNode,
  requireNode,
  timestampText,
  touch,
  updateNode,
  withComposition,
} from '@meshferry/cdb';
import { formatAddress, MeshError, type NetIndex, type Random, toHex, type Unicast } from '@meshferry/core';
import type { CryptoProvider } from '@meshferry/crypto';
import {
  ConfigurationClient,
  HealthClient,
  RemoteProvisioningClient,
  type RequestOptions,
  type RequestTarget,
  SarConfigurationClient,
} from '@meshferry/foundation';
import { MeshNode, type MeshNodeOptions, type NodeGround } from './mesh-node.ts';
import { alreadyProvisioning, badComposition, notAdopted, notPending, ownNode } from './network-errors.ts';
import { followDocument } from './network-own-keys.ts';
import { isUncertain, type UncertainNode } from './network-pending.ts';
import { DeviceProvisioning, type ProvisioningHost, type ProvisionRequest, takeIn } from './network-provision.ts';
import type { NetworkState, OwnIdentity } from './network-state.ts';

/** What a network that this process is in stands on. */
export interface MeshNetworkOptions extends NodeGround {
  /** The network; `own` says who this process is in it. */
  readonly state: NetworkState;
  /** Milliseconds since 1970, for the time stamps of the document. */
  readonly wallTime: () => number;
  /** Models on the primary element of the own node besides the clients that the facade needs; bound to every AppKey. */
  readonly models?: readonly Model[];
  /** How the own node behaves, see `MeshNodeOptions`. */
  readonly node?: Partial<Pick<MeshNodeOptions, 'defaultTtl' | 'transmit' | 'incoming' | 'replyDelayMs'>>;
}

/** A device being provisioned. */
export interface Provisioning {
  /** The node in the document; rejects as `ProvisionerOptions.done` says, and as {@link MeshNetwork.provision} does. */
  readonly node: Promise<NodeEntry>;
  cancel(): void;
}

/**
 * A mesh network as one of its provisioners has it: the document, the own node, and the procedures that change both. All
 * that it learns of the network is durable before it is relied upon; it can be killed at any time.
 *
 * ```ts
 * const network = new MeshNetwork({ ...ground, state, wallTime: Date.now });
 * network.node.attach(bearer.advertising);
 * const node = await network.provision({ uuid, bearer: pbAdv(ground, bearer.advertising) }).node;
 * ```
 */
export class MeshNetwork {
  readonly state: NetworkState;
  /** The own node. */
  readonly node: MeshNode;
  readonly configuration: ConfigurationClient;
  readonly health: HealthClient;
  readonly sar: SarConfigurationClient;
  /** Reaches devices through nodes: for `pbRemote`. */
  readonly remote: RemoteProvisioningClient;
  readonly own: OwnIdentity;
  readonly #options: MeshNetworkOptions;
  readonly #bound: readonly Model[];
  /** Devices under way, by UUID; each settles with its end. */
  readonly #provisioning = new Map<string, Promise<unknown>>();
  /** Of nodes of which it is being found out which key they have. */
  readonly #triedKeys = new Map<Unicast, Uint8Array>();
  /** Device keys by element address, made anew when the document has changed. */
  #deviceKeys: Map<Unicast, Uint8Array> | undefined;

  /** Composes the own node, on what it knew when it last ran. Throws `not-adopted` when this process is not in the network. */
  constructor(options: MeshNetworkOptions) {
    const { state, models = [] } = options;
    this.#options = options;
    this.state = state;
    if (state.own === undefined) throw notAdopted(state.document);
    this.own = state.own;
    const { ivIndex, ivUpdating, uuid } = state.own;
    const entry = ownEntry(state.document, uuid);
    this.configuration = new ConfigurationClient();
    this.health = new HealthClient();
    this.sar = new SarConfigurationClient();
    this.remote = new RemoteProvisioningClient();
    this.#bound = [this.health.model, ...models];
    this.node = new MeshNode({
      ...options,
      ...options.node,
      address: nodeRange(entry).address,
      // Keys come from the document: see `followDocument`.
      keys: { deviceKey: octetsOf(entry.deviceKey ?? ''), netKeys: [], appKeys: [] },
      identity: { cid: 0xffff, pid: 0, vid: 0, crpl: 0xffff, features: 0 },
      elements: [
        { location: 0, models: [this.configuration.model, this.remote.model, this.sar.model, ...this.#bound] },
      ],
      ivIndex,
      ivUpdating,
      deviceKeyOf: (address) => this.#deviceKeyOf(address),
    });
    this.#follow(state.document);
    this.change(state.document);
    state.changes.subscribe((document) => this.#follow(document));
  }

  get document(): NetworkDocument {
    return this.state.document;
  }

  get crypto(): CryptoProvider {
    return this.#options.crypto;
  }

  get random(): Random {
    return this.#options.random;
  }

  /** Address of the own node. */
  get address(): Unicast {
    return this.node.address;
  }

  /** The current IV Index. */
  get ivIndex(): number {
    return this.node.network.ivUpdate.ivIndex;
  }

  /** Whom to ask about a node: its address, and a subnet that it and this process are in. Throws `unknown-node`. */
  to(address: Unicast): RequestTarget {
    const { netKeys } = requireNode(this.document, address);
    const common = netKeys
      .map(({ index }) => index)
      .filter((index) => this.node.network.keys.phase(index) !== undefined);
    if (common.length > 0) return { address, netIndex: Math.min(...common) };
    throw new MeshError('no-common-subnet', `this process has none of the NetKeys of ${formatAddress(address)}`, {
      hint: 'A provisioner that has one of them must add it to the own node.',
    });
  }

  /** Takes another document, with a new time stamp. */
  change(document: NetworkDocument): void {
    const whole = this.#withOwn(document);
    if (whole !== this.document) this.state.change(this.touched(whole));
  }

  /** The document with the time of now, and without exclusions that have run out. */
  touched(document: NetworkDocument): NetworkDocument {
    return touch(pruneExclusions(document, this.ivIndex), this.now());
  }

  /** The time as documents write it. */
  now(): string {
    return timestampText(this.#options.wallTime());
  }

  /**
   * Makes a node of a device; several may be under way at a time. Whatever happens the addresses and the key of the device
   * are used for nothing else. Rejects with `uuid-known`, `already-provisioning`, `provisioning-uncertain`,
   * `addresses-exhausted`, `unknown-netkey`, what the link fails with, and what `ProvisionerOptions.done` tells.
   */
  provision(request: ProvisionRequest): Provisioning {
    const key = toHex(request.uuid);
    let provisioning: DeviceProvisioning | undefined;
    const node = new Promise<NodeEntry>((resolve, reject) => {
      if (this.#provisioning.has(key)) throw alreadyProvisioning(key);
      provisioning = new DeviceProvisioning(this.#host(), request, (outcome) => {
        this.#provisioning.delete(key);
        if (outcome instanceof MeshError) reject(outcome);
        else resolve(outcome);
      });
    });
    // Of one that is refused the other, with the same UUID, stays.
    if (provisioning !== undefined)
      this.#provisioning.set(
        key,
        node.catch(() => {}),
      );
    return { node, cancel: () => provisioning?.cancel() };
  }

  /**
   * Settles when one of the devices has come to its end that were given the value of a NetKey, and are no nodes yet;
   * undefined: there is none.
   */
  joining(netIndex: NetIndex): Promise<unknown> | undefined {
    const given = this.state.pending.all.filter((node) => node.netIndex === netIndex);
    return given.map(({ uuid }) => this.#provisioning.get(toHex(uuid))).find((end) => end !== undefined);
  }

  /**
   * Looks for a device of which it is not known whether it became a node, and takes it into the document when it answers
   * with its key. Rejects with `not-pending`, and `no-response` when it stays silent: it may be out of reach.
   */
  async recover(uuid: Uint8Array, options?: RequestOptions): Promise<NodeEntry> {
    const pending = this.#pending(uuid);
    const to = { address: pending.address, netIndex: pending.netIndex };
    const { data } = await this.configuration.node.compositionDataGet(to, 0, options);
    const { unicastAddress } = takeIn(this.#host(), pending);
    return this.#compose(hexNumber(unicastAddress), data);
  }

  /**
   * Gives such a device up: its addresses are used for nobody else until the network cannot know their sequence numbers any
   * more. Throws `not-pending`.
   */
  giveUp(uuid: Uint8Array): void {
    const { address, elements } = this.#pending(uuid);
    const addresses = Array.from({ length: elements }, (_, i) => address + i);
    const document = this.touched(excludeAddresses(this.document, this.ivIndex, addresses));
    this.state.change(document, [this.state.pendingWrite(this.state.pending.removal(uuid))]);
  }

  /** Asks a node what it is made of, and writes it down. Rejects with `no-response`, `bad-composition`. */
  async readComposition(address: Unicast, options?: RequestOptions): Promise<NodeEntry> {
    const { data } = await this.configuration.node.compositionDataGet(this.to(address), 0, options);
    return this.#compose(address, data);
  }

  /** Writes down what Composition Data Page 0 of a node says. */
  #compose(address: Unicast, page: Uint8Array): NodeEntry {
    const decoded = decodeComposition(page);
    if (!decoded.ok) throw badComposition(address, decoded.error.reason);
    const node = withComposition(requireNode(this.document, address), decoded.value.composition);
    this.change(updateNode(this.document, address, node));
    return requireNode(this.document, address);
  }

  /** Makes a node forget the network, then removes it. Rejects with `no-response`: then nothing has changed here. */
  async reset(address: Unicast, options?: RequestOptions): Promise<void> {
    this.#refuseOwn(address);
    await this.configuration.node.nodeReset(this.to(address), options);
    this.remove(address);
  }

  /** Removes a node from the document without telling it; its addresses are set aside. Throws `unknown-node`, `own-node`. */
  remove(address: Unicast): void {
    this.#refuseOwn(address);
    this.change(removeNode(this.document, address, this.ivIndex));
  }

  /**
   * Messages to the node with this primary address are secured with another device key than that of the document, until
   * undefined is given: a refresh finds out so which one the node has.
   */
  useDeviceKey(address: Unicast, key: Uint8Array | undefined): void {
    if (key === undefined) this.#triedKeys.delete(address);
    else this.#triedKeys.set(address, key);
  }

  /** Leaves the air; see `MeshNode.close`. */
  close(): void {
    this.node.close();
  }

  #host(): ProvisioningHost {
    const { state, own } = this;
    const { clock, random, crypto } = this.#options;
    const { ivUpdate } = this.node.network;
    return {
      ground: { clock, random, crypto },
      state,
      own,
      iv: () => ({ ivIndex: ivUpdate.ivIndex, updating: ivUpdate.updating }),
      touched: (document) => this.touched(document),
    };
  }

  #follow(document: NetworkDocument): void {
    this.#deviceKeys = undefined;
    const { keys, beacons } = this.node.network;
    followDocument(keys, document);
    // Who misses a Phase Set follows the beacons [Mesh Protocol 1.1, 3.11.4]; otherwise the other nodes' are enough.
    const refreshing = document.netKeys.some(({ phase }) => phase > 0);
    if (beacons.secureNetwork !== refreshing) beacons.secureNetwork = refreshing;
    for (const { index } of document.appKeys) for (const model of this.#bound) model.bind(index);
  }

  /**
   * The document with the own node as it is now: with the models that this version of the program has, the keys of the
   * network, and all of these models bound to all of them.
   */
  #withOwn(document: NetworkDocument): NetworkDocument {
    const entry = requireNode(document, this.address);
    const described = withComposition(entry, this.node.access.composition);
    const elements = described.elements.map((element) => ({
      ...element,
      models: element.models.map((model) => ({
        ...model,
        bind: this.#bound.some(({ id }) => id === modelIdNumber(model.modelId)) ? indexesOf(document.appKeys) : [],
      })),
    }));
    const own = {
      ...described,
      elements,
      netKeys: document.netKeys.map(({ index, phase }) => known(entry.netKeys, index) ?? { index, updated: phase > 0 }),
      appKeys: document.appKeys.map(
        ({ index, oldKey }) => known(entry.appKeys, index) ?? { index, updated: oldKey !== undefined },
      ),
    };
    return JSON.stringify(own) === JSON.stringify(entry) ? document : updateNode(document, this.address, own);
  }

  #deviceKeyOf(address: Unicast): Uint8Array | undefined {
    this.#deviceKeys ??= deviceKeys(this.document);
    return this.#triedKeys.get(address) ?? this.#deviceKeys.get(address) ?? this.#pendingKey(address);
  }

  #pendingKey(address: Unicast): Uint8Array | undefined {
    return this.state.pending.uncertain.find((node) => node.address === address)?.deviceKey;
  }

  #pending(uuid: Uint8Array): UncertainNode {
    const pending = this.state.pending.get(uuid);
    if (isUncertain(pending)) return pending;
    throw notPending(toHex(uuid));
  }

  #refuseOwn(address: Unicast): void {
    if (address === this.address) throw ownNode(address);
  }
}

function ownEntry({ nodes }: NetworkDocument, uuid: string): NodeEntry {
  const entry = nodes.find((node) => node.UUID === uuid);
  if (entry?.deviceKey !== undefined) return entry;
  throw new MeshError('state-corrupt', `the node of this process, ${uuid}, is not in the document`, {
    hint: 'Restore the state folder from a backup, or take the network over once more with another one.',
  });
}

/** By the address of every element. */
function deviceKeys({ nodes }: NetworkDocument): Map<Unicast, Uint8Array> {
  const keys = new Map<Unicast, Uint8Array>();
  for (const node of nodes) {
    if (node.deviceKey === undefined) continue;
    const key = octetsOf(node.deviceKey);
    const { address, count } = nodeRange(node);
    for (let i = 0; i < count; i++) keys.set(address + i, key);
  }
  return keys;
}

function indexesOf(keys: readonly { readonly index: number }[]): number[] {
  return keys.map(({ index }) => index);
}

function known(keys: readonly KeyState[], index: number): KeyState | undefined {
  return keys.find((key) => key.index === index);
}
