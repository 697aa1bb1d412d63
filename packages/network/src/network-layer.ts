import type { Advertising, GattLink, Transmit } from '@meshferry/bearer';
import {
  type Address,
  type AppIndex,
  type Cancel,
  Emitter,
  MeshError,
  type NetIndex,
  silent,
  type Unicast,
  type Unsubscribe,
} from '@meshferry/core';
import { AccessOpener } from './access-opener.ts';
import { AccessSender } from './access-sender.ts';
import { Beacons } from './beacons.ts';
import { SubnetBridge } from './bridge.ts';
import { cancellable, ignore } from './cancellable.ts';
import type { AccessSend, AccessTransport, Done, SarReceiver, SarTransmitter } from './contract.ts';
import { type ControlSend, sendAcknowledgment, sendControl } from './control-sender.ts';
import { type NetworkCounters, newCounters } from './counters.ts';
import { Destinations } from './destinations.ts';
import { DeviceKeys } from './device-keys.ts';
import { Feature, type FeatureName, Features } from './features.ts';
import type { Friend } from './friend.ts';
import { friendRoles } from './friend-roles.ts';
import { OPCODE_HEARTBEAT } from './heartbeat-message.ts';
import { Heartbeats } from './heartbeats.ts';
import { Interfaces } from './interfaces.ts';
import { IvIndexState } from './iv-index.ts';
import { IvUpdate } from './iv-update.ts';
import { KeyManager } from './key-manager.ts';
import { Keys } from './keys.ts';
import { LocalDelivery } from './local-delivery.ts';
import type { LowPower } from './low-power.ts';
import type { NetworkChange } from './network-change.ts';
import { NetworkReceiver, type ReceivedPdu } from './network-receiver.ts';
import { initialStates, NodeStates } from './node-states.ts';
import { checkTtl, FILTER_ENTRIES, type NetworkLayerOptions } from './options.ts';
import { Originator } from './originator.ts';
import type { ProxyClientConnection, ProxyClientOptions } from './proxy-client.ts';
import { ProxyFeature } from './proxy-feature.ts';
import { isProxy } from './proxy-states.ts';
import { Relayer } from './relayer.ts';
import { ReplayList } from './replay-list.ts';
import { SegmentReceiver } from './sar-receiver.ts';
import { changeSarReceiver, changeSarTransmitter } from './sar-states.ts';
import { SarTransmitterQueue } from './sar-transmitter.ts';
import type { SegmentOrigin } from './segment.ts';
import { SequenceAllocator } from './sequence.ts';
import { StateFollower } from './state-follower.ts';
import { type ControlReceived, TransportReceiver } from './transport-receiver.ts';

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
  readonly changes: Emitter<NetworkChange> = new Emitter();
  readonly #local: LocalDelivery;
  readonly #destinations: Destinations;
  readonly #iv: IvIndexState;
  readonly #sequence: SequenceAllocator;
  readonly #interfaces: Interfaces;
  readonly #receiver: NetworkReceiver;
  readonly #relayer: Relayer;
  readonly #transport: TransportReceiver;
  readonly #segments: SegmentReceiver;
  readonly #outgoing: SarTransmitterQueue;
  readonly #originator: Originator;
  readonly #accessSender: AccessSender;
  readonly #controlHandlers = new Map<number, (message: ControlReceived) => void>();
  readonly #states: NodeStates;

  /** Throws `bad-field` for a state out of range, `bad-key-length`, and `store-failed`. */
  constructor(options: NetworkLayerOptions) {
    const { clock, random, crypto, store, log = silent, host, address, elements, limits = {} } = options;
    this.address = address;
    this.elements = elements;
    this.#local = new LocalDelivery(clock, host);
    const states = new NodeStates(store, initialStates(options));
    this.#states = states;
    const featureChanged = (feature: FeatureName, inUse: boolean) => {
      this.heartbeats.featureChanged(feature);
      this.changes.emit({ type: 'feature', feature, inUse });
    };
    const { relay } = states.values;
    const inUse = (relay === false ? 0 : Feature.relay) | (isProxy(states.values) ? Feature.proxy : 0);
    this.features = new Features(inUse, featureChanged);
    this.#destinations = new Destinations(address, elements, host, this.features, (dst) =>
      this.heartbeats.listensTo(dst),
    );
    const counters = newCounters();
    this.counters = counters;
    const keys = new Keys(crypto, store, options.directed);
    this.keys = new KeyManager(crypto, keys, (change) => this.#changed(change));
    const deviceKeys = new DeviceKeys(crypto, (node) => host.deviceKeyOf(node));
    const ownDeviceKey = crypto.aes(options.deviceKey);
    const iv = new IvIndexState(store, options.ivIndex ?? 0, options.ivUpdating);
    this.#iv = iv;
    this.#sequence = new SequenceAllocator(store);
    const replay = new ReplayList(store, limits.rplEntries ?? 0x7fff);
    const interfaces = new Interfaces(clock, {
      pdu: (octets, rssi, from) => this.#receiver.receive(octets, rssi, from),
      beacon: (beacon) => this.beacons.receive(beacon),
      serviceData: (ad) => this.proxy.heard(ad),
    });
    this.#interfaces = interfaces;

    const isOwn = (address: Address) => this.#destinations.isOwn(address);
    const outgoing = new SarTransmitterQueue(limits.outgoingParallel ?? 4);
    this.#outgoing = outgoing;
    const sequence = this.#sequence;
    this.#originator = new Originator({
      clock,
      counters,
      iv,
      sequence,
      interfaces,
      outgoing,
      netKey: (index, how) => {
        const own = how === 'friendship' ? this.lowPower?.security(index) : keys.directed(index);
        return (how === 'flooding' ? undefined : own) ?? keys.netKey(index);
      },
      friend: () => this.friend,
      waiting: () => this.lowPower?.poll(),
    });
    this.#accessSender = new AccessSender(crypto, keys, deviceKeys, ownDeviceKey, isOwn, this.#originator);

    this.#segments = new SegmentReceiver({
      clock,
      state: () => states.values.sarReceiver,
      maxSegments: limits.segments ?? 32,
      maxOpen: limits.incoming ?? 64,
      maxOpenPerSource: limits.incomingPerSource ?? 8,
      completed: (src, dst) => replay.lastSeqAuth(src, dst),
      acknowledge: (origin, seqZero, acked) => this.#acknowledge(origin, origin.dst, seqZero, acked),
      isFromFriend: ({ credentials }) => credentials === 'friendship' && this.lowPower !== undefined,
      complete: (message) => this.#transport.complete(message),
    });
    this.#transport = new TransportReceiver({
      clock,
      log,
      counters,
      replay,
      segments: this.#segments,
      outgoing,
      opener: new AccessOpener(keys, deviceKeys, ownDeviceKey, address, host),
      deliver: (message) => host.receive(message),
      isControlGroup: (dst) => this.heartbeats.listensTo(dst),
      controlHandler: (opcode) => this.#controlHandlers.get(opcode),
    });
    this.#relayer = new Relayer({
      clock,
      random,
      counters,
      interfaces,
      features: this.features,
      relay: () => states.values.relay,
      transmit: () => this.transmit,
      isOwn,
    });
    this.#receiver = new NetworkReceiver({
      keys,
      iv,
      counters,
      address,
      elements,
      cacheEntries: limits.cacheEntries ?? 64,
      filterEntries: FILTER_ENTRIES,
      accepted: (pdu) => this.#accepted(pdu),
    });

    const changed = (change: NetworkChange) => this.#changed(change);
    const isPrimaryMember = () => keys.netKeyState(0) !== undefined;
    this.ivUpdate = new IvUpdate({ clock, log, iv, sequence, replay, outgoing, isPrimaryMember, changed });
    const { ivUpdate } = this;
    const follower = new StateFollower(keys, this.keys, ivUpdate, log);
    const sendBeacon = (beacon: Uint8Array) => interfaces.sendBeacon(beacon);
    this.beacons = new Beacons({ clock, random, counters, keys, ivUpdate, states, follower, send: sendBeacon });
    this.heartbeats = new Heartbeats({
      clock,
      states,
      address,
      features: () => this.features.bits,
      send: (message) => this.sendControl(message),
    });
    const ground = { clock, random, log, counters, store, keys, iv, sequence, replay, interfaces, states };
    const { beacons, features } = this;
    this.proxy = new ProxyFeature({ ...ground, beacons, features, address, elements, isOwn, limits });
    this.bridge = new SubnetBridge({ ...ground, features, isOwn, limits, friend: () => this.friend });
    const roles = friendRoles(options, {
      ...ground,
      beacons,
      features,
      follower,
      isOwn,
      outgoing,
      originator: this.#originator,
      receiver: this.#receiver,
      acknowledge: (origin, seqZero, acked) => this.#acknowledge(origin, address, seqZero, acked),
      handleControl: (opcode, handler) => this.handleControl(opcode, handler),
    });
    this.friend = roles.friend;
    this.lowPower = roles.lowPower;
    this.handleControl(OPCODE_HEARTBEAT, (message) => this.heartbeats.receive(message));
    if (keys.netIndexes.length === 0) this.keys.begin(options.netKeys ?? [], options.appKeys ?? []);
  }

  /** The current IV Index. */
  get ivIndex(): number {
    return this.#iv.current;
  }

  /** The sequence number that comes next. */
  get sequenceNumber(): number {
    return this.#sequence.next;
  }

  get defaultTtl(): number {
    return this.#states.values.defaultTtl;
  }

  /** Throws `bad-field` unless 0 or 2 to 127, and as all of these states `store-failed`. */
  set defaultTtl(ttl: number) {
    this.#states.change({ defaultTtl: checkTtl(ttl) });
  }

  /** Network Transmit. */
  get transmit(): Transmit {
    return this.#states.values.networkTransmit;
  }

  set transmit(transmit: Transmit) {
    this.#states.change({ networkTransmit: transmit });
  }

  /** Relay Retransmit while this node is a relay, false while it is none. */
  get relay(): Transmit | false {
    return this.#states.values.relay;
  }

  set relay(relay: Transmit | false) {
    this.setRelay(relay !== false, relay || this.relayRetransmit);
  }

  /** Relay Retransmit, which the node keeps while it is no relay [Mesh Protocol 1.1, 4.2.9]. */
  get relayRetransmit(): Transmit {
    return this.#states.values.relayRetransmit;
  }

  /** Relay and Relay Retransmit in one step. */
  setRelay(on: boolean, relayRetransmit: Transmit): void {
    this.#states.change({ relay: on && relayRetransmit, relayRetransmit });
    this.features.set('relay', on);
  }

  get sarTransmitter(): SarTransmitter {
    return this.#states.values.sarTransmitter;
  }

  /** Changes what is given, for messages sent from now on; throws `bad-field`. */
  setSarTransmitter(changes: Partial<SarTransmitter>): void {
    this.#states.change({ sarTransmitter: changeSarTransmitter(this.sarTransmitter, changes) });
  }

  get sarReceiver(): SarReceiver {
    return this.#states.values.sarReceiver;
  }

  /** Changes what is given; throws `bad-field`. */
  setSarReceiver(changes: Partial<SarReceiver>): void {
    this.#states.change({ sarReceiver: changeSarReceiver(this.sarReceiver, changes) });
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
    return this.#interfaces.attach(advertising);
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
    this.#accessSender.check(message);
    const netIndex = this.#accessSender.netIndexOf(message);
    const local = this.#local;
    if (netIndex instanceof MeshError) return cancellable(done, (end) => local.later(() => end(netIndex)));
    const how = { netIndex, ttl: this.defaultTtl, seq: this.#sequence.next };
    if (this.#destinations.isOwn(message.dst)) return cancellable(done, (end) => local.deliver(message, how, end));
    if (this.#destinations.isForThisNode(message.dst)) local.deliver(message, how, ignore);
    const defaults = { ttl: this.defaultTtl, transmit: this.transmit, sar: this.sarTransmitter };
    return cancellable(done, (end) => this.#accessSender.send(message, netIndex, defaults, end));
  }

  /** Sends a control message; `done` as with {@link send}. Throws `bad-field`. */
  sendControl(
    message: Omit<ControlSend, 'ttl' | 'transmit'> & { readonly ttl?: number; readonly transmit?: Transmit },
    done: Done = ignore,
  ): Cancel {
    const complete = { ttl: this.defaultTtl, transmit: this.transmit, ...message };
    return cancellable(done, (end) => sendControl(this.#originator, complete, this.sarTransmitter, end));
  }

  /** Takes the control messages of an opcode (0x01 to 0x7F) for this node; those of others are ignored. */
  handleControl(opcode: number, handler: (message: ControlReceived) => void): Unsubscribe {
    this.#controlHandlers.set(opcode, handler);
    return () => {
      if (this.#controlHandlers.get(opcode) === handler) this.#controlHandlers.delete(opcode);
    };
  }

  /** Detaches from the bearers and stops all timers; messages under way end without a word. State is in the store. */
  close(): void {
    this.#local.close();
    this.ivUpdate.close();
    this.beacons.close();
    this.heartbeats.close();
    this.proxy.close();
    this.friend?.close();
    this.lowPower?.close();
    this.#interfaces.close();
    this.#outgoing.close();
    this.#segments.close();
    this.#transport.close();
  }

  /** What could not be read before may be readable now. */
  #changed(change: NetworkChange): void {
    this.#receiver.forgetCopies();
    this.beacons.changed(change);
    this.proxy.changed(change);
    this.friend?.changed(change);
    this.lowPower?.changed(change);
    if (change.type === 'net-key-added' || change.type === 'net-key-removed') this.ivUpdate.plan();
    if (change.type === 'net-key-removed') this.heartbeats.netKeyRemoved(change.netIndex);
    this.bridge.changed(change);
    this.changes.emit(change);
  }

  #accepted(pdu: ReceivedPdu): void {
    this.ivUpdate.keepTime();
    this.lowPower?.accepted(pdu);
    this.friend?.accepted(pdu);
    if (this.#destinations.isForThisNode(pdu.dst)) this.#transport.receive(pdu);
    this.#relayer.consider(pdu);
    if (this.bridge.enabled) this.bridge.consider(pdu);
  }

  #acknowledge(origin: SegmentOrigin, from: Unicast, seqZero: number, ackedSegments: number): void {
    sendAcknowledgment(this.#originator, origin, from, { seqZero, ackedSegments }, this);
  }
}
