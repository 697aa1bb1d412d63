import { startsNewest } from './bootloader-kind.ts';
import type { DeviceView } from './device-view.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** Usual erase unit, octets. */
const SECTOR = 4096;
/** Seconds for a sector: erased (85 ms) and written (42 ms) three times by a swap, once by an overwrite; nRF52840's flash. */
const SWAP_SECTOR = 0.4;
const COPY_SECTOR = 0.13;
/** For the bootloader to check an image, and for the application to come up. */
const BOOT = 2;
/** From there to a link, with the answers that are asked for. */
export const RECONNECT_SECONDS = 4;

/** How long the device is likely to be away after a reset, seconds: its bootloader moves the images meanwhile. */
export function estimateSwapSeconds({ kind: { scheme } }: DeviceView, images: readonly SmpUpdateImage[]): number {
  const sectors = images.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / SECTOR), 0);
  if (scheme === 'swap' || scheme === 'unknown') return BOOT + sectors * SWAP_SECTOR;
  if (scheme === 'overwrite') return BOOT + sectors * COPY_SECTOR;
  return startsNewest(scheme) || scheme === 'direct-xip-revert' ? BOOT : 2 * BOOT;
}

/**
 * Octets a second that an upload is likely to make, by how long the device takes to answer: each answer frees one of the
 * buffers. Undefined where nothing is known.
 */
export function estimateRate(
  { bufferSize, bufferCount }: DeviceView,
  roundTripMs: number,
  packetLimit: number,
): number | undefined {
  if (roundTripMs <= 0) return undefined;
  const packet = Math.min(bufferSize ?? packetLimit, 4096);
  const chunk = Math.max(32, packet - 40);
  const inFlight = Math.max(1, (bufferCount ?? 2) - 1);
  return (chunk * inFlight * 1000) / roundTripMs;
}
