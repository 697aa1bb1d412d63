import { keyIndex, keyIndexList, type MessageType, message, octets, u8, uint } from '@meshferry/access';

/* Configuration of NetKeys and AppKeys, and of their refresh. */

/** Two indexes in three octets [4.3.1.1]. */
const keyPair = { netKeyIndex: uint(12), appKeyIndex: uint(12) } as const;
const source = 'Mesh Protocol 1.1 4.3.2';

/** Gives the node a NetKey. */
export const ConfigNetKeyAdd = message({
  name: 'Config NetKey Add',
  opcode: 0x8040,
  response: 'Config NetKey Status',
  source,
  fields: { netKeyIndex: keyIndex(), netKey: octets(16) },
});

/** Gives the new key of a subnet: Key Refresh Phase 1 begins. */
export const ConfigNetKeyUpdate = message({
  name: 'Config NetKey Update',
  opcode: 0x8045,
  response: 'Config NetKey Status',
  source,
  fields: { netKeyIndex: keyIndex(), netKey: octets(16) },
});

/** Deletes a NetKey with all that hangs on it; never the one that secures this message. */
export const ConfigNetKeyDelete = message({
  name: 'Config NetKey Delete',
  opcode: 0x8041,
  response: 'Config NetKey Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Answers a change of a NetKey. */
export const ConfigNetKeyStatus = message({
  name: 'Config NetKey Status',
  opcode: 0x8044,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex() },
});

/** Asks for the indexes of all NetKeys. */
export const ConfigNetKeyGet = message({
  name: 'Config NetKey Get',
  opcode: 0x8042,
  response: 'Config NetKey List',
  source,
  fields: {},
});

/** The indexes of all NetKeys; their order has no meaning. */
export const ConfigNetKeyList = message({
  name: 'Config NetKey List',
  opcode: 0x8043,
  source,
  fields: { netKeyIndexes: keyIndexList() },
});

/** Gives the node an AppKey of a subnet. */
export const ConfigAppKeyAdd = message({
  name: 'Config AppKey Add',
  opcode: 0x00,
  response: 'Config AppKey Status',
  source,
  fields: { ...keyPair, appKey: octets(16) },
});

/** Gives the new value of an AppKey, in Key Refresh Phase 1. */
export const ConfigAppKeyUpdate = message({
  name: 'Config AppKey Update',
  opcode: 0x01,
  response: 'Config AppKey Status',
  source,
  fields: { ...keyPair, appKey: octets(16) },
});

/** Deletes an AppKey, its bindings and the publications that use it. */
export const ConfigAppKeyDelete = message({
  name: 'Config AppKey Delete',
  opcode: 0x8000,
  response: 'Config AppKey Status',
  source,
  fields: { ...keyPair },
});

/** Answers a change of an AppKey. */
export const ConfigAppKeyStatus = message({
  name: 'Config AppKey Status',
  opcode: 0x8003,
  source,
  fields: { status: u8(), ...keyPair },
});

/** Asks for the AppKeys of a subnet. */
export const ConfigAppKeyGet = message({
  name: 'Config AppKey Get',
  opcode: 0x8001,
  response: 'Config AppKey List',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** The AppKeys of a subnet; their order has no meaning. */
export const ConfigAppKeyList = message({
  name: 'Config AppKey List',
  opcode: 0x8002,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), appKeyIndexes: keyIndexList() },
});

/** Asks for the Key Refresh Phase of a subnet. */
export const ConfigKeyRefreshPhaseGet = message({
  name: 'Config Key Refresh Phase Get',
  opcode: 0x8015,
  response: 'Config Key Refresh Phase Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Moves a subnet to phase 2, or (3) drops the old keys and ends the Key Refresh. */
export const ConfigKeyRefreshPhaseSet = message({
  name: 'Config Key Refresh Phase Set',
  opcode: 0x8016,
  response: 'Config Key Refresh Phase Status',
  source,
  fields: { netKeyIndex: keyIndex(), transition: u8({ min: 2, max: 3 }) },
});

/** Tells the Key Refresh Phase: 0 normal, 1 new keys taken, 2 new keys used. */
export const ConfigKeyRefreshPhaseStatus = message({
  name: 'Config Key Refresh Phase Status',
  opcode: 0x8017,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), phase: u8({ max: 2 }) },
});

/** Messages for the keys of a node. */
export const CONFIG_KEY_MESSAGES: readonly MessageType<unknown>[] = [
  ConfigNetKeyAdd,
  ConfigNetKeyUpdate,
  ConfigNetKeyDelete,
  ConfigNetKeyStatus,
  ConfigNetKeyGet,
  ConfigNetKeyList,
  ConfigAppKeyAdd,
  ConfigAppKeyUpdate,
  ConfigAppKeyDelete,
  ConfigAppKeyStatus,
  ConfigAppKeyGet,
  ConfigAppKeyList,
  ConfigKeyRefreshPhaseGet,
  ConfigKeyRefreshPhaseSet,
  ConfigKeyRefreshPhaseStatus,
] as readonly MessageType<unknown>[];
