import { bootloaderModeName } from '../messages/os.ts';
import type { SmpUpdateMode } from './update-types.ts';

/** How a bootloader takes a new image. `unknown` is treated like a swap: nearly all are. */
export type BootloaderScheme =
  | 'swap'
  | 'overwrite'
  | 'direct-xip'
  | 'direct-xip-revert'
  | 'ram-load'
  | 'single-slot'
  | 'loader'
  | 'unknown';

/** A mode that MCUboot's "bootloader info" names [spec: smp section 4.1]. */
export interface BootloaderKind {
  /** As the device counts, null when it does not tell. */
  readonly number: number | null;
  /** For people. */
  readonly name: string;
  readonly scheme: BootloaderScheme;
}

const SCHEMES: readonly BootloaderScheme[] = [
  'single-slot',
  'swap',
  'overwrite',
  'swap',
  'direct-xip',
  'direct-xip-revert',
  'ram-load',
  'loader',
  'single-slot',
  'swap',
];

/** The kind of a mode number; of null and of any other number it is unknown. */
export function bootloaderKind(number: number | null): BootloaderKind {
  if (number === null) return { number, name: 'unknown', scheme: 'unknown' };
  return { number, name: bootloaderModeName(number), scheme: SCHEMES[number] ?? 'unknown' };
}

/** Whether test and confirm tell this bootloader what to start; others choose by version, or have no choice. */
export function takesMarks(scheme: BootloaderScheme): boolean {
  return scheme === 'swap' || scheme === 'overwrite' || scheme === 'direct-xip-revert' || scheme === 'unknown';
}

/** Whether an image that runs can be taken back at the next boot: only then does `confirmed` matter. */
export function reverts(scheme: BootloaderScheme): boolean {
  return scheme === 'swap' || scheme === 'direct-xip-revert' || scheme === 'unknown';
}

/** Whether it starts the newest of two images by itself. */
export function startsNewest(scheme: BootloaderScheme): boolean {
  return scheme === 'direct-xip' || scheme === 'ram-load';
}

/** The mode in which an update can be done with this bootloader, and why it is not the one that was asked for. */
export function usableMode(
  mode: SmpUpdateMode,
  { scheme, name }: BootloaderKind,
): { readonly mode: SmpUpdateMode; readonly because: string | null } {
  if (mode === 'upload-only') return { mode, because: null };
  if (!takesMarks(scheme)) {
    const because = startsNewest(scheme)
      ? `the bootloader (${name}) starts the newest image by itself: there is nothing to test or confirm`
      : `the bootloader (${name}) has one slot: what is uploaded is started, there is nothing to test or confirm`;
    return { mode: 'upload-only', because };
  }
  if (scheme === 'overwrite' && mode !== 'confirm-only') {
    const because = 'the bootloader overwrites the old image: a test would be for good too, so the image is confirmed';
    return { mode: 'confirm-only', because };
  }
  return { mode, because: null };
}
