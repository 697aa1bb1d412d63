import { fromHex, toHex } from '@meshferry/core';
import { describe, expect, test } from 'vitest';
import { mcubootVectors } from './testing/vectors.ts';
import { readTrailer, swapInfoOctet, trailerLayout, trailerMagic } from './trailer-layout.ts';

describe('the trailer of a slot', () => {
  test.each(mcubootVectors.trailers)('is laid out and read as the image tool pads it: $name', (vector) => {
    const { writeSize, slotSize } = vector;
    const layout = trailerLayout({ writeSize });
    expect(layout.maxAlign).toBe(vector.maxAlign);
    expect(slotSize - layout.imageOk).toBe(vector.imageOkOffset);
    expect(slotSize - layout.copyDone).toBe(vector.copyDoneOffset);
    expect(slotSize - layout.swapInfo).toBe(vector.swapInfoOffset);
    expect(slotSize - layout.swapSize).toBe(vector.swapSizeOffset);
    expect(layout.status).toBe(vector.trailerSizeFor128Sectors);
    expect(toHex(trailerMagic(layout.maxAlign))).toBe(vector.magic);
    expect(readTrailer(fromHex(vector.tail), layout)).toEqual({
      magic: 'good',
      swapType: 'none',
      image: 0,
      copyDone: 'unset',
      imageOk: vector.imageOk === 1 ? 'set' : 'unset',
      swapInfo: 0xff,
    });
  });

  test('is unset where the flash is erased, and bad with any other octet', () => {
    const layout = trailerLayout({ writeSize: 4 });
    const slot = new Uint8Array(4096).fill(0xff);
    expect(readTrailer(slot, layout)).toMatchObject({ magic: 'unset', imageOk: 'unset', copyDone: 'unset' });
    slot[4095] = 0x80;
    slot[4096 - layout.imageOk] = 3;
    slot[4096 - layout.copyDone] = 0;
    expect(readTrailer(slot, layout)).toMatchObject({ magic: 'bad', imageOk: 'bad', copyDone: 'bad' });
  });

  test('of another alignment has a magic that is not good', () => {
    const slot = new Uint8Array(4096).fill(0xff);
    slot.set(trailerMagic(16), 4080);
    expect(readTrailer(slot, trailerLayout({ writeSize: 16 })).magic).toBe('good');
    expect(readTrailer(slot, trailerLayout({ writeSize: 8 })).magic).toBe('bad');
  });

  test('names swap and image in one octet, and no swap in any that is not known', () => {
    const layout = trailerLayout({ writeSize: 8 });
    const named = (octet: number) => {
      const slot = new Uint8Array(64).fill(0xff);
      slot[64 - layout.swapInfo] = octet;
      const { swapType, image } = readTrailer(slot, layout);
      return [swapType, image];
    };
    for (const type of ['none', 'test', 'perm', 'revert'] as const) {
      expect(named(swapInfoOctet(type, 1))).toEqual([type, 1]);
    }
    expect(swapInfoOctet('perm', 1)).toBe(0x13);
    expect(named(0x15)).toEqual(['none', 0]);
  });
});
