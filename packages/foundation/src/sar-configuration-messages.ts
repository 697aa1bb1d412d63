import { type MessageType, message, rfu, uint } from '@meshferry/access';

/* SAR Configuration models: how segmented messages are sent and received. */

/** The SAR Transmitter state [4.2.48]. */
const transmitter = {
  segmentIntervalStep: uint(4),
  unicastRetransmissionsCount: uint(4),
  unicastRetransmissionsWithoutProgressCount: uint(4),
  unicastRetransmissionsIntervalStep: uint(4),
  unicastRetransmissionsIntervalIncrement: uint(4),
  multicastRetransmissionsCount: uint(4),
  multicastRetransmissionsIntervalStep: uint(4),
  reserved: rfu(4),
} as const;

/** The SAR Receiver state [4.2.49]. */
const receiver = {
  segmentsThreshold: uint(5),
  acknowledgmentDelayIncrement: uint(3),
  discardTimeout: uint(4),
  receiverSegmentIntervalStep: uint(4),
  acknowledgmentRetransmissionsCount: uint(2),
  reserved: rfu(6),
} as const;
const source = 'Mesh Protocol 1.1 4.3';

/** Asks for the SAR Transmitter state. */
export const SarTransmitterGet = message({
  name: 'SAR Transmitter Get',
  opcode: 0x806c,
  response: 'SAR Transmitter Status',
  source,
  fields: {},
});

/** Sets the SAR Transmitter state; units in `SarTransmitter` of the network layer. */
export const SarTransmitterSet = message({
  name: 'SAR Transmitter Set',
  opcode: 0x806d,
  response: 'SAR Transmitter Status',
  source,
  fields: { ...transmitter },
});

/** Tells the SAR Transmitter state. */
export const SarTransmitterStatus = message({
  name: 'SAR Transmitter Status',
  opcode: 0x806e,
  source,
  fields: { ...transmitter },
});

/** Asks for the SAR Receiver state. */
export const SarReceiverGet = message({
  name: 'SAR Receiver Get',
  opcode: 0x806f,
  response: 'SAR Receiver Status',
  source,
  fields: {},
});

/** Sets the SAR Receiver state; units in `SarReceiver` of the network layer. */
export const SarReceiverSet = message({
  name: 'SAR Receiver Set',
  opcode: 0x8070,
  response: 'SAR Receiver Status',
  source,
  fields: { ...receiver },
});

/** Tells the SAR Receiver state. */
export const SarReceiverStatus = message({
  name: 'SAR Receiver Status',
  opcode: 0x8071,
  source,
  fields: { ...receiver },
});

/** All messages of the SAR Configuration models. */
export const SAR_CONFIGURATION_MESSAGES: readonly MessageType<unknown>[] = [
  SarTransmitterGet,
  SarTransmitterSet,
  SarTransmitterStatus,
  SarReceiverGet,
  SarReceiverSet,
  SarReceiverStatus,
] as readonly MessageType<unknown>[];
