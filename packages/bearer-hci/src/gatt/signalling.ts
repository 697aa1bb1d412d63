import { word } from './att.ts';

/** Codes of the signalling channel [Bluetooth Core, Vol 3, Part A, 4]. */
const CODE = { REJECT: 0x01, UPDATE_REQUEST: 0x12, UPDATE_RESPONSE: 0x13 } as const;
const NOT_UNDERSTOOD = 0;
const ACCEPTED = 0;
const REJECTED = 1;

/** Codes of the Security Manager [Bluetooth Core, Vol 3, Part H, 3.3]. */
const PAIRING = { REQUEST: 0x01, FAILED: 0x05, NOT_SUPPORTED: 0x05 } as const;

/** Connection parameters in the units of the wire: intervals of 1.25 ms, latency in events, timeout of 10 ms. */
export interface ConnectionTiming {
  readonly intervalMin: number;
  readonly intervalMax: number;
  readonly latency: number;
  readonly timeout: number;
}

/** What to answer on the signalling channel, and what to ask the controller for. */
export interface SignallingAnswer {
  readonly response: Uint8Array;
  readonly update?: ConnectionTiming;
}

/**
 * Answers a frame of the signalling channel: a peripheral may ask for other connection parameters, nothing else is
 * understood; undefined where nothing is to be answered.
 */
export function answerSignalling(frame: Uint8Array, isCentral: boolean): SignallingAnswer | undefined {
  const [code = 0, id = 0] = frame;
  if (frame.length < 4 || id === 0 || word(frame, 2) !== frame.length - 4) return undefined;
  if (code === CODE.REJECT || code === CODE.UPDATE_RESPONSE) return undefined;
  if (code !== CODE.UPDATE_REQUEST || frame.length !== 12 || !isCentral)
    return { response: Uint8Array.of(CODE.REJECT, id, 2, 0, NOT_UNDERSTOOD, 0) };
  const update: ConnectionTiming = {
    intervalMin: word(frame, 4),
    intervalMax: word(frame, 6),
    latency: word(frame, 8),
    timeout: word(frame, 10),
  };
  const result = canBe(update) ? ACCEPTED : REJECTED;
  const response = Uint8Array.of(CODE.UPDATE_RESPONSE, id, 2, 0, result, 0);
  return result === ACCEPTED ? { response, update } : { response };
}

/** Answers a frame of the security channel: mesh links are not paired. Undefined where nothing is to be answered. */
export function answerSecurity(frame: Uint8Array): Uint8Array | undefined {
  return frame[0] === PAIRING.REQUEST ? Uint8Array.of(PAIRING.FAILED, PAIRING.NOT_SUPPORTED) : undefined;
}

/** Whether the values are in the ranges of the specification [Bluetooth Core, Vol 4, Part E, 7.8.18]. */
function canBe({ intervalMin, intervalMax, latency, timeout }: ConnectionTiming): boolean {
  const ranges = intervalMin >= 6 && intervalMin <= intervalMax && intervalMax <= 3200 && latency <= 499;
  // The connection must outlast two intervals without an answer: timeout × 10 > (1 + latency) × interval × 1.25 × 2.
  return ranges && timeout >= 10 && timeout <= 3200 && timeout * 4 > (1 + latency) * intervalMax;
}
