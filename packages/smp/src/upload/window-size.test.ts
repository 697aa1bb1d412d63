import { describe, expect, it } from 'vitest';
import { WindowSize } from './window-size.ts';

describe('the window', () => {
  const arrive = (size: WindowSize, count: number) => {
    for (let i = 0; i < count; i++) size.arrived();
    return size.now;
  };
  const lose = (size: WindowSize, count: number, isSilence: boolean) => {
    for (let i = 0; i < count; i++) size.lost(isSilence);
    return size.now;
  };

  it('stays as it is where chunks are lost now and then', () => {
    const size = new WindowSize(3);
    for (let i = 0; i < 20; i++) {
      size.lost(i % 2 === 0);
      expect(arrive(size, 10)).toBe(3);
    }
  });

  it('becomes smaller where they are lost again and again: down to two while later ones are heard, to one where not', () => {
    const heard = new WindowSize(4);
    expect([lose(heard, 3, false), lose(heard, 1, false)]).toEqual([4, 3]);
    expect([lose(heard, 4, false), lose(heard, 8, false)]).toEqual([2, 2]);
    expect(lose(heard, 4, true)).toBe(1);
  });

  it('grows again when all arrives, and more rarely when that was wrong', () => {
    const size = new WindowSize(2);
    lose(size, 4, true);
    expect([arrive(size, 15), arrive(size, 1)]).toEqual([1, 2]);
    lose(size, 4, true);
    expect([arrive(size, 31), arrive(size, 1)]).toEqual([1, 2]);
  });

  it('is not to blame for what is lost when chunks go one by one', () => {
    const size = new WindowSize(3);
    lose(size, 8, true);
    expect(size.now).toBe(1);
    expect(lose(size, 4, true)).toBe(3);
  });

  it('can be one for good', () => {
    const size = new WindowSize(5);
    size.fixToOne();
    lose(size, 9, true);
    expect(arrive(size, 1000)).toBe(1);
  });
});
