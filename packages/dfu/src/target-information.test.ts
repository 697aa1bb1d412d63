import { fromHex } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { FirmwareUpdateInformationStatus } from './firmware-update-messages.ts';
import type { TargetImage } from './target-application.ts';
import { informationStatus } from './target-information.ts';

describe('Firmware Information List in messages', () => {
  const images = (count: number, length: number): TargetImage[] =>
    Array.from({ length: count }, (_, i) => ({ firmwareId: new Uint8Array(length).fill(i) }));

  for (const [count, length] of [
    [0, 2],
    [1, 108],
    [3, 10],
    [255, 2],
    [255, 108],
  ] as const) {
    it(`pages through ${count} images of ${length} octets`, () => {
      const list = images(count, length);
      const seen: Uint8Array[] = [];
      do {
        const page = informationStatus(list, seen.length, 255);
        expect(FirmwareUpdateInformationStatus.encode(page).length).toBeLessThanOrEqual(380);
        expect(page.listCount).toBe(count);
        seen.push(...page.entries.map(({ firmwareId }) => firmwareId));
        if (page.entries.length === 0) break;
      } while (seen.length < count);
      expect(seen).toEqual(list.map(({ firmwareId }) => firmwareId));
    });
  }

  it('keeps to the limit, and is empty past the end', () => {
    const list = images(3, 4);
    expect(informationStatus(list, 0, 0).entries).toHaveLength(0);
    expect(informationStatus(list, 1, 1).entries).toEqual([{ firmwareId: list[1]!.firmwareId, updateUri: '' }]);
    expect(informationStatus(list, 3, 255)).toEqual({ listCount: 3, firstIndex: 3, entries: [] });
    expect(informationStatus(list, 200, 255).entries).toHaveLength(0);
  });

  it('counts the octets of a URI, not its letters', () => {
    const updateUri = 'ü'.repeat(120);
    const page = informationStatus([{ firmwareId: fromHex('5900'), updateUri }, ...images(20, 30)], 0, 255);
    expect(FirmwareUpdateInformationStatus.encode(page).length).toBeLessThanOrEqual(380);
  });
});
