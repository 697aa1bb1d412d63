import { describe, expect, test } from 'vitest';
import { testImage } from '../bootloader/testing/boot-bench.ts';
import { imagesOf, NEW, OLD, UpdateBench } from './testing/update-bench.ts';
import { readSmpUpdate } from './update-record.ts';

const images = await imagesOf(testImage(NEW));
const net = await imagesOf(testImage('2.0.0+0'), { image: 1, slot: 1 });
const both = [...images, ...net];
const twoCores = { old: [testImage(OLD), testImage('0.9.9+7')] };

describe('several images, when no mode is asked for', () => {
  test.each([
    ['both', both, [`${NEW} in 0`, '2.0.0+0 in 0']],
    ['image 1 alone', net, [`${OLD} in 0`, '2.0.0+0 in 0']],
  ])('are confirmed before the reset where they are swapped, and that is said: %s', async (_, sent, running) => {
    const bench = new UpdateBench(twoCores);
    const job = bench.job(sent);
    const plan = await bench.finish(job.inspect());
    expect(plan.mode).toBe('confirm-only');
    const notes = plan.notes.filter(({ code }) => code === 'several-images' || code === 'no-way-back');
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatchObject({ severity: 'warning' });
    expect(notes[0]!.message).toContain('--mode test-and-confirm');
    expect(await bench.finish(job.run())).toMatchObject({ outcome: 'updated', error: null, stats: { resets: 1 } });
    expect(bench.running).toEqual(running);
  });

  test('go on in the mode that was chosen', async () => {
    const bench = new UpdateBench(twoCores);
    const job = bench.job(both);
    bench.carries = () => {
      if (bench.progress.at(-1)!.percent > 60) job.suspend();
      return true;
    };
    expect(await bench.finish(job.run())).toMatchObject({ outcome: 'suspended', resumable: true });
    expect(readSmpUpdate(bench.store)?.mode).toBe('confirm-only');
    bench.carries = () => true;
    expect(await bench.update(both)).toMatchObject({ outcome: 'updated', error: null });
  });

  test('an unfinished update goes on in the mode that was asked for', async () => {
    const bench = new UpdateBench();
    const job = bench.job(images, { mode: 'test-only' });
    bench.carries = () => {
      if (bench.phases.at(-1) === 'testing') job.suspend();
      return true;
    };
    expect(await bench.finish(job.run())).toMatchObject({ outcome: 'suspended' });
    bench.carries = () => true;
    expect(await bench.update(images)).toMatchObject({ outcome: 'unconfirmed' });
  });

  test('are tried first where only image 0 is new, or the mode is asked for', async () => {
    const bench = new UpdateBench({ old: [testImage(OLD), testImage('2.0.0+0')] });
    expect((await bench.finish(bench.job(both).inspect())).mode).toBe('test-and-confirm');
    const insisting = new UpdateBench(twoCores);
    const plan = await insisting.finish(insisting.job(both, { mode: 'test-and-confirm' }).inspect());
    expect(plan.mode).toBe('test-and-confirm');
    const note = plan.notes.find(({ code }) => code === 'several-images');
    expect(note).toMatchObject({ severity: 'warning', message: expect.stringContaining('the next reset') });
  });
});
