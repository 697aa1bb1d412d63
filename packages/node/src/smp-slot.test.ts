import { MeshError } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { slotIndex } from './smp-slot.ts';

function failure(output: string, ret: number): MeshError {
  try {
    slotIndex(0x0002, 5000, { o: output, ret });
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
  }
  throw new Error('it was taken');
}

describe('what "mesh models dfu slot add" prints', () => {
  it.each([
    ['Adding slot (size: 241236)\r\nSlot added. Index: 0\r\n', 0],
    ['Adding slot (size: 20540)\nSlot added. ID: 3\n', 3],
    ['\ufffd[0mAdding slot (size: 7)\r\nSlot added. \ufffd[1;32mIndex:\ufffd[0m 12\ufffd[0m', 12],
    ['Slot added. Index: \ufffd[32m65535', 65_535],
    ['uart:~$ mesh models dfu slot add 5 00\nslot added. index:4', 4],
  ])('has the index: %j', (output, index) => {
    expect(slotIndex(0x0002, 5000, { o: output, ret: 0 })).toBe(index);
  });

  it('may say only that there is one', () => {
    expect(slotIndex(0x0002, 5000, { o: 'Failed to commit slot: -17', ret: -17 })).toBeUndefined();
  });

  it.each([
    ['Adding slot (size: 241236)\r\nFailed to reserve slot.\r\n', 0, 'no-room-on-distributor'],
    ['Adding slot (size: 1)\r\nFailed to commit slot: -12', -12, 'no-room-on-distributor'],
    ['Adding slot (size: 1)\r\nFailed to commit slot: -28', -28, 'no-room-on-distributor'],
    ['mesh: command not found\r\n', -8, 'distributor-no-slot-command'],
    ['', -8, 'distributor-no-slot-command'],
    ['dfu - DFU models commands\nSubcommands:\n  target', 1, 'distributor-no-slot-command'],
    ['slot: wrong parameter count', -22, 'distributor-no-slot-command'],
    ['Failed to commit slot: -22', -22, 'distributor-smp-refused'],
    ['', 0, 'distributor-smp-refused'],
    ['Adding slot (size: 5)', 0, 'distributor-smp-refused'],
    ['Slot added. Index: 3', -5, 'distributor-smp-refused'],
  ])('or why there is none: %j, %i', (output, ret, code) => {
    const error = failure(output, ret);
    expect(error.code).toBe(code);
    expect(error.message).toContain('Distributor 0x0002');
    expect(error.hint).toBeTruthy();
    expect(error.message).not.toContain('\n');
  });

  it('proposes the mesh where the command is missing', () => {
    expect(failure('mesh: command not found', -8).hint).toContain('--via mesh');
  });
});
