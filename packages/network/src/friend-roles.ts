import type { Transmit } from '@meshferry/bearer';
import { type Clock, type Log, MeshError, type Store } from '@meshferry/core';
import type { Beacons } from './beacons.ts';
import { ignore } from './cancellable.ts';
import type { ControlMessageType } from './control-message.ts';
import { sendControl } from './control-sender.ts';
import type { NetworkCounters } from './counters.ts';
import type { Features } from './features.ts';
import { Friend, type FriendOptions } from './friend.ts';
import { friendLimits } from './friend-limits.ts';
import type { Interfaces } from './interfaces.ts';
import type { IvIndexState } from './iv-index.ts';
import type { Keys } from './keys.ts';
import { LowPower } from './low-power.ts';
import { lowPowerSettings } from './low-power-settings.ts';
import { encodeLowerTransportPdu } from './lower-transport-pdu.ts';
import type { NetworkReceiver } from './network-receiver.ts';
import type { NodeStates } from './node-states.ts';
import type { NetworkLayerOptions } from './options.ts';
import type { Originator } from './originator.ts';
import { encodeNetworkPdu } from './pdu.ts';
import type { SarTransmitterQueue } from './sar-transmitter.ts';
import type { SendingQueue } from './sending-queue.ts';
import type { StateFollower } from './state-follower.ts';
import type { ControlReceived } from './transport-receiver.ts';

/** The parts of a node that the roles of friendship work with. */
export interface FriendRoleParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly keys: Keys;
  readonly iv: IvIndexState;
  readonly states: NodeStates;
  readonly counters: NetworkCounters;
  readonly features: Features;
  readonly interfaces: Interfaces;
  readonly sending: SendingQueue;
  readonly originator: Originator;
  readonly receiver: NetworkReceiver;
  readonly outgoing: SarTransmitterQueue;
  readonly beacons: Beacons;
  readonly follower: StateFollower;
  readonly isOwn: FriendOptions['isOwn'];
  readonly acknowledge: FriendOptions['acknowledge'];
  handleControl(opcode: number, handler: (message: ControlReceived) => void): void;
}

/** PDUs of friendship are sent once [Mesh Protocol 1.1, 3.4.5]. */
const ONCE: Transmit = { count: 1, intervalMs: 20 };

/** The roles of friendship that the options ask for. Throws `bad-field`: both at a time, or a limit out of range. */
export function friendRoles(
  options: NetworkLayerOptions,
  parts: FriendRoleParts,
): { readonly friend: Friend | undefined; readonly lowPower: LowPower | undefined } {
  const { friend = false, lowPower = false } = options;
  if (friend !== false && lowPower !== false) {
    throw new MeshError('bad-field', 'a node that is Friend and Low Power node', {
      hint: 'Who keeps messages for others cannot sleep: give one of both options.',
    });
  }
  return {
    friend: friend === false ? undefined : newFriend(options, friend === true ? {} : friend, parts),
    lowPower: lowPower === false ? undefined : newLowPower(options, lowPower === true ? {} : lowPower, parts),
  };
}

function newFriend(
  { crypto, address, limits = {} }: NetworkLayerOptions,
  friend: Parameters<typeof friendLimits>[0],
  parts: FriendRoleParts,
): Friend {
  const { iv, states, counters, sending, originator, beacons } = parts;
  return new Friend({
    ...parts,
    provider: crypto,
    address,
    limits: friendLimits(friend),
    source: { takeSeq: (end) => originator.takeSeq(end), transmitIvIndex: () => iv.transmit },
    maxOpen: limits.incoming ?? 64,
    maxOpenPerSource: limits.incomingPerSource ?? 8,
    handle: handlerOf(parts),
    sarReceiver: () => states.values.sarReceiver,
    networkState: (netIndex) => beacons.state(netIndex),
    send: (type, value, { dst, netIndex, ttl, once }) => {
      const { networkTransmit, sarTransmitter } = states.values;
      const message = { opcode: type.opcode, parameters: type.encode(value), transmit: once ? ONCE : networkTransmit };
      sendControl(originator, { src: address, dst, netIndex, ttl, ...message }, sarTransmitter, ignore);
    },
    encode: (type, value, dst, security) => {
      const seq = originator.takeSeq();
      if (seq instanceof MeshError) return undefined;
      const { opcode } = type;
      const parameters = type.encode(value);
      const transportPdu = encodeLowerTransportPdu({ format: 'unsegmented-control', opcode, parameters });
      return encodeNetworkPdu({ ctl: true, ttl: 0, seq, src: address, dst, transportPdu }, security, iv.transmit);
    },
    transmit: (pdu) => {
      counters.sent++;
      return sending.pass(pdu, ONCE, ignore);
    },
  });
}

function newLowPower(
  { crypto, address, elements }: NetworkLayerOptions,
  lowPower: Parameters<typeof lowPowerSettings>[0],
  parts: FriendRoleParts,
): LowPower {
  const { states, interfaces, originator, receiver, outgoing, follower } = parts;
  const settings = lowPowerSettings(lowPower);
  const { netIndex } = settings;
  return new LowPower({
    ...parts,
    provider: crypto,
    address,
    elements,
    settings,
    handle: handlerOf(parts),
    send: (type, value, { dst, credentials }, sent) => {
      const message = { opcode: type.opcode, parameters: type.encode(value), transmit: ONCE, credentials };
      const route = { src: address, dst, netIndex, ttl: 0 };
      return sendControl(originator, { ...route, ...message }, states.values.sarTransmitter, sent);
    },
    listen: (on) => interfaces.listen(on),
    readOnlyFriend: (on) => {
      receiver.onlyFriendship = on;
    },
    follow: (netKey, state) => void follower.heard(netKey, state),
    isBusy: () => outgoing.active > 0,
  });
}

/** Decodes for a handler; messages with prohibited values are ignored. */
function handlerOf({ handleControl }: FriendRoleParts) {
  return <T>(type: ControlMessageType<T>, handler: (message: T, received: ControlReceived) => void): void => {
    handleControl(type.opcode, (received) => {
      const decoded = type.decode(received.parameters);
      if (decoded.ok) handler(decoded.value, received);
    });
  };
}
