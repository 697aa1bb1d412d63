import { toHex } from '@meshferry/core';
import { sha256 } from '@noble/hashes/sha2.js';
import type { AirEvent } from './advertiser.ts';
import type { Radio } from './radio.ts';

/** A running fingerprint of everything on the air: equal for two runs only if they sent the same octets at the same times. */
export interface TraceHash {
  /** Advertising events hashed so far. */
  readonly events: number;
  /** SHA-256 of the events so far, lower-case hex; hashing goes on. */
  digest(): string;
  close(): void;
}

/** Time, node, type and length before the data. */
const HEADER = 8 + 4 + 1 + 1;
/** Events are hashed in bulk: one call for each would cost more than the digest itself. */
const BUFFER = 16 * 1024;

/**
 * Starts a fingerprint of the radio. Hashed for each event, when it ends: start (ms, IEEE 754 double), node index (u32),
 * AD type (u8), data length (u8), data; all big-endian.
 */
export function traceHash(radio: Radio): TraceHash {
  const hash = sha256.create();
  const buffer = new Uint8Array(BUFFER);
  const view = new DataView(buffer.buffer);
  let used = 0;
  let events = 0;
  const flush = (): void => {
    hash.update(buffer.subarray(0, used));
    used = 0;
  };
  const add = (event: AirEvent): void => {
    if (used + HEADER + event.data.length > BUFFER) flush();
    view.setFloat64(used, event.at);
    view.setUint32(used + 8, event.node);
    view.setUint8(used + 12, event.type);
    view.setUint8(used + 13, event.data.length);
    buffer.set(event.data, used + HEADER);
    used += HEADER + event.data.length;
    events++;
  };
  const close = radio.tap(add);
  return {
    get events() {
      return events;
    },
    digest: () => {
      flush();
      return toHex(hash.clone().digest());
    },
    close,
  };
}
