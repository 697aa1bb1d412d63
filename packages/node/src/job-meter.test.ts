import { VirtualClock } from '@meshferry/core';
import { describe, expect, it } from 'vitest';
import { JobMeter } from './job-meter.ts';

describe('the figures of a transfer', () => {
  it('measure the rate from the first block on', () => {
    const { clock, meter } = started();
    clock.advance(10_000);
    meter.take({ type: 'progress', percent: 40, acknowledged: 4000, receivers: [] });
    expect(meter.bytesPerSecond).toBe(400);
    expect(meter.secondsLeft).toBe(15);
  });

  it('do not count what a resumed transfer found there', () => {
    const clock = new VirtualClock();
    const meter = new JobMeter(clock, 10_000);
    meter.take({ type: 'progress', percent: 0, acknowledged: 0, receivers: [] });
    meter.take({ type: 'progress', percent: 50, acknowledged: 5000, receivers: [] });
    meter.take({ type: 'block', number: 5, of: 10, chunkSize: 53 });
    clock.advance(1000);
    expect(meter.bytesPerSecond).toBeNull();
    meter.take({ type: 'progress', percent: 51, acknowledged: 5100, receivers: [] });
    expect(meter.bytesPerSecond).toBe(100);
  });

  it('of somebody else follow the percent alone', () => {
    const clock = new VirtualClock();
    const meter = new JobMeter(clock, 10_000);
    meter.reach(20);
    clock.advance(5000);
    meter.reach(30);
    expect(meter).toMatchObject({ percent: 30, bytesPerSecond: 200, secondsLeft: 35 });
  });

  it('are whole when the transfer is', () => {
    const { meter } = started();
    meter.take({ type: 'capabilities', mode: 'push', blockSizeLog: 10, blocks: 10, maxChunkSize: 377 });
    meter.take({ type: 'chunks', sent: 7, resent: 2, bytes: 700 });
    meter.take({ type: 'done', outcome: 'complete', receivers: [] });
    expect(meter).toMatchObject({ percent: 100, blocksDone: 10, blocks: 10, chunksSent: 7, chunksResent: 2 });
  });
});

function started(): { clock: VirtualClock; meter: JobMeter } {
  const clock = new VirtualClock();
  const meter = new JobMeter(clock, 10_000);
  meter.take({ type: 'block', number: 0, of: 10, chunkSize: 53 });
  return { clock, meter };
}
