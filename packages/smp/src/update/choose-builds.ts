import { equal, fail, type MeshError, ok, type Result } from '@meshferry/core';
import { activeEntry, type DeviceView } from './device-view.ts';
import { nameOf, updateError } from './update-errors.ts';
import type { SmpUpdateImage } from './update-types.ts';

/**
 * One build for each image number: where the package holds one for each slot, the one for the slot that is not in use
 * [spec: firmware-packages section 2, smp section 5.1]. `chosen`: what was sent before the reset, by image number; it holds
 * even though now that slot is in use.
 */
export function chooseBuilds(
  view: DeviceView,
  images: readonly SmpUpdateImage[],
  chosen: Readonly<Record<string, number>>,
): Result<readonly SmpUpdateImage[], MeshError> {
  const builds: SmpUpdateImage[] = [];
  for (const image of [...new Set(images.map((one) => one.image))].sort((a, b) => a - b)) {
    const build = chooseBuild(
      view,
      images.filter((one) => one.image === image),
      chosen[image],
    );
    if (!build.ok) return build;
    builds.push(build.value);
  }
  return ok(builds);
}

function chooseBuild(
  view: DeviceView,
  builds: readonly SmpUpdateImage[],
  chosen: number | undefined,
): Result<SmpUpdateImage, MeshError> {
  const [first] = builds as [SmpUpdateImage];
  if (first.slot === undefined) return ok(first);
  const before = builds.find(({ slot }) => slot === chosen);
  if (before !== undefined) return ok(before);
  const active = activeEntry(view, first.image);
  const running = active?.hash ?? null;
  const itself = builds.find(({ hash }) => running !== null && equal(hash, running));
  if (itself !== undefined) return ok(itself);
  const inUse = builds.length === 1 ? active?.slot : slotInUse(view, active?.slot);
  if (builds.length === 1 && (inUse === undefined || hasOneSlot(view))) return ok(first);
  if (inUse === undefined) {
    return fail(movesImages(view) ? forTwoSlots(first, view) : slotUnknown(first, view));
  }
  const build = builds.find(({ slot }) => slot !== inUse);
  if (build !== undefined) return ok(build);
  const message = `${nameOf(first)} is built for slot ${inUse}, which is running`;
  return fail(
    updateError('smp-wrong-slot', message, `Send the build for slot ${1 - inUse}, or the package with both.`),
  );
}

/** Where the bootloader moves images, builds for two slots can only be of MCUboot itself, under an immutable bootloader. */
function slotInUse(view: DeviceView, active: number | undefined): number | undefined {
  return movesImages(view) ? (view.b0Active ?? undefined) : active;
}

function movesImages({ kind: { scheme } }: DeviceView): boolean {
  return scheme === 'swap' || scheme === 'overwrite';
}

function hasOneSlot({ kind: { scheme } }: DeviceView): boolean {
  return scheme === 'single-slot' || scheme === 'loader';
}

function forTwoSlots({ image }: SmpUpdateImage, { kind }: DeviceView): MeshError {
  return updateError(
    'smp-slot-unknown',
    `the package holds a build of image ${image} for each slot, for bootloaders that run images where they lie (direct-XIP); ` +
      `this one (${kind.name}) moves them to slot 0, and knows of no bootloader before it that would choose`,
    'Build the firmware for the bootloader of this device, linked for slot 0 alone, and send that.',
  );
}

function slotUnknown({ image }: SmpUpdateImage, { kind }: DeviceView): MeshError {
  return updateError(
    'smp-slot-unknown',
    `the package holds a build of image ${image} for each slot, and the device does not tell which is in use (bootloader: ${kind.name})`,
    'Send the build for the free slot alone, as .bin file.',
  );
}
