import { describe, expect, it } from 'vitest';
import { combineTargets } from './target-composite.ts';
import { Device } from './testing/device.ts';

const image = (id: number) => ({ firmwareId: Uint8Array.of(0x59, 0, id) });

describe('a device of several parts', () => {
  const first = new Device({ firmwareId: image(1).firmwareId, moreImages: [image(2)] });
  const none = { ...new Device(), images: () => [] };
  const last = new Device({ firmwareId: image(3).firmwareId });
  const device = combineTargets([first, none as never, last]);
  const metadata = new Uint8Array(40);

  it('has the images of all of them in order', () => {
    expect(device.images()).toEqual([image(1), image(2), image(3)]);
    expect(combineTargets([]).images()).toEqual([]);
  });

  it.each([
    [0, first, 0],
    [1, first, 1],
    [2, last, 0],
  ])('asks the part that has image %s, by its own index', (index, part, inner) => {
    const asked: unknown[] = [];
    part.check = (...all) => {
      asked.push(all);
      return { accept: true, effect: 2 };
    };
    part.recover = ((...all: unknown[]) => void asked.push(all)) as never;
    part.start = ((...all: unknown[]) => {
      asked.push(all);
      return { refuse: 'busy' };
    }) as never;
    part.verify = (at, octets, done) => {
      asked.push([at, octets]);
      done(false, 'no');
    };
    part.apply = (at, done) => {
      asked.push([at]);
      done(true);
    };
    part.abandoned = (at) => asked.push([at]);
    expect(device.check(index, metadata)).toEqual({ accept: true, effect: 2 });
    expect(device.recover(index, metadata)).toBeUndefined();
    expect(device.start(index, metadata)).toEqual({ refuse: 'busy' });
    const told: unknown[] = [];
    device.verify(index, metadata, (...all) => told.push(all));
    device.apply(index, (...all) => told.push(all));
    device.abandoned?.(index);
    expect(told).toEqual([[false, 'no'], [true]]);
    const all = [inner, metadata];
    expect(asked).toEqual([all, all, all, all, [inner], [inner]]);
  });

  it('knows no image past the list', () => {
    expect(() => device.check(3, metadata)).toThrow(RangeError);
  });
});
