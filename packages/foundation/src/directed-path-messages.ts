import { type Field, keyIndex, type MessageType, message, rfu, u8, u16, uint, uintWhere } from '@meshferry/access';

/* Directed Forwarding Configuration models: whether a subnet forwards, and how paths are made. */
const source = 'Mesh Protocol 1.1 4.3';

/** Asks for the Directed Control states of a subnet. */
export const DirectedControlGet = message({
  name: 'Directed Control Get',
  opcode: 0x807b,
  response: 'Directed Control Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets the Directed Control states of a subnet: 0 off, 1 on, 0xFF (last three) as they are. */
export const DirectedControlSet = message({
  name: 'Directed Control Set',
  opcode: 0x807c,
  response: 'Directed Control Status',
  source,
  fields: {
    netKeyIndex: keyIndex(),
    forwarding: u8({ max: 1 }),
    relay: u8({ max: 1 }),
    proxy: change(),
    proxyUseDefault: change(),
    friend: change(),
  },
});

/** Tells the Directed Control states: 0 off, 1 on, 2 not supported. */
export const DirectedControlStatus = message({
  name: 'Directed Control Status',
  opcode: 0x807d,
  source,
  fields: {
    status: u8(),
    netKeyIndex: keyIndex(),
    forwarding: u8({ max: 2 }),
    relay: u8({ max: 2 }),
    proxy: u8({ max: 2 }),
    proxyUseDefault: u8({ max: 2 }),
    friend: u8({ max: 2 }),
  },
});

/** Asks for the Path Metric of a subnet. */
export const PathMetricGet = message({
  name: 'Path Metric Get',
  opcode: 0x807e,
  response: 'Path Metric Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets the Path Metric; lifetime 0: 12 min, 1: 2 h, 2: 24 h, 3: 10 days. */
export const PathMetricSet = message({
  name: 'Path Metric Set',
  opcode: 0x807f,
  response: 'Path Metric Status',
  source,
  fields: { netKeyIndex: keyIndex(), pathMetricType: uint(3), pathLifetime: uint(2), reserved: rfu(3) },
});

/** Tells the Path Metric. */
export const PathMetricStatus = message({
  name: 'Path Metric Status',
  opcode: 0x8080,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), pathMetricType: uint(3), pathLifetime: uint(2), reserved: rfu(3) },
});

/** Asks for the capabilities of the Discovery Table. */
export const DiscoveryTableCapabilitiesGet = message({
  name: 'Discovery Table Capabilities Get',
  opcode: 0x8081,
  response: 'Discovery Table Capabilities Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets how many path discoveries the node may have under way as Path Origin. */
export const DiscoveryTableCapabilitiesSet = message({
  name: 'Discovery Table Capabilities Set',
  opcode: 0x8082,
  response: 'Discovery Table Capabilities Status',
  source,
  fields: { netKeyIndex: keyIndex(), maxConcurrentInit: u8({ min: 1 }) },
});

/** Tells the capabilities of the Discovery Table. */
export const DiscoveryTableCapabilitiesStatus = message({
  name: 'Discovery Table Capabilities Status',
  opcode: 0x8083,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), maxConcurrentInit: u8(), maxEntries: u8() },
});

/** Asks how many lanes a path shall have. */
export const WantedLanesGet = message({
  name: 'Wanted Lanes Get',
  opcode: 0x8090,
  response: 'Wanted Lanes Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets how many lanes a path shall have. */
export const WantedLanesSet = message({
  name: 'Wanted Lanes Set',
  opcode: 0x8091,
  response: 'Wanted Lanes Status',
  source,
  fields: { netKeyIndex: keyIndex(), wantedLanes: u8() },
});

/** Tells how many lanes a path shall have. */
export const WantedLanesStatus = message({
  name: 'Wanted Lanes Status',
  opcode: 0x8092,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), wantedLanes: u8() },
});

/** Asks whether paths shall be two-way. */
export const TwoWayPathGet = message({
  name: 'Two Way Path Get',
  opcode: 0x8093,
  response: 'Two Way Path Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets whether paths shall be two-way. */
export const TwoWayPathSet = message({
  name: 'Two Way Path Set',
  opcode: 0x8094,
  response: 'Two Way Path Status',
  source,
  fields: { netKeyIndex: keyIndex(), twoWayPath: uint(1), reserved: rfu(7) },
});

/** Tells whether paths shall be two-way. */
export const TwoWayPathStatus = message({
  name: 'Two Way Path Status',
  opcode: 0x8095,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), twoWayPath: uint(1), reserved: rfu(7) },
});

/** Asks for the intervals of path echoes. */
export const PathEchoIntervalGet = message({
  name: 'Path Echo Interval Get',
  opcode: 0x8096,
  response: 'Path Echo Interval Status',
  source,
  fields: { netKeyIndex: keyIndex() },
});

/** Sets the intervals of path echoes as parts of the path lifetime, %; 0 none, 0xFF as it is. */
export const PathEchoIntervalSet = message({
  name: 'Path Echo Interval Set',
  opcode: 0x8097,
  response: 'Path Echo Interval Status',
  source,
  fields: { netKeyIndex: keyIndex(), unicast: u8(), multicast: u8() },
});

/** Tells the intervals of path echoes. */
export const PathEchoIntervalStatus = message({
  name: 'Path Echo Interval Status',
  opcode: 0x8098,
  source,
  fields: { status: u8(), netKeyIndex: keyIndex(), unicast: u8(), multicast: u8() },
});

/** Asks for the timing of path discovery. */
export const PathDiscoveryTimingControlGet = message({
  name: 'Path Discovery Timing Control Get',
  opcode: 0x80a7,
  response: 'Path Discovery Timing Control Status',
  source,
  fields: {},
});

/** Sets the timing of path discovery: intervals in s; discovery 0: 5 s, 1: 30 s; lane guard 0: 2 s, 1: 10 s. */
export const PathDiscoveryTimingControlSet = message({
  name: 'Path Discovery Timing Control Set',
  opcode: 0x80a8,
  response: 'Path Discovery Timing Control Status',
  source,
  fields: {
    monitoringInterval: u16(),
    retryInterval: u16(),
    discoveryInterval: uint(1),
    laneGuardInterval: uint(1),
    reserved: rfu(6),
  },
});

/** Tells the timing of path discovery. */
export const PathDiscoveryTimingControlStatus = message({
  name: 'Path Discovery Timing Control Status',
  opcode: 0x80a9,
  source,
  fields: {
    monitoringInterval: u16(),
    retryInterval: u16(),
    discoveryInterval: uint(1),
    laneGuardInterval: uint(1),
    reserved: rfu(6),
  },
});

/** Messages for Directed Control and path discovery. */
export const DIRECTED_PATH_MESSAGES: readonly MessageType<unknown>[] = [
  DirectedControlGet,
  DirectedControlSet,
  DirectedControlStatus,
  PathMetricGet,
  PathMetricSet,
  PathMetricStatus,
  DiscoveryTableCapabilitiesGet,
  DiscoveryTableCapabilitiesSet,
  DiscoveryTableCapabilitiesStatus,
  WantedLanesGet,
  WantedLanesSet,
  WantedLanesStatus,
  TwoWayPathGet,
  TwoWayPathSet,
  TwoWayPathStatus,
  PathEchoIntervalGet,
  PathEchoIntervalSet,
  PathEchoIntervalStatus,
  PathDiscoveryTimingControlGet,
  PathDiscoveryTimingControlSet,
  PathDiscoveryTimingControlStatus,
] as readonly MessageType<unknown>[];

/** 0 off, 1 on, 0xFF as it is. */
function change(): Field<number> {
  return uintWhere(8, (value) => value <= 1 || value === 0xff, '0, 1 or 0xff');
}
