import type { Field } from './field.ts';
import { uint } from './number-fields.ts';

/** A NetKey or AppKey Index in two octets; above 0xFFF is prohibited [Mesh Protocol 1.1, 4.3.1.1]. */
export const keyIndex = (): Field<number> => uint(16, { max: 0xfff });

/**
 * Key indexes to the end of the message, in any number: pairs in three octets, the first index in the low 12 bits, then
 * a single one in two [4.3.1.1]. For a pair alone declare two fields of `uint(12)`.
 */
export function keyIndexList(): Field<number[]> {
  const single = keyIndex();
  const half = uint(12);
  return {
    layout: { kind: 'keyIndexes' },
    write: (writer, indexes, soFar) => {
      const paired = indexes.length - (indexes.length % 2);
      for (let i = 0; i < paired; i++) half.write(writer, indexes[i] as number, soFar);
      if (paired < indexes.length) single.write(writer, indexes[paired] as number, soFar);
    },
    read: (reader, soFar) => {
      const indexes: number[] = [];
      while (reader.remaining >= 3) indexes.push(half.read(reader, soFar), half.read(reader, soFar));
      if (reader.remaining > 0) indexes.push(single.read(reader, soFar));
      return indexes;
    },
  };
}
