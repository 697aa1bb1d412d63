import { equal } from '@meshferry/core';
import { compareVersions, parseVersion, type Version } from '@meshferry/firmware';
import { type BootloaderKind, reverts } from './bootloader-kind.ts';
import type { SmpImagePlace, SmpSlotEntry, SmpUpdateDevice } from './plan-types.ts';
import type { SmpUpdateImage } from './update-types.ts';

/** A device as it was found: what every decision is made from. */
export interface DeviceView {
  readonly speaker: SmpUpdateDevice['speaker'];
  readonly bootloader: string | null;
  readonly kind: BootloaderKind;
  /** Whether the bootloader says that it refuses older images. */
  readonly noDowngrade: boolean;
  readonly slots: readonly SmpSlotEntry[];
  /** Whether the server counts images: one that does not has only image 0. */
  readonly countsImages: boolean;
  /** Image numbers of the slot info, null without it. */
  readonly imageNumbers: readonly number[] | null;
  /** Number that an upload to a slot has to name, by `image/slot`; of the slot info. */
  readonly uploadNumbers: ReadonlyMap<string, number>;
  /** Sizes of the slot info by `image/slot`. */
  readonly sizes: ReadonlyMap<string, SlotSize>;
  /** Which of its two slots the immutable bootloader has started MCUboot from; null when that is not known. */
  readonly b0Active: number | null;
  readonly bufferSize: number | null;
  readonly bufferCount: number | null;
  /** Whether the link is a serial line, where MCUboot's serial recovery can answer. */
  readonly isSerial: boolean;
}

/** Octets; null when the device does not tell. */
export interface SlotSize {
  readonly size: number | null;
  readonly maxImageSize: number | null;
}

/** An image number and the hash of a build, as decisions see it. */
export type WantedImage = Pick<SmpUpdateImage, 'image' | 'hash' | 'version' | 'slot'>;

/** The entry of an image number that runs. */
export function activeEntry(view: DeviceView, image: number): SmpSlotEntry | undefined {
  return view.slots.find((entry) => entry.image === image && entry.active);
}

/** The entry of the slot that an upload of this image number goes to; undefined when that is empty. */
export function uploadEntry(view: DeviceView, image: number): SmpSlotEntry | undefined {
  const slot = uploadSlot(view, image);
  return view.slots.find((entry) => entry.image === image && entry.slot === slot);
}

/** The slot that an upload goes to: opposite to the one that runs; serial recovery and the loader write to slot 0. */
export function uploadSlot(view: DeviceView, image: number): number {
  if (view.speaker === 'recovery' || view.speaker === 'loader') return 0;
  return activeEntry(view, image)?.slot === 1 ? 0 : 1;
}

/**
 * Where an image is [spec: smp sections 4.3 and 5.2]. `isSent`: this update has sent it to its end. In the slot that a loader or
 * serial recovery writes only that counts: what lay there before was not started, perhaps for its signature, which is no part of
 * the hash; and recovery need not list hashes.
 */
export function placeOf(view: DeviceView, wanted: WantedImage, isSent = false): SmpImagePlace {
  if (isStartedByB0(view, wanted)) return 'kept';
  const entries = view.slots.filter(({ image }) => image === wanted.image);
  if (view.speaker === 'recovery' || view.speaker === 'loader') {
    const inFront = entries.find(({ slot }) => slot === 0);
    return isSent && inFront !== undefined && holds(inFront, wanted) ? 'staged-for-good' : 'absent';
  }
  const holding = entries.filter(({ hash }) => hash !== null && equal(hash, wanted.hash));
  const entry = holding.find(({ active }) => active) ?? holding[0];
  if (entry === undefined) return 'absent';
  if (entry.active) return entry.confirmed || !reverts(view.kind.scheme) ? 'kept' : 'running';
  // In the other slot "confirmed" is what the device goes back to at the next boot, because what runs is on trial.
  if (entry.permanent || (entry.confirmed && !isConfirmed(view, wanted.image))) return 'staged-for-good';
  return entry.pending ? 'staged' : 'stored';
}

/** Whether what runs of this image number stays. */
export function isConfirmed(view: DeviceView, image: number): boolean {
  return activeEntry(view, image)?.confirmed ?? true;
}

/** The entry of what runs of an image number, or is going to: serial recovery marks nothing as active. */
export function runningEntry(view: DeviceView, image: number): SmpSlotEntry | undefined {
  const isInFront = (entry: SmpSlotEntry) => entry.image === image && entry.slot === 0;
  return activeEntry(view, image) ?? (view.speaker === 'recovery' ? view.slots.find(isInFront) : undefined);
}

/** Its version; undefined when it is not listed, or cannot be read. */
export function runningVersion(view: DeviceView, image: number): Version | undefined {
  const text = runningEntry(view, image)?.version;
  const version = text === undefined ? undefined : parseVersion(text);
  return version?.ok ? version.value : undefined;
}

/** The version of an image against what runs: negative when older; undefined when that is not known. */
export function compareWithRunning(view: DeviceView, wanted: WantedImage): number | undefined {
  const running = runningVersion(view, wanted.image);
  return running && compareVersions(wanted.version, running, { withBuild: false });
}

export function slotKey(image: number, slot: number): string {
  return `${image}/${slot}`;
}

/** A new MCUboot is moved out of the slots of the application: only the bootloader before it tells that it runs. */
function isStartedByB0({ b0Active, kind: { scheme } }: DeviceView, { slot }: WantedImage): boolean {
  return slot !== undefined && slot === b0Active && (scheme === 'swap' || scheme === 'overwrite');
}

function holds(entry: SmpSlotEntry, wanted: WantedImage): boolean {
  if (entry.hash !== null) return equal(entry.hash, wanted.hash);
  const version = parseVersion(entry.version);
  return version.ok && compareVersions(version.value, wanted.version) === 0;
}
