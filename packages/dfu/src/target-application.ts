import type { BlobSink } from '@meshferry/blob';

/** An image that the node runs now. */
export interface TargetImage {
  /** Company Identifier, little-endian, then the vendor's version: 2 to 108 octets. */
  readonly firmwareId: Uint8Array;
  /** Where newer firmware is found, without "/check"; at most 255 octets of UTF-8. */
  readonly updateUri?: string;
}

/** What the application answers to a Firmware Update Start. */
export type TargetStart =
  /** The image shall come; its blocks go here. */
  | { readonly sink: BlobSink }
  /** Exactly this image is in the storage already: it is verified at once. */
  | { readonly alreadyThere: true }
  /** No room, not now, other trouble. Nothing may have changed. */
  | { readonly refuse: 'resources' | 'busy' | 'internal' };

/**
 * What a device itself does in an update of its firmware: the part that a {@link FirmwareUpdateServer} cannot know.
 * The image index that it is called with is always one of {@link images}. One update runs at a time in each server; a node
 * with several servers has an application for each of them, and one restart for all.
 *
 * What the application says by itself, at any time: {@link FirmwareUpdateServer.abort} and
 * {@link FirmwareUpdateServer.applied}.
 */
export interface TargetApplication {
  /** The Firmware Information List: at most 255 images, in an order that never changes. */
  images(): readonly TargetImage[];
  /**
   * Whether the node would take such an image and what applying it would do, an `UpdateEffect` (0 to 31). Changes nothing;
   * asked at any time, with whatever octets anybody sends.
   */
  check(imageIndex: number, metadata: Uint8Array): { readonly accept: boolean; readonly effect: number };
  /**
   * An update begins, after {@link check} accepted. What is left of one before for the same image is given up; for another
   * image {@link abandoned} says so.
   */
  start(imageIndex: number, metadata: Uint8Array): TargetStart;
  /** The storage of an update that a power cut interrupted; undefined when it is lost: then the next Start begins anew. */
  recover(imageIndex: number, metadata: Uint8Array): BlobSink | undefined;
  /**
   * The image is here: size, digest, signature, metadata against image; what the bootloader would refuse must fail here.
   * Also asked after a power cut, about what the storage holds (who cannot tell any more answers false). `done` may be
   * called at once, and counts only while this update waits for it; `reason` is for the log.
   */
  verify(imageIndex: number, metadata: Uint8Array, done: (ok: boolean, reason?: string) => void): void;
  /**
   * Runs the new image, usually by a restart, after which the server is told {@link FirmwareUpdateServer.applied} before
   * {@link FirmwareUpdateServer.start}. Without a restart call `done` when {@link images} shows the outcome. Called again
   * after a power-on that neither has followed.
   */
  apply(imageIndex: number, done: (ok: boolean) => void): void;
  /** The update ended before it was applied (cancelled, replaced, or its transfer failed): the storage may be freed. */
  abandoned?(imageIndex: number): void;
}
