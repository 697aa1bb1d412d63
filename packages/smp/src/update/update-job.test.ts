import { describe, expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { imagesOf, NEW, UpdateBench } from './testing/update-bench.ts';

describe('an update', () => {
  test('uploads, tests, resets, looks what runs, and confirms', async () => {
    const bench = new UpdateBench();
    const report = await bench.update(await imagesOf(testImage(NEW)));
    expect(report.error).toBe(null);
    expect(report.outcome).toBe('updated');
    expect(bench.running).toEqual([`${NEW} in 0`]);
    expect(bench.isConfirmed()).toBe(true);
    expect(bench.phases).toEqual([
      'connecting',
      'examining',
      'uploading',
      'testing',
      'resetting',
      'waiting',
      'reconnecting',
      'checking',
      'confirming',
      'done',
    ]);
  });
});
