import { MeshError } from '@meshferry/core';
import {
  type FirmwareImage,
  type FirmwarePackage,
  ImageFlag,
  imageDependencies,
  isCompressed,
  isEncrypted,
  trailerMark,
} from '@meshferry/firmware';
import type { SmpUpdateImage } from './update-types.ts';

/**
 * The images of a package as an update over SMP sends them, by image number ascending [spec: firmware-packages section 2].
 * `slot`: the only slot that a file of one image is built for (direct-XIP), where somebody knows. Throws `smp-no-image` when it
 * holds none: an application without MCUboot header.
 */
export function smpUpdateImages(
  { images, directXip }: FirmwarePackage,
  { slot }: { readonly slot?: number | undefined } = {},
): SmpUpdateImage[] {
  if (images.length === 0) {
    throw new MeshError('smp-no-image', 'the file holds no MCUboot image: it is an unsigned application', {
      hint: 'Give the signed file of the build (*.signed.bin, app_update.bin or dfu_application.zip).',
    });
  }
  return images
    .map((image) => updateImage(image, directXip || isOneOfTwo(image, images) ? image.target.slot : slot))
    .sort((a, b) => a.image - b.image || (a.slot ?? 0) - (b.slot ?? 0));
}

/** A slot says where a build runs only where there is one for each: alone it is where a package puts it for want of better. */
function isOneOfTwo(found: FirmwareImage, all: readonly FirmwareImage[]): boolean {
  return all.some((other) => other !== found && other.target.image === found.target.image);
}

function updateImage(found: FirmwareImage, slot: number | undefined): SmpUpdateImage {
  const { target, bytes, sha256, image, file, signature } = found;
  return {
    image: target.image,
    slot,
    bytes,
    sha256,
    end: image.imageEnd,
    hash: image.hash,
    version: image.version,
    file,
    dependencies: imageDependencies(image),
    signature,
    encrypted: isEncrypted(image),
    compressed: isCompressed(image),
    address: (image.flags & ImageFlag.romFixed) === 0 ? null : image.loadAddr,
    mark: trailerMark(image) ?? null,
  };
}
