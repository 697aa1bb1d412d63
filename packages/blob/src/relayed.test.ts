import { describe, expect, it } from 'vitest';
import { AutoStrategy } from './auto-strategy.ts';
import { Estimates } from './estimates.ts';
import { Receiver } from './receiver.ts';

const BOUNDS = { minChunkSize: 16, maxChunkSize: 377 };

/** So many receivers whose answers have come over `relays` relays. */
function receivers(count: number, relays: number): Receiver[] {
  return Array.from({ length: count }, (_, i) => {
    const receiver = new Receiver({ address: 0x100 + i });
    receiver.heardWith(6 - relays, 6);
    return receiver;
  });
}

describe('receivers behind relays', () => {
  const chosen = (estimates: Estimates, all: readonly Receiver[]) =>
    new AutoStrategy(estimates, 50_000).sending(12, BOUNDS, all, true, () => false);

  it('get two copies of each PDU, no faster than relays pass them on; those in reach one', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const sending = strategy.sending(12, BOUNDS, receivers(6, 3), true, () => false);
    expect(sending).toMatchObject({ copies: 2, byUnicast: false });
    expect(strategy.groupChunk(sending.copies, true)).toMatchObject({
      sar: { segmentIntervalStep: 5 },
      transmit: { count: 2 },
    });
    const near = strategy.sending(12, BOUNDS, receivers(6, 0), true, () => false);
    expect(strategy.groupChunk(near.copies, false).sar).toMatchObject({ segmentIntervalStep: 0 });
  });

  it('get messages as far apart as their segments, and none of one PDU, which would not be', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    // The second copy leaves 20 ms after the first one.
    expect(strategy.relayPauseMs(1)).toBe(60);
    expect(strategy.relayPauseMs(2)).toBe(40);
    const bounds = { minChunkSize: 8, maxChunkSize: 17 };
    const sizeFor = (relays: number) => {
      const estimates = new Estimates();
      const all = receivers(6, relays);
      const passes = all.map((receiver) => ({ receiver, chunks: 400, missed: 160 }));
      estimates.observeLoss(passes, 1, 1);
      return new AutoStrategy(estimates, 50_000).sending(11, bounds, all, true, () => false).chunkSize;
    };
    expect([sizeFor(0), sizeFor(3)]).toEqual([8, 17]);
  });

  it('do not slow down what goes to those in reach, whoever was considered in between', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const near = receivers(6, 0);
    const waitMs = strategy.groupWaitMs(near);
    strategy.blockMs(4096, { chunkSize: 29, copies: 2, byUnicast: false }, receivers(6, 3), false);
    expect(strategy.groupWaitMs(near)).toBe(waitMs);
    expect(strategy.groupWaitMs(receivers(6, 3))).toBeGreaterThan(waitMs);
  });

  it('get three when most of what is sent with two gets lost: their relays are slower', () => {
    const estimates = new Estimates();
    const all = receivers(6, 3);
    estimates.observeLoss(
      all.map((receiver) => ({ receiver, chunks: 50, missed: 5 })),
      2,
      2,
    );
    expect(chosen(estimates, all).copies).toBe(2);
    estimates.observeLoss(
      all.map((receiver) => ({ receiver, chunks: 50, missed: 35 })),
      2,
      2,
    );
    expect(chosen(estimates, all).copies).toBe(3);
  });

  it('get smaller chunks the more PDUs they miss', () => {
    const [good, bad] = [new Estimates(), new Estimates()];
    const all = receivers(6, 3);
    good.observeLoss(
      all.map((receiver) => ({ receiver, chunks: 200, missed: 0 })),
      4,
      2,
    );
    const before = chosen(good, all).chunkSize;
    bad.observeLoss(
      all.map((receiver) => ({ receiver, chunks: 200, missed: 120 })),
      4,
      2,
    );
    expect(chosen(bad, all).chunkSize).toBeLessThan(before);
  });

  it('get what they miss by the group: acknowledgments would take the relays time as well', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const sending = { chunkSize: 29, copies: 2, byUnicast: false };
    expect(strategy.repairing({ chunks: 1, pairs: 1, of: 142 }, sending, receivers(2, 2)).byUnicast).toBe(false);
  });

  it('have more time to answer, and do not make those in reach wait', () => {
    const estimates = new Estimates();
    const near = estimates.answerTimeoutMs(false);
    expect(estimates.answerTimeoutMs(false, 5)).toBe(near + 500);
    for (let i = 0; i < 50; i++) estimates.observeRoundTrip(620, false, 5);
    expect(estimates.answerTimeoutMs(false)).toBeLessThanOrEqual(near);
    expect(estimates.answerTimeoutMs(false, 5)).toBeGreaterThan(600);
  });
});
