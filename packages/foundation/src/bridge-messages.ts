import {
  type FieldError,
  list,
  type MessageType,
  message,
  prohibited,
  struct,
  u8,
  u16,
  uint,
  unicast,
} from '@meshferry/access';
import { ALL_NODES, isUnicast, UNASSIGNED } from '@meshferry/core';
import { type BridgingEntry, bridgingEntryFault } from '@meshferry/network';

/* Bridge Configuration models. */

/** Two indexes in three octets [4.3.1.1]. */
const subnets = { netKeyIndex1: uint(12), netKeyIndex2: uint(12) } as const;

const subnetFilter = { filter: uint(2), prohibited: prohibited(2), netKeyIndex: uint(12), startIndex: u8() } as const;
const source = 'Mesh Protocol 1.1 4.3';

/** Asks whether the node bridges subnets. */
export const SubnetBridgeGet = message({
  name: 'Subnet Bridge Get',
  opcode: 0x80b1,
  response: 'Subnet Bridge Status',
  source,
  fields: {},
});

/** Switches the bridging of subnets: 0 off, 1 on. */
export const SubnetBridgeSet = message({
  name: 'Subnet Bridge Set',
  opcode: 0x80b2,
  response: 'Subnet Bridge Status',
  source,
  fields: { subnetBridge: u8({ max: 1 }) },
});

/** Tells whether the node bridges subnets. */
export const SubnetBridgeStatus = message({
  name: 'Subnet Bridge Status',
  opcode: 0x80b3,
  source,
  fields: { subnetBridge: u8({ max: 1 }) },
});

/** Bridges messages from Address1 in subnet 1 to Address2 in subnet 2 (`directions` 1), or both ways (2). */
export const BridgingTableAdd = message({
  name: 'Bridging Table Add',
  opcode: 0x80b4,
  response: 'Bridging Table Status',
  source,
  fields: { directions: u8({ min: 1, max: 2 }), ...subnets, address1: unicast(), address2: u16() },
  check: bridgingEntryFault,
});

/** Removes entries of two subnets; address 0 stands for any. */
export const BridgingTableRemove = message({
  name: 'Bridging Table Remove',
  opcode: 0x80b5,
  response: 'Bridging Table Status',
  source,
  fields: { ...subnets, address1: u16(), address2: u16() },
  check: checkRemoval,
});

/** Answers a change of the bridging table; `currentDirections` 0: no such entry. */
export const BridgingTableStatus = message({
  name: 'Bridging Table Status',
  opcode: 0x80b6,
  source,
  fields: { status: u8(), currentDirections: u8({ max: 2 }), ...subnets, address1: u16(), address2: u16() },
});

/** Asks for pairs of bridged subnets; filter 0: all, 1: those with the NetKey first, 2: second, 3: anywhere. */
export const BridgedSubnetsGet = message({
  name: 'Bridged Subnets Get',
  opcode: 0x80b7,
  response: 'Bridged Subnets List',
  source,
  fields: { ...subnetFilter },
});

/** Pairs of bridged subnets from `startIndex` on. */
export const BridgedSubnetsList = message({
  name: 'Bridged Subnets List',
  opcode: 0x80b8,
  source,
  fields: { ...subnetFilter, pairs: list(struct(subnets)) },
});

/** Asks for the table of two subnets from an index on. */
export const BridgingTableGet = message({
  name: 'Bridging Table Get',
  opcode: 0x80b9,
  response: 'Bridging Table List',
  source,
  fields: { ...subnets, startIndex: u16() },
});

/** Entries of the table of two subnets from `startIndex` on. */
export const BridgingTableList = message({
  name: 'Bridging Table List',
  opcode: 0x80ba,
  source,
  fields: {
    status: u8(),
    ...subnets,
    startIndex: u16(),
    entries: list(struct({ address1: u16(), address2: u16(), directions: u8({ max: 2 }) })),
  },
});

/** Asks how many entries the table can hold. */
export const BridgingTableSizeGet = message({
  name: 'Bridging Table Size Get',
  opcode: 0x80bb,
  response: 'Bridging Table Size Status',
  source,
  fields: {},
});

/** How many entries the table can hold, 16 or more. */
export const BridgingTableSizeStatus = message({
  name: 'Bridging Table Size Status',
  opcode: 0x80bc,
  source,
  fields: { size: u16() },
});

/** All messages of the Bridge Configuration models. */
export const BRIDGE_MESSAGES: readonly MessageType<unknown>[] = [
  SubnetBridgeGet,
  SubnetBridgeSet,
  SubnetBridgeStatus,
  BridgingTableAdd,
  BridgingTableRemove,
  BridgingTableStatus,
  BridgedSubnetsGet,
  BridgedSubnetsList,
  BridgingTableGet,
  BridgingTableList,
  BridgingTableSizeGet,
  BridgingTableSizeStatus,
] as readonly MessageType<unknown>[];

/** Which entries can be removed: of two subnets, and of addresses that an entry can have, or any. */
function checkRemoval(value: Omit<BridgingEntry, 'directions'>): FieldError | undefined {
  const { netKeyIndex1, netKeyIndex2, address1, address2 } = value;
  if (netKeyIndex1 === netKeyIndex2) return { field: 'netKeyIndex2', reason: 'the same subnet' };
  if (address1 !== UNASSIGNED && !isUnicast(address1)) return { field: 'address1', reason: 'not unicast' };
  if (address1 !== UNASSIGNED && address1 === address2) return { field: 'address2', reason: 'the same address' };
  if (address2 === ALL_NODES) return { field: 'address2', reason: 'all-nodes' };
  return undefined;
}
