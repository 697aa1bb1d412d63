import type { TargetApplication } from './target-application.ts';

/**
 * The Firmware Information List of a device that is made of several parts, such as an application core, a network core and
 * a file: the images of the first one, then those of the next, so that each part sees its own indexes from 0 on. How many
 * images a part has must not change while the list is in use: clients know images by their index.
 */
export function combineTargets(parts: readonly TargetApplication[]): TargetApplication {
  const at = (imageIndex: number): { part: TargetApplication; index: number } => {
    let index = imageIndex;
    for (const part of parts) {
      const count = part.images().length;
      if (index < count) return { part, index };
      index -= count;
    }
    throw new RangeError(`image index ${imageIndex} is past the list`); // the server asks for none of these
  };
  return {
    images: () => parts.flatMap((part) => part.images()),
    check: (imageIndex, metadata) => {
      const { part, index } = at(imageIndex);
      return part.check(index, metadata);
    },
    start: (imageIndex, metadata) => {
      const { part, index } = at(imageIndex);
      return part.start(index, metadata);
    },
    recover: (imageIndex, metadata) => {
      const { part, index } = at(imageIndex);
      return part.recover(index, metadata);
    },
    verify: (imageIndex, metadata, done) => {
      const { part, index } = at(imageIndex);
      part.verify(index, metadata, done);
    },
    apply: (imageIndex, done) => {
      const { part, index } = at(imageIndex);
      part.apply(index, done);
    },
    abandoned: (imageIndex) => {
      const { part, index } = at(imageIndex);
      part.abandoned?.(index);
    },
  };
}
