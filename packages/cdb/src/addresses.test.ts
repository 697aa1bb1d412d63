import type { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { elementCount, excludedAddresses, freeUnicastRange, isFree, nodeAt } from './addresses.ts';
import { excludeAddresses, pruneExclusions } from './exclusions.ts';
import type { NetworkDocument } from './model.ts';
import { updateProvisioner } from './provisioners.ts';
import { sample } from './testing/samples.ts';

const PHONE = '2DDAD536-F696-4C03-BF58-28989B48A711';
const full = sample();
/** The phone with one range; Lamp 1 is 0200 and 0201, the Sensor 0210; 0220 and 0221 are excluded at IV Index 0, 0222 at 1. */
const within = (lowAddress: string, highAddress: string): NetworkDocument =>
  updateProvisioner(full, PHONE, { allocatedUnicastRange: [{ lowAddress, highAddress }] });
const free = (document: NetworkDocument, count: number, ivIndex?: number): number =>
  freeUnicastRange(document, { provisioner: PHONE, count, ivIndex });

describe('freeUnicastRange', () => {
  it('gives the first addresses in a row that no node has', () => {
    expect(free(full, 1, 0)).toBe(0x0002);
    expect(free(within('0200', '02FF'), 1, 5)).toBe(0x0202);
    expect(free(within('0200', '02FF'), 14, 5)).toBe(0x0202);
    expect(free(within('0200', '02FF'), 15, 5)).toBe(0x0211);
  });

  it('goes round addresses that are excluded at this IV Index and the one before', () => {
    const document = within('0220', '0225');
    expect(free(document, 1, 0)).toBe(0x0223); // 0222 is excluded at an IV Index that this process has not heard of yet.
    expect(free(document, 1, 1)).toBe(0x0223);
    expect(free(document, 1, 2)).toBe(0x0220);
    expect(free(document, 3, 2)).toBe(0x0223);
    expect(free(document, 3, 3)).toBe(0x0220);
    expect(free(document, 1)).toBe(0x0223);
  });

  it('takes adjacent ranges for one, and goes round what is reserved', () => {
    const allocatedUnicastRange = [
      { lowAddress: '0404', highAddress: '0407' },
      { lowAddress: '0400', highAddress: '0403' },
    ];
    const document = { ...full, provisioners: [{ ...full.provisioners[0]!, allocatedUnicastRange }] };
    expect(free(document, 8, 0)).toBe(0x0400);
    const reserved = [{ address: 0x0401, count: 2 }];
    expect(freeUnicastRange(document, { provisioner: PHONE, count: 2, ivIndex: 0, reserved })).toBe(0x0403);
  });

  it('says what to do when there is no room', () => {
    const refusal = (): MeshError => {
      try {
        free(within('0220', '0222'), 2, 1);
      } catch (thrown) {
        return thrown as MeshError;
      }
      throw new Error('there was room');
    };
    expect(refusal()).toMatchObject({
      code: 'addresses-exhausted',
      message: 'provisioner "Phone" has no 2 free addresses in a row: its ranges are 0220 to 0222',
      hint: expect.stringMatching(
        /another range.*3 addresses of removed nodes come free when the IV Index has grown by two/,
      ),
    });
    const none = updateProvisioner(full, PHONE, { allocatedUnicastRange: [] });
    expect(() => free(none, 1, 0)).toThrow('it has no range at all');
  });

  it('refuses counts that no node has, and unknown provisioners', () => {
    expect(() => free(full, 0)).toThrow('1 to 255');
    expect(() => free(full, 256)).toThrow('1 to 255');
    expect(() => freeUnicastRange(full, { provisioner: 'X', count: 1, ivIndex: 0 })).toThrow('no provisioner X');
  });
});

describe('isFree', () => {
  it.each([
    [0x0202, 1, true],
    [0x01ff, 2, false],
    [0x0201, 1, false],
    [0x0220, 1, false],
    [0x0000, 1, false],
    [0x7fff, 1, true],
    [0x7fff, 2, false],
    [0xc000, 1, false],
    [0x0400, 0, false],
  ])('%i and %i following: %s', (address, count, expected) =>
    expect(isFree(full, { address, count }, 0)).toBe(expected),
  );
});

describe('exclusion lists', () => {
  it('take addresses once, in order, in the list of their IV Index', () => {
    const document = excludeAddresses(full, 1, [0x0230, 0x0222, 0x0210, 0x0230]);
    expect(document.networkExclusions).toEqual([
      { ivIndex: 0, addresses: ['0220', '0221'] },
      { ivIndex: 1, addresses: ['0210', '0222', '0230'] },
    ]);
    expect(excludeAddresses(full, 1, [0x0222])).toBe(full);
    const { networkExclusions: _, ...none } = full;
    expect(excludeAddresses(none, 7, [1]).networkExclusions).toEqual([{ ivIndex: 7, addresses: ['0001'] }]);
    expect(() => excludeAddresses(full, -1, [1])).toThrow('not an IV Index');
  });

  it('run out two IV Indexes later', () => {
    expect(pruneExclusions(full, 1)).toBe(full);
    expect(pruneExclusions(full, 2).networkExclusions?.map(({ ivIndex }) => ivIndex)).toEqual([1]);
    expect(pruneExclusions(full, 3).networkExclusions).toEqual([]);
    expect([...excludedAddresses(full, 2)]).toEqual([0x0222]);
    expect([...excludedAddresses(full, 3)]).toEqual([]);
  });
});

it('a node is found by the address of any of its elements', () => {
  expect(nodeAt(full, 0x0201)?.name).toBe('Lamp 1');
  expect(nodeAt(full, 0x0202)).toBeUndefined();
  expect(elementCount({ ...full.nodes[0]!, elements: [] })).toBe(1);
});
