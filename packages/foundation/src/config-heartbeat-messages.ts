import { type Field, keyIndex, type MessageType, message, notVirtual, u8, u16, uintWhere } from '@meshferry/access';

/* Configuration of heartbeats. */
const source = 'Mesh Protocol 1.1 4.3.2';

/** Asks for the Heartbeat Publication. */
export const ConfigHeartbeatPublicationGet = message({
  name: 'Config Heartbeat Publication Get',
  opcode: 0x8038,
  response: 'Config Heartbeat Publication Status',
  source,
  fields: {},
});

/** Makes the node send 2^(`countLog` − 1) heartbeats, one in 2^(`periodLog` − 1) s, and one when one of `features` changes. */
export const ConfigHeartbeatPublicationSet = message({
  name: 'Config Heartbeat Publication Set',
  opcode: 0x8039,
  response: 'Config Heartbeat Publication Status',
  source,
  fields: {
    destination: notVirtual(),
    countLog: countLog(),
    periodLog: u8({ max: 0x11 }),
    ttl: u8({ max: 0x7f }),
    features: u16(),
    netKeyIndex: keyIndex(),
  },
});

/** Tells the Heartbeat Publication; `countLog` covers what is left. Ranges are those of real nodes, wider than those of the Set. */
export const ConfigHeartbeatPublicationStatus = message({
  name: 'Config Heartbeat Publication Status',
  opcode: 0x06,
  source,
  fields: {
    status: u8(),
    destination: u16(),
    countLog: u8(),
    periodLog: u8(),
    ttl: u8(),
    features: u16(),
    netKeyIndex: keyIndex(),
  },
});

/** Asks for the Heartbeat Subscription. */
export const ConfigHeartbeatSubscriptionGet = message({
  name: 'Config Heartbeat Subscription Get',
  opcode: 0x803a,
  response: 'Config Heartbeat Subscription Status',
  source,
  fields: {},
});

/** Makes the node count heartbeats from `source` to `destination` for 2^(`periodLog` − 1) s. */
export const ConfigHeartbeatSubscriptionSet = message({
  name: 'Config Heartbeat Subscription Set',
  opcode: 0x803b,
  response: 'Config Heartbeat Subscription Status',
  source,
  fields: { source: u16({ max: 0x7fff }), destination: notVirtual(), periodLog: u8({ max: 0x11 }) },
});

/** Tells what was counted: period left and count as logs, and the fewest and most hops. */
export const ConfigHeartbeatSubscriptionStatus = message({
  name: 'Config Heartbeat Subscription Status',
  opcode: 0x803c,
  source,
  fields: {
    status: u8(),
    source: u16(),
    destination: u16(),
    periodLog: u8(),
    countLog: u8(),
    minHops: u8(),
    maxHops: u8(),
  },
});

/** Messages for the heartbeats of a node. */
export const CONFIG_HEARTBEAT_MESSAGES: readonly MessageType<unknown>[] = [
  ConfigHeartbeatPublicationGet,
  ConfigHeartbeatPublicationSet,
  ConfigHeartbeatPublicationStatus,
  ConfigHeartbeatSubscriptionGet,
  ConfigHeartbeatSubscriptionSet,
  ConfigHeartbeatSubscriptionStatus,
] as readonly MessageType<unknown>[];

/** 2^(n − 1) heartbeats; 0 none, 0xFF without end. */
function countLog(): Field<number> {
  return uintWhere(8, (value) => value <= 0x11 || value === 0xff, 'a CountLog (0x00 to 0x11, 0xff)');
}
