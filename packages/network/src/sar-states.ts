import { MeshError } from '@meshferry/core';
import type { SarReceiver, SarTransmitter } from './contract.ts';

/** The SAR Transmitter state that a node starts with [Mesh Protocol 1.1, 4.2.48]. */
export const DEFAULT_SAR_TRANSMITTER: SarTransmitter = {
  segmentIntervalStep: 5,
  unicastRetransmissionsCount: 2,
  unicastRetransmissionsWithoutProgressCount: 2,
  unicastRetransmissionsIntervalStep: 7,
  unicastRetransmissionsIntervalIncrement: 1,
  multicastRetransmissionsCount: 2,
  multicastRetransmissionsIntervalStep: 9,
};

/** The SAR Receiver state that a node starts with [4.2.49]. */
export const DEFAULT_SAR_RECEIVER: SarReceiver = {
  segmentsThreshold: 3,
  acknowledgmentDelayIncrement: 1,
  discardTimeout: 1,
  receiverSegmentIntervalStep: 5,
  acknowledgmentRetransmissionsCount: 0,
};

const TRANSMITTER_MAX: Record<keyof SarTransmitter, number> = {
  segmentIntervalStep: 15,
  unicastRetransmissionsCount: 15,
  unicastRetransmissionsWithoutProgressCount: 15,
  unicastRetransmissionsIntervalStep: 15,
  unicastRetransmissionsIntervalIncrement: 15,
  multicastRetransmissionsCount: 15,
  multicastRetransmissionsIntervalStep: 15,
};

const RECEIVER_MAX: Record<keyof SarReceiver, number> = {
  segmentsThreshold: 31,
  acknowledgmentDelayIncrement: 7,
  discardTimeout: 15,
  receiverSegmentIntervalStep: 15,
  acknowledgmentRetransmissionsCount: 3,
};

/** `state` with `changes`; throws `bad-field` for a value out of range. */
export function changeSarTransmitter(state: SarTransmitter, changes: Partial<SarTransmitter>): SarTransmitter {
  return change('SAR Transmitter', state, changes, TRANSMITTER_MAX);
}

/** `state` with `changes`; throws `bad-field` for a value out of range. */
export function changeSarReceiver(state: SarReceiver, changes: Partial<SarReceiver>): SarReceiver {
  return change('SAR Receiver', state, changes, RECEIVER_MAX);
}

/** Between the starts of two segments, ms. */
export function segmentIntervalMs(state: SarTransmitter): number {
  return (state.segmentIntervalStep + 1) * 10;
}

/** From the last segment of a round to the next round while nothing is acknowledged, ms [3.5.3.3]. */
export function unicastRetransmissionsMs(state: SarTransmitter, ttl: number): number {
  const step = (state.unicastRetransmissionsIntervalStep + 1) * 25;
  const increment = (state.unicastRetransmissionsIntervalIncrement + 1) * 25;
  return ttl === 0 ? step : step + increment * (ttl - 1);
}

/** From the last segment of a round to a group to the next round, ms. */
export function multicastRetransmissionsMs(state: SarTransmitter): number {
  return (state.multicastRetransmissionsIntervalStep + 1) * 25;
}

/** How far apart segments are expected to arrive, ms. */
export function receptionIntervalMs(state: SarReceiver): number {
  return (state.receiverSegmentIntervalStep + 1) * 10;
}

/** From a new segment to the acknowledgment of what has arrived, ms [3.5.3.4]. */
export function acknowledgmentDelayMs(state: SarReceiver, segN: number): number {
  return Math.min(segN + 0.5, state.acknowledgmentDelayIncrement + 1.5) * receptionIntervalMs(state);
}

/** The shortest time between two acknowledgments of a message that is complete, ms. */
export function repeatedAcknowledgmentMs(state: SarReceiver): number {
  return (state.acknowledgmentDelayIncrement + 1.5) * receptionIntervalMs(state);
}

/** Without a new segment for so long a message is given up, ms. */
export function discardTimeoutMs(state: SarReceiver): number {
  return (state.discardTimeout + 1) * 5000;
}

function change<State extends object>(
  name: string,
  state: State,
  changes: Partial<State>,
  maxima: Record<keyof State, number>,
): State {
  for (const field of Object.keys(changes) as (keyof State & string)[]) {
    const value = changes[field] as number | undefined;
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= (maxima[field] ?? -1))) {
      throw new MeshError('bad-field', `${name} ${field} = ${value}`, {
        hint: `Give a whole number from 0 to ${maxima[field]}.`,
      });
    }
  }
  return { ...state, ...changes };
}
