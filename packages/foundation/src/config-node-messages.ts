import {
  ConfigCompositionDataGet,
  ConfigCompositionDataStatus,
  type Field,
  keyIndex,
  type MessageType,
  message,
  u8,
  u24,
  uint,
  uintWhere,
  unicast,
} from '@meshferry/access';

/* Configuration of the node as a whole: features, beacons, transmissions, identity, reset. */
const source = 'Mesh Protocol 1.1 4.3.2';

/** Asks for whether the node sends Secure Network beacons. */
export const ConfigBeaconGet = message({
  name: 'Config Beacon Get',
  opcode: 0x8009,
  response: 'Config Beacon Status',
  source,
  fields: {},
});

/** Sets whether the node sends Secure Network beacons: 0 off, 1 on. */
export const ConfigBeaconSet = message({
  name: 'Config Beacon Set',
  opcode: 0x800a,
  response: 'Config Beacon Status',
  source,
  fields: { beacon: u8({ max: 1 }) },
});

/** Tells whether the node sends Secure Network beacons: 0 off, 1 on. */
export const ConfigBeaconStatus = message({
  name: 'Config Beacon Status',
  opcode: 0x800b,
  source,
  fields: { beacon: u8({ max: 1 }) },
});

/** Asks for the Default TTL. */
export const ConfigDefaultTtlGet = message({
  name: 'Config Default TTL Get',
  opcode: 0x800c,
  response: 'Config Default TTL Status',
  source,
  fields: {},
});

/** Sets the TTL of messages that name none: 0 or 2 to 127. */
export const ConfigDefaultTtlSet = message({
  name: 'Config Default TTL Set',
  opcode: 0x800d,
  response: 'Config Default TTL Status',
  source,
  fields: { ttl: defaultTtl() },
});

/** Tells the Default TTL. */
export const ConfigDefaultTtlStatus = message({
  name: 'Config Default TTL Status',
  opcode: 0x800e,
  source,
  fields: { ttl: defaultTtl() },
});

/** Asks for the Friend feature. */
export const ConfigFriendGet = message({
  name: 'Config Friend Get',
  opcode: 0x800f,
  response: 'Config Friend Status',
  source,
  fields: {},
});

/** Sets the Friend feature: 0 off, 1 on. */
export const ConfigFriendSet = message({
  name: 'Config Friend Set',
  opcode: 0x8010,
  response: 'Config Friend Status',
  source,
  fields: { friend: u8({ max: 1 }) },
});

/** Tells the Friend feature: 0 off, 1 on, 2 not supported. */
export const ConfigFriendStatus = message({
  name: 'Config Friend Status',
  opcode: 0x8011,
  source,
  fields: { friend: u8({ max: 2 }) },
});

/** Asks for the GATT Proxy feature. */
export const ConfigGattProxyGet = message({
  name: 'Config GATT Proxy Get',
  opcode: 0x8012,
  response: 'Config GATT Proxy Status',
  source,
  fields: {},
});

/** Sets the GATT Proxy feature: 0 off, 1 on. */
export const ConfigGattProxySet = message({
  name: 'Config GATT Proxy Set',
  opcode: 0x8013,
  response: 'Config GATT Proxy Status',
  source,
  fields: { gattProxy: u8({ max: 1 }) },
});

/** Tells the GATT Proxy feature: 0 off, 1 on, 2 not supported. */
export const ConfigGattProxyStatus = message({
  name: 'Config GATT Proxy Status',
  opcode: 0x8014,
  source,
  fields: { gattProxy: u8({ max: 2 }) },
});

/** Asks for Network Transmit. */
export const ConfigNetworkTransmitGet = message({
  name: 'Config Network Transmit Get',
  opcode: 0x8023,
  response: 'Config Network Transmit Status',
  source,
  fields: {},
});

/** Sets how often own Network PDUs are sent: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const ConfigNetworkTransmitSet = message({
  name: 'Config Network Transmit Set',
  opcode: 0x8024,
  response: 'Config Network Transmit Status',
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Tells Network Transmit: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const ConfigNetworkTransmitStatus = message({
  name: 'Config Network Transmit Status',
  opcode: 0x8025,
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Asks for the Relay feature and Relay Retransmit. */
export const ConfigRelayGet = message({
  name: 'Config Relay Get',
  opcode: 0x8026,
  response: 'Config Relay Status',
  source,
  fields: {},
});

/** Sets the Relay feature (0 off, 1 on) and Relay Retransmit: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const ConfigRelaySet = message({
  name: 'Config Relay Set',
  opcode: 0x8027,
  response: 'Config Relay Status',
  source,
  fields: { relay: u8({ max: 1 }), count: uint(3), intervalSteps: uint(5) },
});

/** Tells the Relay feature (2: not supported) and Relay Retransmit. */
export const ConfigRelayStatus = message({
  name: 'Config Relay Status',
  opcode: 0x8028,
  source,
  fields: { relay: u8({ max: 2 }), count: uint(3), intervalSteps: uint(5) },
});

/** Asks a Friend for the PollTimeout of one of its Low Power nodes. */
export const ConfigLowPowerNodePollTimeoutGet = message({
  name: 'Config Low Power Node PollTimeout Get',
  opcode: 0x802d,
  response: 'Config Low Power Node PollTimeout Status',
  source,
  fields: { lpnAddress: unicast() },
});

/** Tells a PollTimeout in units of 100 ms; 0 when there is no friendship with that node. */
export const ConfigLowPowerNodePollTimeoutStatus = message({
  name: 'Config Low Power Node PollTimeout Status',
  opcode: 0x802e,
  source,
  fields: { lpnAddress: unicast(), pollTimeout: u24() },
});

/** Asks whether the node advertises its identity in a subnet. */
export const ConfigNodeIdentityGet = message({
  name: 'Config Node Identity Get',
  opcode: 0x8046,
  response: 'Config Node Identity Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Starts (1, for 60 s) or stops (0) advertising with Node Identity in a subnet. */
export const ConfigNodeIdentitySet = message({
  name: 'Config Node Identity Set',
  opcode: 0x8047,
  response: 'Config Node Identity Status',
  source,
  fields: { netKeyIndex: keyIndex(), identity: u8({ max: 1 }) },
});

/** Tells Node Identity: 0 stopped, 1 running, 2 not supported. */
export const ConfigNodeIdentityStatus = message({
  name: 'Config Node Identity Status',
  opcode: 0x8048,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), identity: u8({ max: 2 }) },
});

/** Makes the node forget the network; it answers first. */
export const ConfigNodeReset = message({
  name: 'Config Node Reset',
  opcode: 0x8049,
  response: 'Config Node Reset Status',
  source,
  fields: {},
});

/** The last message of a node that leaves the network. */
export const ConfigNodeResetStatus = message({
  name: 'Config Node Reset Status',
  opcode: 0x804a,
  source,
  fields: {},
});

/** Messages for what a node does as a whole. */
export const CONFIG_NODE_MESSAGES: readonly MessageType<unknown>[] = [
  ConfigCompositionDataGet,
  ConfigCompositionDataStatus,
  ConfigBeaconGet,
  ConfigBeaconSet,
  ConfigBeaconStatus,
  ConfigDefaultTtlGet,
  ConfigDefaultTtlSet,
  ConfigDefaultTtlStatus,
  ConfigFriendGet,
  ConfigFriendSet,
  ConfigFriendStatus,
  ConfigGattProxyGet,
  ConfigGattProxySet,
  ConfigGattProxyStatus,
  ConfigNetworkTransmitGet,
  ConfigNetworkTransmitSet,
  ConfigNetworkTransmitStatus,
  ConfigRelayGet,
  ConfigRelaySet,
  ConfigRelayStatus,
  ConfigLowPowerNodePollTimeoutGet,
  ConfigLowPowerNodePollTimeoutStatus,
  ConfigNodeIdentityGet,
  ConfigNodeIdentitySet,
  ConfigNodeIdentityStatus,
  ConfigNodeReset,
  ConfigNodeResetStatus,
] as readonly MessageType<unknown>[];

/** A TTL that a node may use by default: 1 would not be relayed and is prohibited. */
function defaultTtl(): Field<number> {
  return uintWhere(8, (value) => value !== 1 && value < 0x80, 'a Default TTL (0, 2 to 127)');
}
