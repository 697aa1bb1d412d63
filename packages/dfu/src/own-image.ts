import type { BlobSink, BlobSource } from '@meshferry/blob';
import { equal } from '@meshferry/core';
import type { StoredImage } from './slot-store.ts';
import type { TargetApplication } from './target-application.ts';

/** Octets that are copied at a time. */
const PIECE = 4096;

/**
 * The application of a Target on the same node as a Distributor [firmware-update.md 5.1]: the image that the Distributor is
 * sending is in its own slots, and goes from there into the storage of `application` without a transfer. `sending`: see
 * `FirmwareDistributionServer.sending`. Any other update comes over the air as usual.
 */
export function withOwnImage(
  application: TargetApplication,
  sending: () => { readonly image: StoredImage; readonly octets: BlobSource } | undefined,
): TargetApplication {
  return {
    images: () => application.images(),
    check: (imageIndex, metadata) => application.check(imageIndex, metadata),
    start: (imageIndex, metadata) => {
      const begun = application.start(imageIndex, metadata);
      const own = sending();
      if (!('sink' in begun) || own === undefined || !equal(own.image.metadata, metadata)) return begun;
      return copy(own.octets, begun.sink) ? { alreadyThere: true } : begun;
    },
    recover: (imageIndex, metadata) => application.recover(imageIndex, metadata),
    verify: (imageIndex, metadata, done) => application.verify(imageIndex, metadata, done),
    apply: (imageIndex, done) => application.apply(imageIndex, done),
    abandoned: (imageIndex) => application.abandoned?.(imageIndex),
  };
}

/** False when the storage does not take it. */
function copy(octets: BlobSource, sink: BlobSink): boolean {
  if (!sink.begin(0n, octets.size)) return false;
  for (let at = 0; at < octets.size; at += PIECE) {
    if (!sink.block(at, octets.read(at, Math.min(PIECE, octets.size - at)))) return false;
  }
  return true;
}
