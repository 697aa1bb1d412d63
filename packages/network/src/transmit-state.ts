import type { Transmit } from '@meshferry/bearer';
import { MeshError } from '@meshferry/core';

/** Network Transmit or Relay Retransmit as its octet: Count 3 bits, Interval Steps 5 bits [Mesh Protocol 1.1, 4.2.20]. */
export function decodeTransmit(octet: number): Transmit {
  return { count: (octet & 0x07) + 1, intervalMs: ((octet >> 3) + 1) * 10 };
}

/** The reverse of {@link decodeTransmit}; throws `bad-field` when the state cannot be expressed. */
export function encodeTransmit(transmit: Transmit): number {
  const count = transmit.count - 1;
  const steps = transmit.intervalMs / 10 - 1;
  if (!isBits(count, 3) || !isBits(steps, 5)) {
    throw new MeshError('bad-field', `transmit ${transmit.count} × ${transmit.intervalMs} ms cannot be encoded`, {
      hint: 'Use 1 to 8 transmissions, and an interval of 10 to 320 ms in steps of 10.',
    });
  }
  return (steps << 3) | count;
}

function isBits(value: number, bits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 1 << bits;
}
