import { describe, expect, it } from 'vitest';
import { DEFAULT_CONTROLLER } from './advertiser.ts';
import { airTimeMicroseconds, eventAirTimeMicroseconds } from './radio-airtime.ts';
import { airBoundSeconds, chunkSegments, imageSegments, settingsBoundSeconds } from './radio-bounds.ts';

const KIB_256 = 256 * 1024;

describe('air time [spec/blob.md 14.1]', () => {
  it.each([
    ['full segment', 29, 376],
    ['segment acknowledgment', 24, 336],
    ['BLOB Block Get', 20, 304],
  ])('%s', (_, octets, microseconds) => {
    expect(airTimeMicroseconds(octets)).toBe(microseconds);
    expect(eventAirTimeMicroseconds(octets)).toBe(3 * microseconds);
  });
});

describe('segments [spec/blob.md 14.3]', () => {
  it.each([
    [1, 1],
    [8, 1],
    [9, 2],
    [17, 2],
    [29, 3],
    [65, 6],
    [377, 32],
  ])('a chunk of %i octets takes %i', (chunk, segments) => {
    expect(chunkSegments(chunk)).toBe(segments);
  });

  it('counts the PDUs of 256 KiB for the sizes of the specification page', () => {
    expect(imageSegments(KIB_256)).toBe(22_272);
    expect(imageSegments(KIB_256, 53, 2048)).toBe(24_832);
    expect(imageSegments(KIB_256, 17)).toBe(30_848);
    expect(imageSegments(KIB_256, 8)).toBe(32_768);
  });

  it('counts a last block that is shorter', () => {
    expect(imageSegments(4096 + 380)).toBe(imageSegments(4096) + 32 + 1);
    expect(() => imageSegments(0)).toThrow(expect.objectContaining({ code: 'bad-image-size' }));
  });
});

describe('air bound [spec/blob.md 14.5]', () => {
  it('is 25.1 s of segments and 0.12 s of control for 256 KiB to one target', () => {
    const bound = airBoundSeconds(KIB_256, 1);
    // 64 blocks of 348 segments, the last of each with 9 octets instead of 12.
    const segments = (22_272 * 1128 - 64 * 3 * 24) / 1e6;
    const perBlock = (64 * 3 * (336 + 304)) / 1e6;
    expect(segments).toBeCloseTo(25.1, 1);
    expect(perBlock).toBeCloseTo(0.12, 2);
    // Transfer Start in two segments (12 and 10 octets) and Transfer Get.
    const once = (3 * (376 + 8 * 45) + 3 * 304) / 1e6;
    expect(bound).toBeCloseTo(segments + perBlock + once, 9);
  });

  it('does not depend on the number of targets until their answers fill the medium', () => {
    expect(airBoundSeconds(KIB_256, 100)).toBe(airBoundSeconds(KIB_256, 1));
    expect(airBoundSeconds(KIB_256, 1000)).toBeGreaterThan(airBoundSeconds(KIB_256, 100) * 1.5);
  });
});

describe('settings bound [design/interfaces.md]', () => {
  it('is 557 s for 256 KiB through one set of 20 ms, a quarter of it with four', () => {
    expect(settingsBoundSeconds(KIB_256, 10, DEFAULT_CONTROLLER)).toBeCloseTo(556.8, 6);
    expect(settingsBoundSeconds(KIB_256, 10, { ...DEFAULT_CONTROLLER, sets: 4 })).toBeCloseTo(139.2, 6);
  });

  it('is segments × (1.13 ms + re-arm) for single events, never below the air bound', () => {
    const single = { ...DEFAULT_CONTROLLER, kind: 'single', rearmMs: 1 } as const;
    expect(settingsBoundSeconds(KIB_256, 10, single)).toBeCloseTo((22_272 * 2.13) / 1000, 6);
    expect(settingsBoundSeconds(KIB_256, 10, { ...single, sets: 4 })).toBe(airBoundSeconds(KIB_256, 10));
  });
});
