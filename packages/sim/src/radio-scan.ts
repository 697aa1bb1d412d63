import { HONEST_RADIO } from './radio-parameters.ts';

/**
 * When a receiver listens where, by arithmetic alone: it scans one channel for 30 ms, hops to the next (37, 38, 39,
 * 37, …) and is deaf for 0 to 0.3 ms after each hop [design/airtime.md, "The honest radio"]. An event that straddles the
 * hop from 39 to 37 is missed on all three channels: 1.6 to 2.2 % of all.
 */
export interface Scanner {
  /** Clock time at which a window on channel 37 began, ms; before all events. */
  readonly phase: number;
  /** Any 32-bit number: the receiver's own gaps follow from it. */
  readonly salt: number;
}

const { scanWindowMs: SCAN_WINDOW, hopGapMs: HOP_GAP_MAX } = HONEST_RADIO;

/** One event on the air, as the scanner sees it: three packets of `air` ms each, `gap` ms apart. */
export interface Packets {
  readonly at: number;
  readonly air: number;
  readonly gap: number;
  readonly end: number;
}

/** On which channels the receiver scans a whole packet of the event: bit 0 is 37, bit 2 is 39. */
export function scannedChannels(scanner: Scanner, packets: Packets): number {
  const since = packets.at - scanner.phase;
  const window = Math.floor(since / SCAN_WINDOW);
  const inWindow = since - window * SCAN_WINDOW;
  // Nine in ten events lie in one window, clear of the hop.
  if (inWindow >= HOP_GAP_MAX && inWindow + (packets.end - packets.at) <= SCAN_WINDOW) return 1 << (window % 3);
  return scannedAcrossHop(scanner, packets);
}

function scannedAcrossHop(scanner: Scanner, packets: Packets): number {
  let channels = 0;
  for (let channel = 0; channel < 3; channel++) {
    const start = packets.at + channel * (packets.air + packets.gap) - scanner.phase;
    const window = Math.floor(start / SCAN_WINDOW);
    const inWindow = start - window * SCAN_WINDOW;
    const whole = inWindow >= hopGap(scanner.salt, window) && inWindow + packets.air <= SCAN_WINDOW;
    if (whole && window % 3 === channel) channels |= 1 << channel;
  }
  return channels;
}

/** How long the receiver is deaf at the start of a window, ms: drawn anew for each, the same whenever it is asked. */
function hopGap(salt: number, window: number): number {
  return (mix(salt, window) / 0x1_0000_0000) * HOP_GAP_MAX;
}

/** A 32-bit number that depends on every bit of both (finaliser of MurmurHash3). */
export function mix(a: number, b: number): number {
  let word = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
