import type { BlobSink } from '@meshferry/blob';
import { fromHex, toHex } from '@meshferry/core';
import type { TargetApplication, TargetImage, TargetStart } from '@meshferry/dfu';

/** Metadata of the tester settings, of another image, of one whose metadata are refused. */
export const METADATA = '1100000000000011';
export const OTHER_METADATA = '2200000000000022';
export const REFUSED_METADATA = 'ff';
export const OLD_ID = '11000010';
export const NEW_ID = '11000011';

/** The effect of each image that a device knows: none of them zero, so that it shows in octets. */
const EFFECTS: Readonly<Record<string, number>> = { [METADATA]: 2, [OTHER_METADATA]: 1 };

/**
 * The application of a Target under test: two images, a flash that outlives power cuts; verification and apply end when
 * the case says so.
 */
export class TargetDevice implements TargetApplication {
  list: TargetImage[] = [{ firmwareId: fromHex(OLD_ID) }, { firmwareId: fromHex('110000ff') }];
  /** What the server asked of it, in order. */
  readonly calls: string[] = [];
  refuses: 'resources' | 'busy' | 'internal' | undefined;
  /** Exactly the image that is asked for is in the flash. */
  isThere = false;
  /** The flash is lost in a power cut. */
  isFlashLost = false;
  content: Uint8Array = new Uint8Array(0);
  /** Octets of the BLOB that were written, block by block. */
  readonly writes: number[] = [];
  verified: ((ok: boolean) => void) | undefined;
  applied: ((ok: boolean) => void) | undefined;

  images(): readonly TargetImage[] {
    return this.list;
  }

  check(_: number, metadata: Uint8Array): { accept: boolean; effect: number } {
    const hex = toHex(metadata);
    return { accept: hex !== REFUSED_METADATA, effect: EFFECTS[hex] ?? 0 };
  }

  start(imageIndex: number, metadata: Uint8Array): TargetStart {
    this.calls.push(`start ${imageIndex} ${toHex(metadata)}`);
    if (this.refuses !== undefined) return { refuse: this.refuses };
    if (this.isThere) return { alreadyThere: true };
    return { sink: this.#sink() };
  }

  recover(imageIndex: number): BlobSink | undefined {
    this.calls.push(`recover ${imageIndex}`);
    return this.isFlashLost ? undefined : this.#sink();
  }

  verify(imageIndex: number, _: Uint8Array, done: (ok: boolean) => void): void {
    this.calls.push(`verify ${imageIndex}`);
    this.verified = done;
  }

  apply(imageIndex: number, done: (ok: boolean) => void): void {
    this.calls.push(`apply ${imageIndex}`);
    this.applied = done;
  }

  abandoned(imageIndex: number): void {
    this.calls.push(`abandoned ${imageIndex}`);
  }

  #sink(): BlobSink {
    return {
      begin: (_, size) => {
        this.content = new Uint8Array(size);
        return true;
      },
      block: (offset, data) => {
        this.content.set(data, offset);
        this.writes.push(offset);
        return true;
      },
    };
  }
}
