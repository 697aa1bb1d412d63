import {
  keyIndex,
  keyIndexList,
  list,
  type MessageType,
  message,
  modelId,
  notVirtual,
  octets,
  rfu,
  sigModelId,
  ttl,
  u8,
  u16,
  uint,
  unicast,
  vendorModelId,
} from '@meshferry/access';

/* Configuration of models: publication, subscription, AppKeys bound. */

/** How a model publishes: key, credentials (1: friendship), TTL, and the octets of period and retransmission [4.2.3]. */
const publication = {
  appKeyIndex: uint(12),
  credentialFlag: uint(1),
  reserved: rfu(3),
  publishTtl: ttl(),
  publishPeriod: u8(),
  publishRetransmit: u8(),
} as const;
const source = 'Mesh Protocol 1.1 4.3.2';

/** Asks where a model publishes. */
export const ConfigModelPublicationGet = message({
  name: 'Config Model Publication Get',
  opcode: 0x8018,
  response: 'Config Model Publication Status',
  source,
  fields: { elementAddress: unicast(), modelId: modelId() },
});

/** Makes a model publish to a unicast or group address; the unassigned address ends it. */
export const ConfigModelPublicationSet = message({
  name: 'Config Model Publication Set',
  opcode: 0x03,
  response: 'Config Model Publication Status',
  source,
  fields: { elementAddress: unicast(), publishAddress: notVirtual(), ...publication, modelId: modelId() },
});

/** Makes a model publish to a virtual address. */
export const ConfigModelPublicationVirtualAddressSet = message({
  name: 'Config Model Publication Virtual Address Set',
  opcode: 0x801a,
  response: 'Config Model Publication Status',
  source,
  fields: { elementAddress: unicast(), labelUuid: octets(16), ...publication, modelId: modelId() },
});

/** Tells where a model publishes; all zero but element and model when it does not. A virtual address stands without its label. */
export const ConfigModelPublicationStatus = message({
  name: 'Config Model Publication Status',
  opcode: 0x8019,
  source,
  fields: { status: u8(), elementAddress: unicast(), publishAddress: u16(), ...publication, modelId: modelId() },
});

/** Adds a group address to the Subscription List of a model. */
export const ConfigModelSubscriptionAdd = message({
  name: 'Config Model Subscription Add',
  opcode: 0x801b,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), address: u16(), modelId: modelId() },
});

/** Adds a virtual address to the Subscription List of a model. */
export const ConfigModelSubscriptionVirtualAddressAdd = message({
  name: 'Config Model Subscription Virtual Address Add',
  opcode: 0x8020,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), labelUuid: octets(16), modelId: modelId() },
});

/** Removes a group address from the Subscription List of a model. */
export const ConfigModelSubscriptionDelete = message({
  name: 'Config Model Subscription Delete',
  opcode: 0x801c,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), address: u16(), modelId: modelId() },
});

/** Removes a virtual address from the Subscription List of a model. */
export const ConfigModelSubscriptionVirtualAddressDelete = message({
  name: 'Config Model Subscription Virtual Address Delete',
  opcode: 0x8021,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), labelUuid: octets(16), modelId: modelId() },
});

/** Makes a group address the only entry of the Subscription List of a model. */
export const ConfigModelSubscriptionOverwrite = message({
  name: 'Config Model Subscription Overwrite',
  opcode: 0x801e,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), address: u16(), modelId: modelId() },
});

/** Makes a virtual address the only entry of the Subscription List of a model. */
export const ConfigModelSubscriptionVirtualAddressOverwrite = message({
  name: 'Config Model Subscription Virtual Address Overwrite',
  opcode: 0x8022,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), labelUuid: octets(16), modelId: modelId() },
});

/** Empties the Subscription List of a model. */
export const ConfigModelSubscriptionDeleteAll = message({
  name: 'Config Model Subscription Delete All',
  opcode: 0x801d,
  response: 'Config Model Subscription Status',
  source,
  fields: { elementAddress: unicast(), modelId: modelId() },
});

/** Answers a change of a Subscription List; a virtual address stands without its label. */
export const ConfigModelSubscriptionStatus = message({
  name: 'Config Model Subscription Status',
  opcode: 0x801f,
  source,
  fields: { status: u8(), elementAddress: unicast(), address: u16(), modelId: modelId() },
});

/** Asks for the Subscription List of a SIG model. */
export const ConfigSigModelSubscriptionGet = message({
  name: 'Config SIG Model Subscription Get',
  opcode: 0x8029,
  response: 'Config SIG Model Subscription List',
  source,
  fields: { elementAddress: unicast(), modelId: sigModelId() },
});

/** The Subscription List of a SIG model. */
export const ConfigSigModelSubscriptionList = message({
  name: 'Config SIG Model Subscription List',
  opcode: 0x802a,
  source,
  fields: { status: u8(), elementAddress: unicast(), modelId: sigModelId(), addresses: list(u16()) },
});

/** Asks for the Subscription List of a vendor's model. */
export const ConfigVendorModelSubscriptionGet = message({
  name: 'Config Vendor Model Subscription Get',
  opcode: 0x802b,
  response: 'Config Vendor Model Subscription List',
  source,
  fields: { elementAddress: unicast(), modelId: vendorModelId() },
});

/** The Subscription List of a vendor's model. */
export const ConfigVendorModelSubscriptionList = message({
  name: 'Config Vendor Model Subscription List',
  opcode: 0x802c,
  source,
  fields: { status: u8(), elementAddress: unicast(), modelId: vendorModelId(), addresses: list(u16()) },
});

/** Binds an AppKey to a model. */
export const ConfigModelAppBind = message({
  name: 'Config Model App Bind',
  opcode: 0x803d,
  response: 'Config Model App Status',
  source,
  fields: { elementAddress: unicast(), appKeyIndex: keyIndex(), modelId: modelId() },
});

/** Unbinds an AppKey; a publication of the model that uses it ends. */
export const ConfigModelAppUnbind = message({
  name: 'Config Model App Unbind',
  opcode: 0x803f,
  response: 'Config Model App Status',
  source,
  fields: { elementAddress: unicast(), appKeyIndex: keyIndex(), modelId: modelId() },
});

/** Answers a change of a binding. */
export const ConfigModelAppStatus = message({
  name: 'Config Model App Status',
  opcode: 0x803e,
  source,
  fields: { status: u8(), elementAddress: unicast(), appKeyIndex: keyIndex(), modelId: modelId() },
});

/** Asks for the AppKeys bound to a SIG model. */
export const ConfigSigModelAppGet = message({
  name: 'Config SIG Model App Get',
  opcode: 0x804b,
  response: 'Config SIG Model App List',
  source,
  fields: { elementAddress: unicast(), modelId: sigModelId() },
});

/** The AppKeys bound to a SIG model. */
export const ConfigSigModelAppList = message({
  name: 'Config SIG Model App List',
  opcode: 0x804c,
  source,
  fields: { status: u8(), elementAddress: unicast(), modelId: sigModelId(), appKeyIndexes: keyIndexList() },
});

/** Asks for the AppKeys bound to a vendor's model. */
export const ConfigVendorModelAppGet = message({
  name: 'Config Vendor Model App Get',
  opcode: 0x804d,
  response: 'Config Vendor Model App List',
  source,
  fields: { elementAddress: unicast(), modelId: vendorModelId() },
});

/** The AppKeys bound to a vendor's model. */
export const ConfigVendorModelAppList = message({
  name: 'Config Vendor Model App List',
  opcode: 0x804e,
  source,
  fields: { status: u8(), elementAddress: unicast(), modelId: vendorModelId(), appKeyIndexes: keyIndexList() },
});

/** Messages for the models of a node. */
export const CONFIG_MODEL_MESSAGES: readonly MessageType<unknown>[] = [
  ConfigModelPublicationGet,
  ConfigModelPublicationSet,
  ConfigModelPublicationVirtualAddressSet,
  ConfigModelPublicationStatus,
  ConfigModelSubscriptionAdd,
  ConfigModelSubscriptionVirtualAddressAdd,
  ConfigModelSubscriptionDelete,
  ConfigModelSubscriptionVirtualAddressDelete,
  ConfigModelSubscriptionOverwrite,
  ConfigModelSubscriptionVirtualAddressOverwrite,
  ConfigModelSubscriptionDeleteAll,
  ConfigModelSubscriptionStatus,
  ConfigSigModelSubscriptionGet,
  ConfigSigModelSubscriptionList,
  ConfigVendorModelSubscriptionGet,
  ConfigVendorModelSubscriptionList,
  ConfigModelAppBind,
  ConfigModelAppUnbind,
  ConfigModelAppStatus,
  ConfigSigModelAppGet,
  ConfigSigModelAppList,
  ConfigVendorModelAppGet,
  ConfigVendorModelAppList,
] as readonly MessageType<unknown>[];
