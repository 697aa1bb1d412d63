import {
  derived,
  type Field,
  presenceOf,
  rfu,
  type SoFar,
  struct,
  type UnicastRange,
  u8,
  u16,
  uint,
  uintBy,
  unicastRange,
  type ValueOf,
  when,
} from '@meshferry/access';

const notFixed = (soFar: SoFar): boolean => soFar.fixed === 0;

/** The fields of a {@link ForwardingEntry}, in the order on air. */
export const forwardingEntryFields = {
  fixed: uint(1),
  unicastDestination: uint(1),
  backwardPathValidated: uint(1),
  bearerTowardOriginPresent: presenceOf('bearerTowardOrigin'),
  bearerTowardTargetPresent: presenceOf('bearerTowardTarget'),
  dependentOriginsOctets: derived(uint(2, { max: 2 }), octetsOf('dependentOriginsCount')),
  dependentTargetsOctets: derived(uint(2, { max: 2 }), octetsOf('dependentTargetsCount')),
  reserved: rfu(7),
  laneCounter: when(notFixed, u8()),
  pathRemainingTime: when(notFixed, u16()),
  pathOriginForwardingNumber: when(notFixed, u8()),
  pathOrigin: unicastRange(),
  dependentOriginsCount: when((soFar) => soFar.dependentOriginsOctets !== 0, uintBy('dependentOriginsOctets')),
  bearerTowardOrigin: when((soFar) => soFar.bearerTowardOriginPresent === true, u16()),
  pathTarget: when((soFar) => soFar.unicastDestination === 1, unicastRange()),
  destination: when((soFar) => soFar.unicastDestination === 0, u16({ min: 0x8000 })),
  dependentTargetsCount: when((soFar) => soFar.dependentTargetsOctets !== 0, uintBy('dependentTargetsOctets')),
  bearerTowardTarget: when((soFar) => soFar.bearerTowardTargetPresent === true, u16()),
} as const;

/** A path of the Forwarding Table; counters and the time left (min) are those of paths that are not fixed. */
export type ForwardingEntry = ValueOf<typeof forwardingEntryFields>;

/** An entry of Forwarding Table Entries Status. */
export function forwardingEntry(): Field<ForwardingEntry> {
  return struct(forwardingEntryFields, checkEntry);
}

function checkEntry(entry: {
  fixed: number;
  laneCounter: number | undefined;
  pathRemainingTime: number | undefined;
  pathOriginForwardingNumber: number | undefined;
  unicastDestination: number;
  pathTarget: UnicastRange | undefined;
  destination: number | undefined;
}): { field: string; reason: string } | undefined {
  const fixed = entry.fixed === 1;
  for (const field of ['laneCounter', 'pathRemainingTime', 'pathOriginForwardingNumber'] as const) {
    if ((entry[field] === undefined) !== fixed) return { field, reason: 'goes with paths that are not fixed' };
  }
  const unicast = entry.unicastDestination === 1;
  if ((entry.pathTarget !== undefined) !== unicast)
    return { field: 'pathTarget', reason: 'goes with unicastDestination' };
  if ((entry.destination === undefined) !== unicast)
    return { field: 'destination', reason: 'goes instead of pathTarget' };
  return undefined;
}

/** In how many octets a count stands: none when it is absent. */
function octetsOf(name: string): (entry: SoFar) => number {
  return (entry) => {
    const count = entry[name] as number | undefined;
    if (count === undefined) return 0;
    return count < 0x100 ? 1 : 2;
  };
}
