import { type Clock, toHex } from '@meshferry/core';
import type { Advertising, Bearer } from './contract.ts';
import { type TraceEvent, withTrace } from './trace.ts';
import { isAdvertising } from './wrap-bearer.ts';

/** One line of a capture file (`NAME.jsonl`): one structure that was sent or heard. */
export interface CaptureRecord {
  /** When it was first on air (sent) or its reception ended (heard): microseconds on the clock of the bearer. */
  readonly t: number;
  /** 0: sent by the captured bearer; 1: heard by it. */
  readonly d: 0 | 1;
  /** AD type, 41 PB-ADV, 42 mesh message, 43 mesh beacon. */
  readonly ad: number;
  /** AD data after the type, hex. */
  readonly p: string;
  /** RSSI in dBm, of a structure heard. */
  readonly rssi?: number;
}

/** Another line of a capture file: a value on a GATT link. */
export interface GattCaptureRecord {
  /** When it had been sent, or was received: microseconds on the clock of the bearer. */
  readonly t: number;
  /** Number of the link, from 0. */
  readonly d: number;
  /** `in`: written by the client to the server; `out`: notified by the server. */
  readonly gatt: 'in' | 'out';
  /** The value, hex. */
  readonly p: string;
}

/**
 * Wraps a bearer, or its advertising alone, so that `sink` gets a record of each structure sent or heard, of a whole bearer
 * also of each value on its GATT links. A structure that is sent several times by its transmit count gives one record.
 * Structures are recorded as they end, so the records of overlapping ones may stand out of order of `t`.
 */
export function withCapture(inner: Advertising, sink: (record: CaptureRecord) => void): Advertising;
export function withCapture(
  inner: Bearer,
  sink: (record: CaptureRecord | GattCaptureRecord) => void,
  clock: Clock,
): Bearer;
export function withCapture(
  inner: Advertising | Bearer,
  sink: (record: CaptureRecord) => void,
  clock?: Clock,
): Advertising | Bearer {
  if (isAdvertising(inner)) return withTrace(inner, (event) => captureStructure(event, sink));
  const all = sink as (record: CaptureRecord | GattCaptureRecord) => void; // by the overload for bearers
  return withTrace(inner, (event) => {
    if (event.kind === 'value-sent' || event.kind === 'value-received') {
      const { number: d, side } = event.link;
      const gatt = (side === 'client') === (event.kind === 'value-sent') ? 'in' : 'out';
      all({ t: micros(clock!.now), d, gatt, p: toHex(event.value) });
    } else if ('ad' in event) captureStructure(event, all);
  });
}

function captureStructure(event: TraceEvent, sink: (record: CaptureRecord) => void): void {
  if (event.kind === 'failed') return;
  const { type, data } = event.ad;
  const p = toHex(data);
  if (event.kind === 'sent') sink({ t: micros(event.sent.start), d: 0, ad: type, p });
  else sink({ t: micros(event.ad.at), d: 1, ad: type, p, rssi: event.ad.rssi });
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
