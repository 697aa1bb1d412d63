import { type MessageType, message, u8 } from '@meshferry/access';

/* On-Demand Private Proxy models. */
const source = 'Mesh Protocol 1.1 4.3';

/** Asks for the On-Demand Private GATT Proxy state. */
export const OnDemandPrivateProxyGet = message({
  name: 'On-Demand Private Proxy Get',
  opcode: 0x8069,
  response: 'On-Demand Private Proxy Status',
  source,
  fields: {},
});

/** Sets for how many seconds after a solicitation the node advertises its private network identity; 0: not on demand. */
export const OnDemandPrivateProxySet = message({
  name: 'On-Demand Private Proxy Set',
  opcode: 0x806a,
  response: 'On-Demand Private Proxy Status',
  source,
  fields: { onDemandPrivateProxy: u8() },
});

/** Tells the On-Demand Private GATT Proxy state, s. */
export const OnDemandPrivateProxyStatus = message({
  name: 'On-Demand Private Proxy Status',
  opcode: 0x806b,
  source,
  fields: { onDemandPrivateProxy: u8() },
});

/** All messages of the On-Demand Private Proxy models. */
export const ON_DEMAND_PRIVATE_PROXY_MESSAGES: readonly MessageType<unknown>[] = [
  OnDemandPrivateProxyGet,
  OnDemandPrivateProxySet,
  OnDemandPrivateProxyStatus,
] as readonly MessageType<unknown>[];
