import {
  countOf,
  type FieldError,
  keyIndex,
  list,
  type MessageType,
  message,
  optional,
  type Presence,
  prohibited,
  type SoFar,
  type UnicastRange,
  u8,
  u16,
  uint,
  unicast,
  unicastRange,
  when,
} from '@meshferry/access';
import { forwardingEntry } from './forwarding-entry.ts';
import { ConfigurationStatus } from './status-codes.ts';

/* Directed Forwarding Configuration models: the paths of the Forwarding Table and the nodes that depend on them. */

/** The ends of a path. */
const path = { pathOrigin: unicast(), destination: u16() } as const;

const dependentsFilter = {
  netKeyIndex: uint(12),
  dependentsListMask: uint(2),
  fixedPath: uint(1),
  prohibited: prohibited(1),
} as const;

const entriesFilter = {
  netKeyIndex: uint(12),
  filterMask: uint(4),
  startIndex: u16(),
  pathOrigin: when(masked(0x4), unicast()),
  destination: when(masked(0x8), u16()),
} as const;
const source = 'Mesh Protocol 1.1 4.3';

/** Adds a fixed path from a range of origins to a range of targets, or to a multicast address; bearers: bit 0 advertising, 1 GATT. */
export const ForwardingTableAdd = message({
  name: 'Forwarding Table Add',
  opcode: 0x8084,
  response: 'Forwarding Table Status',
  source,
  fields: {
    netKeyIndex: uint(12),
    prohibited: prohibited(2),
    unicastDestination: uint(1),
    backwardPathValidated: uint(1),
    pathOrigin: unicastRange(),
    pathTarget: when((soFar) => soFar.unicastDestination === 1, unicastRange()),
    destination: when((soFar) => soFar.unicastDestination === 0, u16({ min: 0x8000 })),
    bearerTowardOrigin: u16(),
    bearerTowardTarget: u16(),
  },
  check: checkTarget,
});

/** Deletes the fixed path between two addresses. */
export const ForwardingTableDelete = message({
  name: 'Forwarding Table Delete',
  opcode: 0x8085,
  response: 'Forwarding Table Status',
  source,
  fields: { netKeyIndex: keyIndex(), ...path },
});

/** Answers a change of a fixed path. */
export const ForwardingTableStatus = message({
  name: 'Forwarding Table Status',
  opcode: 0x8086,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), ...path },
});

/** Adds dependent nodes to both ends of a fixed path. */
export const ForwardingTableDependentsAdd = message({
  name: 'Forwarding Table Dependents Add',
  opcode: 0x8087,
  response: 'Forwarding Table Dependents Status',
  source,
  fields: {
    netKeyIndex: keyIndex(),
    ...path,
    originsCount: countOf('dependentOrigins'),
    targetsCount: countOf('dependentTargets'),
    dependentOrigins: list(unicastRange(), { max: 255, count: 'originsCount' }),
    dependentTargets: list(unicastRange(), { max: 255, count: 'targetsCount' }),
  },
});

/** Removes dependent nodes from both ends of a fixed path, by their primary addresses. */
export const ForwardingTableDependentsDelete = message({
  name: 'Forwarding Table Dependents Delete',
  opcode: 0x8088,
  response: 'Forwarding Table Dependents Status',
  source,
  fields: {
    netKeyIndex: keyIndex(),
    ...path,
    originsCount: countOf('dependentOrigins'),
    targetsCount: countOf('dependentTargets'),
    dependentOrigins: list(unicast(), { max: 255, count: 'originsCount' }),
    dependentTargets: list(unicast(), { max: 255, count: 'targetsCount' }),
  },
});

/** Answers a change of dependent nodes. */
export const ForwardingTableDependentsStatus = message({
  name: 'Forwarding Table Dependents Status',
  opcode: 0x8089,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), ...path },
});

/** Asks for dependent nodes of a path; mask: bit 0 of the origin, 1 of the target. */
export const ForwardingTableDependentsGet = message({
  name: 'Forwarding Table Dependents Get',
  opcode: 0x808a,
  response: 'Forwarding Table Dependents Get Status',
  source,
  fields: { ...dependentsFilter, startIndex: u16(), ...path, updateIdentifier: optional(u16()) },
});

/** Dependent nodes of a path; a list that was not asked for is empty. */
export const ForwardingTableDependentsGetStatus = message({
  name: 'Forwarding Table Dependents Get Status',
  opcode: 0x808b,
  source,
  fields: {
    status: u8(),
    ...dependentsFilter,
    startIndex: u16(),
    ...path,
    updateIdentifier: when(successOrObsolete, u16()),
    originsCount: countOf('dependentOrigins', u8(), success),
    targetsCount: countOf('dependentTargets', u8(), success),
    dependentOrigins: when(success, list(unicastRange(), { max: 255, count: 'originsCount' })),
    dependentTargets: when(success, list(unicastRange(), { max: 255, count: 'targetsCount' })),
  },
});

/** Asks how many paths the Forwarding Table of a subnet holds. */
export const ForwardingTableEntriesCountGet = message({
  name: 'Forwarding Table Entries Count Get',
  opcode: 0x808c,
  response: 'Forwarding Table Entries Count Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** How many paths the Forwarding Table holds. */
export const ForwardingTableEntriesCountStatus = message({
  name: 'Forwarding Table Entries Count Status',
  opcode: 0x808d,
  source,
  fields: {
    status: u8(),
    netKeyIndex: keyIndex(),
    updateIdentifier: when(success, u16()),
    fixedEntries: when(success, u16()),
    nonFixedEntries: when(success, u16()),
  },
});

/** Asks for paths; mask: bit 0 fixed, 1 others, 2 those from `pathOrigin`, 3 those to `destination`. */
export const ForwardingTableEntriesGet = message({
  name: 'Forwarding Table Entries Get',
  opcode: 0x808e,
  response: 'Forwarding Table Entries Status',
  source,
  fields: { ...entriesFilter, updateIdentifier: optional(u16()) },
});

/** Paths of the Forwarding Table from `startIndex` on. */
export const ForwardingTableEntriesStatus = message({
  name: 'Forwarding Table Entries Status',
  opcode: 0x808f,
  source,
  fields: {
    status: u8(),
    ...entriesFilter,
    updateIdentifier: when(successOrObsolete, u16()),
    entries: when(success, list(forwardingEntry())),
  },
});

/** Messages for the Forwarding Table. */
export const FORWARDING_TABLE_MESSAGES: readonly MessageType<unknown>[] = [
  ForwardingTableAdd,
  ForwardingTableDelete,
  ForwardingTableStatus,
  ForwardingTableDependentsAdd,
  ForwardingTableDependentsDelete,
  ForwardingTableDependentsStatus,
  ForwardingTableDependentsGet,
  ForwardingTableDependentsGetStatus,
  ForwardingTableEntriesCountGet,
  ForwardingTableEntriesCountStatus,
  ForwardingTableEntriesGet,
  ForwardingTableEntriesStatus,
] as readonly MessageType<unknown>[];

/** Whether a bit of the filter mask asks for the field. */
function masked(bit: number): Presence {
  return (soFar) => ((soFar.filterMask as number) & bit) !== 0;
}

function success(soFar: SoFar): boolean {
  return soFar.status === ConfigurationStatus.success;
}

function successOrObsolete(soFar: SoFar): boolean {
  return success(soFar) || soFar.status === ConfigurationStatus.obsoleteInformation;
}

/** A path ends at a range of unicast addresses or at a multicast one, as its flag says. */
function checkTarget(value: {
  unicastDestination: number;
  pathTarget: UnicastRange | undefined;
  destination: number | undefined;
}): FieldError | undefined {
  const unicast = value.unicastDestination === 1;
  if ((value.pathTarget !== undefined) !== unicast)
    return { field: 'pathTarget', reason: 'goes with unicastDestination' };
  if ((value.destination === undefined) !== unicast)
    return { field: 'destination', reason: 'stands instead of pathTarget' };
  return undefined;
}
