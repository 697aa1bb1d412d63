import type { Transmit } from '@meshferry/bearer';
import { type Address, type Cancel, Emitter, silent, type Unicast } from '@meshferry/core';
import { AccessOpener } from './access-opener.ts';
import { AccessSender } from './access-sender.ts';
import { Beacons } from './beacons.ts';
import { SubnetBridge } from './bridge.ts';
import { cancellable, ignore } from './cancellable.ts';
import type { Done } from './contract.ts';
import { ControlHandlers } from './control-handlers.ts';
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
import { CACHE_ENTRIES } from './message-cache.ts';
import type { NetworkChange } from './network-change.ts';
import { NetworkReceiver, type ReceivedPdu } from './network-receiver.ts';
import { initialStates, NodeStates } from './node-states.ts';
import { FILTER_ENTRIES, type NetworkLayerOptions } from './options.ts';
import { Originator } from './originator.ts';
import { OwnDeviceKey } from './own-device-key.ts';
import { ProxyFeature } from './proxy-feature.ts';
import { isProxy } from './proxy-states.ts';
import { Relayer } from './relayer.ts';
import { ReplayList } from './replay-list.ts';
import { SegmentReceiver } from './sar-receiver.ts';
import { SarTransmitterQueue } from './sar-transmitter.ts';
import type { SegmentOrigin } from './segment.ts';
import { SendingQueue } from './sending-queue.ts';
import { SequenceAllocator } from './sequence.ts';
import { StateFollower } from './state-follower.ts';
import { TransportReceiver } from './transport-receiver.ts';

/** A control message to be sent, of which the defaults of the node complete the rest. */
export type PartialControlSend = Omit<ControlSend, 'ttl' | 'transmit'> & {
  readonly ttl?: number;
  readonly transmit?: Transmit;
};

/** The parts that a network layer is made of, put together: who tells whom what comes in, goes out and changes. */
export class NetworkParts {
  readonly counters: NetworkCounters;
  readonly keys: KeyManager;
  readonly ivUpdate: IvUpdate;
  readonly beacons: Beacons;
  readonly heartbeats: Heartbeats;
  readonly proxy: ProxyFeature;
  readonly bridge: SubnetBridge;
  readonly friend: Friend | undefined;
  readonly lowPower: LowPower | undefined;
  readonly features: Features;
  readonly changes: Emitter<NetworkChange> = new Emitter();
  readonly local: LocalDelivery;
  readonly destinations: Destinations;
  readonly iv: IvIndexState;
  readonly sequence: SequenceAllocator;
  readonly interfaces: Interfaces;
  readonly sending: SendingQueue;
  readonly receiver: NetworkReceiver;
  readonly relayer: Relayer;
  readonly transport: TransportReceiver;
  readonly segments: SegmentReceiver;
  readonly outgoing: SarTransmitterQueue;
  readonly originator: Originator;
  readonly accessSender: AccessSender;
  readonly controlHandlers: ControlHandlers = new ControlHandlers();
  readonly states: NodeStates;
  readonly deviceKey: OwnDeviceKey;

  /** Throws `bad-field` for a state out of range, `bad-key-length`, and `store-failed`. */
  constructor(options: NetworkLayerOptions) {
    const { clock, random, crypto, store, log = silent, host, address, elements, limits = {} } = options;
    this.local = new LocalDelivery(clock, host);
    const states = new NodeStates(store, initialStates(options));
    this.states = states;
    const featureChanged = (feature: FeatureName, inUse: boolean) => {
      this.heartbeats.featureChanged(feature);
      this.changes.emit({ type: 'feature', feature, inUse });
    };
    const { relay } = states.values;
    const inUse = (relay === false ? 0 : Feature.relay) | (isProxy(states.values) ? Feature.proxy : 0);
    this.features = new Features(inUse, featureChanged);
    this.destinations = new Destinations(address, elements, host, this.features, (dst) =>
      this.heartbeats.listensTo(dst),
    );
    const counters = newCounters();
    this.counters = counters;
    const keys = new Keys(crypto, store, options.directed);
    this.keys = new KeyManager(crypto, keys, (change) => this.#changed(change));
    const deviceKeys = new DeviceKeys(crypto, (node) => host.deviceKeyOf(node));
    this.deviceKey = new OwnDeviceKey(crypto, store, options.deviceKey);
    const iv = new IvIndexState(store, options.ivIndex ?? 0, options.ivUpdating);
    this.iv = iv;
    this.sequence = new SequenceAllocator(store);
    const replay = new ReplayList(store, limits.rplEntries ?? 0x7fff);
    const interfaces = new Interfaces(clock, {
      pdu: (octets, rssi, from) => this.receiver.receive(octets, rssi, from),
      beacon: (beacon) => this.beacons.receive(beacon),
      serviceData: (ad) => this.proxy.heard(ad),
    });
    this.interfaces = interfaces;
    const sending = new SendingQueue(clock, interfaces);
    this.sending = sending;
    if (options.airtime !== undefined) sending.limitAir(options.airtime);

    const isOwn = (address: Address) => this.destinations.isOwn(address);
    const outgoing = new SarTransmitterQueue(limits.outgoingParallel ?? 4);
    this.outgoing = outgoing;
    const sequence = this.sequence;
    this.originator = new Originator({
      clock,
      counters,
      iv,
      sequence,
      sending,
      outgoing,
      netKey: (index, how) => {
        const own = how === 'friendship' ? this.lowPower?.security(index) : keys.directed(index);
        return (how === 'flooding' ? undefined : own) ?? keys.netKey(index);
      },
      friend: () => this.friend,
      waiting: () => this.lowPower?.poll(),
    });
    const acknowledge = (origin: SegmentOrigin, from: Unicast, seqZero: number, ackedSegments: number) => {
      const { defaultTtl, networkTransmit: transmit } = states.values;
      sendAcknowledgment(this.originator, origin, from, { seqZero, ackedSegments }, { defaultTtl, transmit });
    };
    this.accessSender = new AccessSender(crypto, keys, deviceKeys, this.deviceKey, isOwn, this.originator);

    this.segments = new SegmentReceiver({
      clock,
      state: () => states.values.sarReceiver,
      maxSegments: limits.segments ?? 32,
      maxOpen: limits.incoming ?? 64,
      maxOpenPerSource: limits.incomingPerSource ?? 8,
      completed: (src, dst) => replay.lastSeqAuth(src, dst),
      acknowledge: (origin, seqZero, acked) => acknowledge(origin, origin.dst, seqZero, acked),
      isFromFriend: ({ credentials }) => credentials === 'friendship' && this.lowPower !== undefined,
      complete: (message) => this.transport.complete(message),
    });
    this.transport = new TransportReceiver({
      clock,
      log,
      counters,
      replay,
      segments: this.segments,
      outgoing,
      opener: new AccessOpener(keys, deviceKeys, this.deviceKey, address, host),
      deliver: (message) => host.receive(message),
      isControlGroup: (dst) => this.heartbeats.listensTo(dst),
      controlHandler: (opcode) => this.controlHandlers.get(opcode),
    });
    this.relayer = new Relayer({
      clock,
      random,
      counters,
      interfaces,
      sending,
      features: this.features,
      relay: () => states.values.relay,
      transmit: () => states.values.networkTransmit,
      isOwn,
    });
    this.receiver = new NetworkReceiver({
      keys,
      iv,
      counters,
      address,
      elements,
      cacheEntries: limits.cacheEntries ?? CACHE_ENTRIES,
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
    const ground = { clock, random, log, counters, store, keys, iv, sequence, replay, interfaces, sending, states };
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
      originator: this.originator,
      receiver: this.receiver,
      acknowledge: (origin, seqZero, acked) => acknowledge(origin, address, seqZero, acked),
      handleControl: (opcode, handler) => this.controlHandlers.add(opcode, handler),
    });
    this.friend = roles.friend;
    this.lowPower = roles.lowPower;
    this.controlHandlers.add(OPCODE_HEARTBEAT, (message) => this.heartbeats.receive(message));
    if (keys.netIndexes.length === 0) this.keys.begin(options.netKeys ?? [], options.appKeys ?? []);
  }

  /** Sends a control message with the defaults of this node; throws `bad-field`. */
  sendControl(message: PartialControlSend, done: Done = ignore): Cancel {
    const { defaultTtl, networkTransmit, sarTransmitter } = this.states.values;
    const complete = { ttl: defaultTtl, transmit: networkTransmit, ...message };
    return cancellable(done, (end) => sendControl(this.originator, complete, sarTransmitter, end));
  }

  /** As `NetworkLayer.close`. */
  close(): void {
    this.local.close();
    this.ivUpdate.close();
    this.beacons.close();
    this.heartbeats.close();
    this.proxy.close();
    this.friend?.close();
    this.lowPower?.close();
    this.relayer.close();
    this.sending.close();
    this.interfaces.close();
    this.outgoing.close();
    this.segments.close();
    this.transport.close();
  }

  /** What could not be read before may be readable now. */
  #changed(change: NetworkChange): void {
    this.receiver.forgetCopies();
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
    if (this.destinations.isForThisNode(pdu.dst)) {
      this.interfaces.air?.arrived(pdu.ttl);
      this.transport.receive(pdu);
    }
    this.relayer.consider(pdu);
    if (this.bridge.enabled) this.bridge.consider(pdu);
  }
}
