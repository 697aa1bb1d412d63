import { keyIndex, type MessageType, message, optional, u8 } from '@meshferry/access';

/* Mesh Private Beacon models. */
const source = 'Mesh Protocol 1.1 4.3';

/** Asks whether the node sends Mesh Private beacons. */
export const PrivateBeaconGet = message({
  name: 'Private Beacon Get',
  opcode: 0x8060,
  response: 'Private Beacon Status',
  source,
  fields: {},
});

/** Switches Mesh Private beacons (0 off, 1 on); their random changes every `randomUpdateIntervalSteps` × 10 s, 0: with each. */
export const PrivateBeaconSet = message({
  name: 'Private Beacon Set',
  opcode: 0x8061,
  response: 'Private Beacon Status',
  source,
  fields: { privateBeacon: u8({ max: 1 }), randomUpdateIntervalSteps: optional(u8()) },
});

/** Tells the Private Beacon state. */
export const PrivateBeaconStatus = message({
  name: 'Private Beacon Status',
  opcode: 0x8062,
  source,
  fields: { privateBeacon: u8({ max: 1 }), randomUpdateIntervalSteps: u8() },
});

/** Asks for the Private GATT Proxy state. */
export const PrivateGattProxyGet = message({
  name: 'Private GATT Proxy Get',
  opcode: 0x8063,
  response: 'Private GATT Proxy Status',
  source,
  fields: {},
});

/** Switches proxying with private advertising: 0 off, 1 on. */
export const PrivateGattProxySet = message({
  name: 'Private GATT Proxy Set',
  opcode: 0x8064,
  response: 'Private GATT Proxy Status',
  source,
  fields: { privateGattProxy: u8({ max: 1 }) },
});

/** Tells the Private GATT Proxy state: 0 off, 1 on, 2 not supported. */
export const PrivateGattProxyStatus = message({
  name: 'Private GATT Proxy Status',
  opcode: 0x8065,
  source,
  fields: { privateGattProxy: u8({ max: 2 }) },
});

/** Asks whether the node advertises its private identity in a subnet. */
export const PrivateNodeIdentityGet = message({
  name: 'Private Node Identity Get',
  opcode: 0x8066,
  response: 'Private Node Identity Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Starts (1, for 60 s) or stops (0) advertising with Private Node Identity in a subnet. */
export const PrivateNodeIdentitySet = message({
  name: 'Private Node Identity Set',
  opcode: 0x8067,
  response: 'Private Node Identity Status',
  source,
  fields: { netKeyIndex: keyIndex(), privateIdentity: u8({ max: 1 }) },
});

/** Tells Private Node Identity: 0 stopped, 1 running, 2 not supported. */
export const PrivateNodeIdentityStatus = message({
  name: 'Private Node Identity Status',
  opcode: 0x8068,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), privateIdentity: u8({ max: 2 }) },
});

/** All messages of the Mesh Private Beacon models. */
export const PRIVATE_BEACON_MESSAGES: readonly MessageType<unknown>[] = [
  PrivateBeaconGet,
  PrivateBeaconSet,
  PrivateBeaconStatus,
  PrivateGattProxyGet,
  PrivateGattProxySet,
  PrivateGattProxyStatus,
  PrivateNodeIdentityGet,
  PrivateNodeIdentitySet,
  PrivateNodeIdentityStatus,
] as readonly MessageType<unknown>[];
