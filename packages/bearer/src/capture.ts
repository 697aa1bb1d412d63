import { toHex } from '@meshferry/core';
import type { Advertising } from './contract.ts';
import { withTrace } from './trace.ts';

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

/**
 * Wraps an advertising bearer so that `sink` gets a record of each structure sent or heard. A structure that is sent
 * several times by its transmit count gives one record. Structures are recorded as they end, so the records of
 * overlapping ones may stand out of order of `t`.
 */
export function withCapture(inner: Advertising, sink: (record: CaptureRecord) => void): Advertising {
  return withTrace(inner, (event) => {
    if (event.kind === 'failed') return;
    const { type, data } = event.ad;
    const p = toHex(data);
    if (event.kind === 'sent') sink({ t: micros(event.sent.start), d: 0, ad: type, p });
    else sink({ t: micros(event.ad.at), d: 1, ad: type, p, rssi: event.ad.rssi });
  });
}

function micros(ms: number): number {
  return Math.round(ms * 1000);
}
