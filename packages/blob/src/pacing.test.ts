import { describe, expect, it } from 'vitest';
import { AutoStrategy } from './auto-strategy.ts';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { Estimates } from './estimates.ts';
import { inCopies } from './outgoing-block.ts';
import { Receiver } from './receiver.ts';

const CHUNKS_OF_8 = { minChunkSize: 8, maxChunkSize: 8 };

function receivers(): Receiver[] {
  return Array.from({ length: 10 }, (_, i) => {
    const receiver = new Receiver({ address: 0x0100 + i });
    receiver.capabilities = DEFAULT_CAPABILITIES;
    return receiver;
  });
}

describe('copies of unsegmented chunks', () => {
  it('are messages of their own, a few chunks later: delayed copies of a PDU come too late for replay protection', () => {
    expect(inCopies([0, 1, 2, 3, 4, 5, 9], 2)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 9, 5, 9]);
    expect(inCopies([0, 1, 2], 1)).toEqual([0, 1, 2]);
  });
});

describe('segments of a fast bearer', () => {
  const fast = new Estimates();
  fast.observeRequestPace(2);

  it('get copies between them: what that saves in repairs costs nothing', () => {
    const strategy = new AutoStrategy(fast, 50_000);
    const sending = strategy.sending(12, { minChunkSize: 16, maxChunkSize: 65 }, receivers(), true, () => false);
    expect(sending.copies).toBeGreaterThan(1);
    expect(strategy.groupChunk(sending.copies, false).transmit).toEqual({ count: sending.copies, intervalMs: 10 });
  });

  it('get none for nothing where each event takes its time', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const sending = strategy.sending(12, { minChunkSize: 16, maxChunkSize: 65 }, receivers(), true, () => false);
    expect(strategy.groupChunk(sending.copies, false).transmit).toEqual({ count: 1, intervalMs: 20 });
  });
});

describe('round trips', () => {
  it('are estimated apart for short and long answers: a lost short one is missed soon, a long one awaited', () => {
    const estimates = new Estimates();
    for (let i = 0; i < 50; i++) {
      estimates.observeRoundTrip(30 + 10 * (i % 2), false);
      estimates.observeRoundTrip(400 + 200 * (i % 2), true);
    }
    expect(estimates.answerTimeoutMs(false)).toBe(80);
    expect(new Estimates().answerTimeoutMs(false)).toBeGreaterThan(300);
    expect(estimates.answerTimeoutMs(true)).toBeGreaterThan(600);
  });
});

describe('what copies are worth', () => {
  it('shows in what is missed in spite of them, whatever the loss of single events is', () => {
    const estimates = new Estimates();
    const all = receivers();
    for (const receiver of all) Object.assign(receiver, { loss: 0.2, lossWeight: 1e6, singleLoss: 0.2 });
    const assumed = estimates.jointLoss(2);
    expect(assumed).toBeCloseTo(0.8, 5);
    const passes = all.map((receiver) => ({ receiver, chunks: 1000, missed: 10 }));
    for (let i = 0; i < 20; i++) estimates.observeLoss(passes, 1, 2);
    expect(estimates.jointLoss(2)).toBeCloseTo(0.25, 1);
    expect(estimates.jointLoss(3)).toBe(assumed);
    expect(estimates.jointLoss(1)).toBe(1);
  });
});

describe('the pace of the bearer', () => {
  it('shows in the first requests, and decides on chunks: unsegmented ones where events are single', () => {
    const sendingAt = (pace: number) => {
      const estimates = new Estimates();
      estimates.observeRequestPace(pace);
      const strategy = new AutoStrategy(estimates, 50_000);
      return strategy.sending(14, { minChunkSize: 8, maxChunkSize: 377 }, receivers(), true, () => false);
    };
    expect(sendingAt(2)).toEqual({ chunkSize: 8, copies: 1, byUnicast: false });
    expect(sendingAt(25)).toEqual({ chunkSize: 29, copies: 1, byUnicast: false });
  });

  it('is that of chunks as soon as these were sent', () => {
    const estimates = new Estimates();
    estimates.observeRequestPace(2);
    estimates.observePace(100, 1000, false);
    expect(estimates.unsegmentedMs).toBe(6);
    estimates.observeRequestPace(2);
    expect(estimates.unsegmentedMs).toBe(6);
  });

  it('is asked for one by one before the group is asked', () => {
    const estimates = new Estimates();
    const strategy = new AutoStrategy(estimates, 50_000);
    const all = Array.from({ length: 60 }, (_, i) => new Receiver({ address: 0x100 + i }));
    expect(strategy.asksGroup(all, 60, 0)).toBe(false);
    estimates.observeRequestPace(25);
    expect(strategy.asksGroup(all, 60, 0)).toBe(true);
  });

  it('lets single events win no copies where nothing is lost', () => {
    const estimates = new Estimates();
    estimates.observeRequestPace(2);
    const all = receivers();
    for (let i = 0; i < 20; i++) {
      estimates.observeLoss(
        all.map((receiver) => ({ receiver, chunks: 256, missed: 0 })),
        1,
        2,
      );
    }
    const { copies } = new AutoStrategy(estimates, 50_000).sending(11, CHUNKS_OF_8, all, true, () => false);
    expect(copies).toBe(1);
  });
});
