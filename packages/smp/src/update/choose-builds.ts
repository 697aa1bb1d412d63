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
    const message = `the package holds a build of image ${first.image} for each slot, and the device does not tell which is in use (bootloader: ${view.kind.name})`;
    return fail(updateError('smp-slot-unknown', message, 'Send the build for the free slot alone, as .bin file.'));
  }
  const build = builds.find(({ slot }) => slot !== inUse);
  if (build !== undefined) return ok(build);
  const message = `${nameOf(first)} is built for slot ${inUse}, which is running`;
  return fail(
    updateError('smp-wrong-slot', message, `Send the build for slot ${1 - inUse}, or the package with both.`),
  );
}

/** Where the bootloader moves images, builds for two slots can only be of MCUboot itself, under an immutable bootloader. */
function slotInUse({ kind: { scheme }, b0Active }: DeviceView, active: number | undefined): number | undefined {
  const movesImages = scheme === 'swap' || scheme === 'overwrite';
  return movesImages ? (b0Active ?? undefined) : active;
}

function hasOneSlot({ kind: { scheme } }: DeviceView): boolean {
  return scheme === 'single-slot' || scheme === 'loader';
}
