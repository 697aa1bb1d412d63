import { parseVersion, type Version } from '@meshferry/firmware';
import { bootloaderKind } from '../bootloader-kind.ts';
import type { DeviceView } from '../device-view.ts';
import type { SmpSlotEntry } from '../plan-types.ts';
import { NOTHING_TRIED, type Situation } from '../situation.ts';
import { newSmpUpdate } from '../update-record.ts';
import type { SmpUpdateImage, SmpUpdateMode } from '../update-types.ts';

/** A hash by a letter. */
export function hash(letter: string): Uint8Array {
  return new Uint8Array(32).fill(letter.charCodeAt(0));
}

export function version(text: string): Version {
  const read = parseVersion(text);
  if (!read.ok) throw read.error;
  return read.value;
}

/** An image that is wanted: hash `n`, version 2.0.0. */
export function wanted(parts: Partial<SmpUpdateImage> = {}): SmpUpdateImage {
  return {
    image: 0,
    slot: undefined,
    bytes: new Uint8Array(1000),
    sha256: hash('s'),
    end: parts.bytes?.length ?? 1000,
    hash: hash('n'),
    version: version('2.0.0'),
    file: null,
    dependencies: [],
    signature: { state: 'unknown-key', key: null, keyHash: hash('k'), checked: [], signatures: [] },
    encrypted: false,
    compressed: false,
    address: null,
    mark: null,
    ...parts,
  };
}

/** A slot: `n` is the new image, any other letter another one. Flags by their letters: a c p P (permanent). */
export function entry(slot: number, letter: string, flags: string, parts: Partial<SmpSlotEntry> = {}): SmpSlotEntry {
  return {
    image: 0,
    slot,
    version: letter === 'n' ? '2.0.0' : '1.0.0',
    hash: hash(letter),
    bootable: true,
    active: flags.includes('a'),
    confirmed: flags.includes('c'),
    pending: flags.includes('p'),
    permanent: flags.includes('P'),
    size: null,
    maxImageSize: null,
    ...parts,
  };
}

export function view(mode: number | null, slots: readonly SmpSlotEntry[], parts: Partial<DeviceView> = {}): DeviceView {
  return {
    speaker: 'application',
    bootloader: 'MCUboot',
    kind: bootloaderKind(mode),
    noDowngrade: false,
    slots,
    countsImages: false,
    imageNumbers: null,
    uploadNumbers: new Map(),
    sizes: new Map(),
    b0Active: null,
    bufferSize: null,
    bufferCount: null,
    isSerial: false,
    ...parts,
  };
}

export function situation(
  seen: DeviceView,
  mode: SmpUpdateMode = 'test-and-confirm',
  parts: Partial<Situation> = {},
  saved: Partial<Situation['saved']> = {},
): Situation {
  const images = parts.images ?? [wanted()];
  return {
    view: seen,
    images,
    saved: { ...newSmpUpdate(images, mode), ...saved },
    eraseSettings: false,
    openUpload: null,
    tried: NOTHING_TRIED,
    ...parts,
  };
}
