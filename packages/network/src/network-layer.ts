import type { Advertising, GattLink, Transmit } from '@meshferry/bearer';
import {
  type AppIndex,
  type Cancel,
  type Emitter,
  MeshError,
  type NetIndex,
  type Store,
  type Unicast,
  type Unsubscribe,
  type Write,
} from '@meshferry/core';
import type { Beacons } from './beacons.ts';
import type { SubnetBridge } from './bridge.ts';
import { cancellable, ignore } from './cancellable.ts';
import type { AccessSend, AccessTransport, Done, SarReceiver, SarTransmitter } from './contract.ts';
import type { ControlSend } from './control-sender.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import type { Friend } from './friend.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { IvUpdate } from './iv-update.ts';
import type { KeyManager } from './key-manager.ts';
import type { LowPower } from './low-power.ts';
import type { NetworkChange } from './network-change.ts';
import { NetworkParts } from './network-parts.ts';
import { checkTtl, type NetworkLayerOptions } from './options.ts';
import type { ProxyClientConnection, ProxyClientOptions } from './proxy-client.ts';
import type { ProxyFeature } from './proxy-feature.ts';
import { changeSarReceiver, changeSarTransmitter } from './sar-states.ts';
import type { ControlReceived } from './transport-receiver.ts';

/**
 * Network and transport layers of one node [Mesh Protocol 1.1, 3.4 to 3.6]: receives, relays and sends Network PDUs over
 * the bearers attached, keeps out replays, segments and reassembles, encrypts with NetKeys, AppKeys and device keys.
 * Keys and states (Default TTL, Network Transmit, SAR …) are given by the layers above, who keep them.
 */
export class NetworkLayer implements AccessTransport {
  readonly address: Unicast;
  readonly elements: number;
  readonly counters: Readonly<NetworkCounters>;
  /** NetKeys and AppKeys, their Key Refresh included. */
  readonly keys: KeyManager;
  /** IV Index, IV Update and recovery. */
  readonly ivUpdate: IvUpdate;
  readonly beacons: Beacons;
  readonly heartbeats: Heartbeats;
  /** The proxy protocol: Proxy Server, its states and its advertising; finding other proxies. */
  readonly proxy: ProxyFeature;
  /** The Subnet Bridge: off, and its table empty, until it is configured. */
  readonly bridge: SubnetBridge;
  /** The Friend feature, if the node supports it. */
  readonly friend: Friend | undefined;
  /** The Low Power feature, if the node supports it. */
  readonly lowPower: LowPower | undefined;
  /** Features in use. Relay follows {@link relay}, Proxy the states of {@link proxy}; others are set by who has them. */
  readonly features: Features;
  /** Tells what has changed in the IV Index, in Key Refresh Phases and in the keys and features of this node. */
  readonly changes: Emitter<NetworkChange>;
  readonly #parts: NetworkParts;
  readonly #store: Store;

  /** Throws `bad-field` for a state out of range, `bad-key-length`, and `store-failed`. */
  constructor(options: NetworkLayerOptions) {
    const parts = new NetworkParts(options);
    this.#parts = parts;
    this.#store = options.store;
    this.address = options.address;
    this.elements = options.elements;
    this.counters = parts.counters;
    this.keys = parts.keys;
    this.ivUpdate = parts.ivUpdate;
    this.beacons = parts.beacons;
    this.heartbeats = parts.heartbeats;
    this.proxy = parts.proxy;
    this.bridge = parts.bridge;
    this.friend = parts.friend;
    this.lowPower = parts.lowPower;
    this.features = parts.features;
    this.changes = parts.changes;
  }

  /** The current IV Index. */
  get ivIndex(): number {
    return this.#parts.iv.current;
  }

  /** The sequence number that comes next. */
  get sequenceNumber(): number {
    return this.#parts.sequence.next;
  }

  get defaultTtl(): number {
    return this.#parts.states.values.defaultTtl;
  }

  /** Throws `bad-field` unless 0 or 2 to 127, and as all of these states `store-failed`. */
  set defaultTtl(ttl: number) {
    this.#parts.states.change({ defaultTtl: checkTtl(ttl) });
  }

  /** Network Transmit. */
  get transmit(): Transmit {
    return this.#parts.states.values.networkTransmit;
  }

  set transmit(transmit: Transmit) {
    this.#parts.states.change({ networkTransmit: transmit });
  }

  /** Relay Retransmit while this node is a relay, false while it is none. */
  get relay(): Transmit | false {
    return this.#parts.states.values.relay;
  }

  set relay(relay: Transmit | false) {
    this.setRelay(relay !== false, relay || this.relayRetransmit);
  }

  /** Relay Retransmit, which the node keeps while it is no relay [Mesh Protocol 1.1, 4.2.9]. */
  get relayRetransmit(): Transmit {
    return this.#parts.states.values.relayRetransmit;
  }

  /** Relay and Relay Retransmit in one step. */
  setRelay(on: boolean, relayRetransmit: Transmit): void {
    this.#parts.states.change({ relay: on && relayRetransmit, relayRetransmit });
    this.features.set('relay', on);
  }

  /**
   * Messages of priority `bulk` are sent only as long as, with them, no more than this share of the air is taken in any
   * 10 s, by this node and, as far as it hears them, by others; as a listener on one advertising channel hears it, 0.01 to 1.
   * Undefined: no limit, they take all that is left. It is not kept over a restart.
   */
  get airtime(): number | undefined {
    return this.#parts.interfaces.air?.share;
  }

  /** Throws `bad-field`. */
  set airtime(share: number | undefined) {
    this.#parts.sending.limitAir(share);
  }

  /**
   * Mean time from one advertising event of a long bulk transfer to the next within {@link airtime}, and not faster than the
   * bearers, ms, as far as is known; undefined without a limit.
   */
  get airtimeEventMs(): number | undefined {
    const { air, eventMs } = this.#parts.interfaces;
    return air && Math.max(air.eventMs, eventMs);
  }

  get sarTransmitter(): SarTransmitter {
    return this.#parts.states.values.sarTransmitter;
  }

  /** Changes what is given, for messages sent from now on; throws `bad-field`. */
  setSarTransmitter(changes: Partial<SarTransmitter>): void {
    this.#parts.states.change({ sarTransmitter: changeSarTransmitter(this.sarTransmitter, changes) });
  }

  get sarReceiver(): SarReceiver {
    return this.#parts.states.values.sarReceiver;
  }

  /** Changes what is given; throws `bad-field`. */
  setSarReceiver(changes: Partial<SarReceiver>): void {
    this.#parts.states.change({ sarReceiver: changeSarReceiver(this.sarReceiver, changes) });
  }

  /**
   * Takes a Device Key Candidate (16 octets) [Mesh Protocol 1.1, 3.11.8]: durable when it returns, the device key once a
   * message came under it. `commit` makes the change given to it durable, together with others; by default it stands alone.
   * Throws `bad-key-length`, `store-failed`; then nothing has changed.
   */
  offerDeviceKey(key: Uint8Array, commit: (write: Write) => void = (write) => this.#store.batch([write])): void {
    this.#parts.deviceKey.offer(key, commit);
  }

  /** Whether a Device Key Candidate waits for the first message under it. */
  get hasDeviceKeyCandidate(): boolean {
    return this.#parts.deviceKey.candidate !== undefined;
  }

  /** As {@link KeyManager.addNetKey}. */
  addNetKey(index: NetIndex, key: Uint8Array): void {
    this.keys.addNetKey(index, key);
  }

  /** As {@link KeyManager.removeNetKey}. */
  removeNetKey(index: NetIndex): void {
    this.keys.removeNetKey(index);
  }

  /** As {@link KeyManager.addAppKey}. */
  addAppKey(index: AppIndex, netIndex: NetIndex, key: Uint8Array): void {
    this.keys.addAppKey(index, netIndex, key);
  }

  /** As {@link KeyManager.removeAppKey}. */
  removeAppKey(index: AppIndex): void {
    this.keys.removeAppKey(index);
  }

  /** Adds a network interface over a bearer. */
  attach(advertising: Advertising): Unsubscribe {
    return this.#parts.interfaces.attach(advertising);
  }

  /** Adds a network interface over the GATT link of a client; the function given back disconnects it. */
  attachProxyClient(link: GattLink): Unsubscribe {
    return this.proxy.attachClient(link);
  }

  /** Adds a network interface over the GATT link to a Proxy Server. */
  attachProxyServer(link: GattLink, options: ProxyClientOptions = {}): ProxyClientConnection {
    return this.proxy.attachServer(link, options);
  }

  send(message: AccessSend, done: Done = ignore): Cancel {
    this.#parts.accessSender.check(message);
    const netIndex = this.#parts.accessSender.netIndexOf(message);
    const local = this.#parts.local;
    if (netIndex instanceof MeshError) return cancellable(done, (end) => local.later(() => end(netIndex)));
    const how = { netIndex, ttl: this.defaultTtl, seq: this.#parts.sequence.next };
    if (this.#parts.destinations.isOwn(message.dst))
      return cancellable(done, (end) => local.deliver(message, how, end));
    if (this.#parts.destinations.isForThisNode(message.dst)) local.deliver(message, how, ignore);
    // The output filters of all interfaces drop it [3.4.5.2].
    if (message.ttl === 1) return cancellable(done, (end) => local.later(end));
    const defaults = { ttl: this.defaultTtl, transmit: this.transmit, sar: this.sarTransmitter };
    return cancellable(done, (end) => this.#parts.accessSender.send(message, netIndex, defaults, end));
  }

  /** Sends a control message; `done` as with {@link send}. Throws `bad-field`. */
  sendControl(
    message: Omit<ControlSend, 'ttl' | 'transmit'> & { readonly ttl?: number; readonly transmit?: Transmit },
    done: Done = ignore,
  ): Cancel {
    return this.#parts.sendControl(message, done);
  }

  /** Takes the control messages of an opcode (0x01 to 0x7F) for this node; those of others are ignored. */
  handleControl(opcode: number, handler: (message: ControlReceived) => void): Unsubscribe {
    return this.#parts.controlHandlers.add(opcode, handler);
  }

  /** Detaches from the bearers and stops all timers; messages under way end without a word. State is in the store. */
  close(): void {
    this.#parts.close();
  }
}
