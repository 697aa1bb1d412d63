import { type MessageType, message, modelId, s8, u8, u16, uint, unicast } from '@meshferry/access';

/* Directed Forwarding Configuration models: how directed messages are sent and published. */
const source = 'Mesh Protocol 1.1 4.3';

/** Asks how directed messages are sent. */
export const DirectedNetworkTransmitGet = message({
  name: 'Directed Network Transmit Get',
  opcode: 0x8099,
  response: 'Directed Network Transmit Status',
  source,
  fields: {},
});

/** Sets how directed messages are sent: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const DirectedNetworkTransmitSet = message({
  name: 'Directed Network Transmit Set',
  opcode: 0x809a,
  response: 'Directed Network Transmit Status',
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Tells how directed messages are sent. */
export const DirectedNetworkTransmitStatus = message({
  name: 'Directed Network Transmit Status',
  opcode: 0x809b,
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Asks how directed messages are relayed. */
export const DirectedRelayRetransmitGet = message({
  name: 'Directed Relay Retransmit Get',
  opcode: 0x809c,
  response: 'Directed Relay Retransmit Status',
  source,
  fields: {},
});

/** Sets how directed messages are relayed: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const DirectedRelayRetransmitSet = message({
  name: 'Directed Relay Retransmit Set',
  opcode: 0x809d,
  response: 'Directed Relay Retransmit Status',
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Tells how directed messages are relayed. */
export const DirectedRelayRetransmitStatus = message({
  name: 'Directed Relay Retransmit Status',
  opcode: 0x809e,
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Asks for the RSSI threshold. */
export const RssiThresholdGet = message({
  name: 'RSSI Threshold Get',
  opcode: 0x809f,
  response: 'RSSI Threshold Status',
  source,
  fields: {},
});

/** Sets the margin over the default RSSI threshold, dB. */
export const RssiThresholdSet = message({
  name: 'RSSI Threshold Set',
  opcode: 0x80a0,
  response: 'RSSI Threshold Status',
  source,
  fields: { margin: u8() },
});

/** Tells the default RSSI threshold, dBm, and the margin, dB. */
export const RssiThresholdStatus = message({
  name: 'RSSI Threshold Status',
  opcode: 0x80a1,
  source,
  fields: { default: s8(), margin: u8() },
});

/** Asks how many paths the node can keep. */
export const DirectedPathsGet = message({
  name: 'Directed Paths Get',
  opcode: 0x80a2,
  response: 'Directed Paths Status',
  source,
  fields: {},
});

/** How many paths the node can keep at least, by what it is for them. */
export const DirectedPathsStatus = message({
  name: 'Directed Paths Status',
  opcode: 0x80a3,
  source,
  fields: { nodePaths: u16(), relayPaths: u16(), proxyPaths: u16(), friendPaths: u16() },
});

/** Asks how a model publishes. */
export const DirectedPublishPolicyGet = message({
  name: 'Directed Publish Policy Get',
  opcode: 0x80a4,
  response: 'Directed Publish Policy Status',
  source,
  fields: { elementAddress: unicast(), modelId: modelId() },
});

/** Sets how a model publishes: 0 managed flooding, 1 directed forwarding. */
export const DirectedPublishPolicySet = message({
  name: 'Directed Publish Policy Set',
  opcode: 0x80a5,
  response: 'Directed Publish Policy Status',
  source,
  fields: { publishPolicy: u8({ max: 1 }), elementAddress: unicast(), modelId: modelId() },
});

/** Tells how a model publishes. */
export const DirectedPublishPolicyStatus = message({
  name: 'Directed Publish Policy Status',
  opcode: 0x80a6,
  source,
  fields: { status: u8(), publishPolicy: u8({ max: 1 }), elementAddress: unicast(), modelId: modelId() },
});

/** Asks how directed control messages are sent. */
export const DirectedControlNetworkTransmitGet = message({
  name: 'Directed Control Network Transmit Get',
  opcode: 0x80ab,
  response: 'Directed Control Network Transmit Status',
  source,
  fields: {},
});

/** Sets how directed control messages are sent: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const DirectedControlNetworkTransmitSet = message({
  name: 'Directed Control Network Transmit Set',
  opcode: 0x80ac,
  response: 'Directed Control Network Transmit Status',
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Tells how directed control messages are sent. */
export const DirectedControlNetworkTransmitStatus = message({
  name: 'Directed Control Network Transmit Status',
  opcode: 0x80ad,
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Asks how directed control messages are relayed. */
export const DirectedControlRelayRetransmitGet = message({
  name: 'Directed Control Relay Retransmit Get',
  opcode: 0x80ae,
  response: 'Directed Control Relay Retransmit Status',
  source,
  fields: {},
});

/** Sets how directed control messages are relayed: `count` + 1 times, (`intervalSteps` + 1) × 10 ms apart. */
export const DirectedControlRelayRetransmitSet = message({
  name: 'Directed Control Relay Retransmit Set',
  opcode: 0x80af,
  response: 'Directed Control Relay Retransmit Status',
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Tells how directed control messages are relayed. */
export const DirectedControlRelayRetransmitStatus = message({
  name: 'Directed Control Relay Retransmit Status',
  opcode: 0x80b0,
  source,
  fields: { count: uint(3), intervalSteps: uint(5) },
});

/** Messages for transmissions, thresholds and publication of directed nodes. */
export const DIRECTED_TRANSMIT_MESSAGES: readonly MessageType<unknown>[] = [
  DirectedNetworkTransmitGet,
  DirectedNetworkTransmitSet,
  DirectedNetworkTransmitStatus,
  DirectedRelayRetransmitGet,
  DirectedRelayRetransmitSet,
  DirectedRelayRetransmitStatus,
  RssiThresholdGet,
  RssiThresholdSet,
  RssiThresholdStatus,
  DirectedPathsGet,
  DirectedPathsStatus,
  DirectedPublishPolicyGet,
  DirectedPublishPolicySet,
  DirectedPublishPolicyStatus,
  DirectedControlNetworkTransmitGet,
  DirectedControlNetworkTransmitSet,
  DirectedControlNetworkTransmitStatus,
  DirectedControlRelayRetransmitGet,
  DirectedControlRelayRetransmitSet,
  DirectedControlRelayRetransmitStatus,
] as readonly MessageType<unknown>[];
