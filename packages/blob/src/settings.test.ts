import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockCount, isChunkSizeLegal } from './arithmetic.ts';
import { AutoStrategy } from './auto-strategy.ts';
import { type BlobCapabilities, DEFAULT_CAPABILITIES } from './capabilities.ts';
import { BlobStatus } from './constants.ts';
import { Estimates } from './estimates.ts';
import { Receiver } from './receiver.ts';
import { chooseMode, chooseSettings } from './settings.ts';

const SIZE = 20_000;

describe('the settings that keep most receivers', () => {
  it('are all block sizes that one receiver takes', () => {
    const { logs, refused } = chooseSettings({ size: SIZE }, 'push', [receiver({})]);
    expect(logs.map(({ log }) => log)).toEqual([8, 9, 10, 11, 12]);
    expect(logs.at(-1)?.bounds).toEqual({ minChunkSize: 16, maxChunkSize: 377 });
    expect(refused).toEqual([]);
  });

  it('do not depend on the order, and name who is refused and why', () => {
    const receivers = [
      receiver({ minBlockSizeLog: 13, maxBlockSizeLog: 14 }),
      receiver({}),
      receiver({ minBlockSizeLog: 10, maxBlockSizeLog: 10 }),
      receiver({ push: false, pull: true }),
      receiver({ maxBlobSize: SIZE - 1 }),
      receiver({ push: false, pull: false }),
    ];
    const expected = [
      BlobStatus.invalidBlockSize,
      undefined,
      undefined,
      BlobStatus.unsupportedTransferMode,
      BlobStatus.blobTooLarge,
      BlobStatus.unsupportedTransferMode,
    ];
    for (const order of [receivers, [...receivers].reverse()]) {
      const { kept, logs, refused } = chooseSettings({ size: SIZE }, 'push', order);
      expect(new Set(kept)).toEqual(new Set(receivers.slice(1, 3)));
      expect(logs.map(({ log }) => log)).toEqual([10]);
      const reasons = new Map(refused.map(({ receiver, status }) => [receiver, status]));
      expect(receivers.map((each) => reasons.get(each))).toEqual(expected);
    }
  });

  it('find a chunk size in common: small messages here, few chunks there', () => {
    const small = receiver({ minBlockSizeLog: 6, mtuSize: 20, maxChunksNumber: 1000 });
    const few = receiver({ minBlockSizeLog: 6, maxChunksNumber: 8 });
    const { logs, refused } = chooseSettings({ size: SIZE }, 'push', [small, few]);
    expect(logs).toMatchObject([{ log: 6 }, { log: 7, bounds: { minChunkSize: 16, maxChunkSize: 17 } }]);
    expect(refused).toEqual([]);
  });

  it('have no chunk that a stock pull server cannot ask for, where that can be avoided', () => {
    const small = { minBlockSizeLog: 6, maxBlockSizeLog: 15, maxChunkSize: 11, maxChunksNumber: 4096 };
    const pulled = chooseSettings({ size: SIZE }, 'pull', [receiver(small)]).logs;
    expect(pulled.map(({ log }) => log)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect(pulled.at(-1)?.bounds).toEqual({ minChunkSize: 8, maxChunkSize: 11 });
    const pushed = chooseSettings({ size: SIZE }, 'push', [receiver(small)]).logs;
    expect(pushed.at(-1)?.log).toBe(15);
    const only = chooseSettings({ size: SIZE }, 'pull', [receiver({ ...small, minBlockSizeLog: 15 })]);
    expect(only.logs.map(({ log }) => log)).toEqual([15]);
    expect(only.refused).toEqual([]);
  });

  it('count no more blocks than a Transfer Status can tell', () => {
    const { logs } = chooseSettings({ size: 0xffff_ffff }, 'push', [
      receiver({ minBlockSizeLog: 6, maxBlockSizeLog: 32 }),
    ]);
    expect(logs.every(({ log }) => blockCount(0xffff_ffff, log) <= 2888)).toBe(true);
  });

  it('always give a chunk size that all kept receivers must accept', () => {
    fc.assert(
      fc.property(fc.array(anyCapabilities, { minLength: 1, maxLength: 6 }), fc.boolean(), (all, hasGroup) => {
        const receivers = all.map((capabilities) => receiver(capabilities));
        const { kept, logs, refused } = chooseSettings({ size: SIZE }, 'push', receivers);
        expect(kept.length + refused.length).toBe(receivers.length);
        const strategy = new AutoStrategy(new Estimates(), 50_000);
        for (const { log, bounds } of logs) {
          const { chunkSize } = strategy.sending(log, bounds, kept, hasGroup, () => false);
          for (const { capabilities: limits } of kept) {
            expect(isChunkSizeLegal(chunkSize, log, { ...limits!, mtu: limits!.mtuSize })).toBe(true);
          }
        }
      }),
      { numRuns: 300 }, // a plan for a network each, no codec
    );
  });

  it('keep as many receivers as any choice of mode, block size and chunk size can', () => {
    fc.assert(
      fc.property(fc.array(anyCapabilities, { minLength: 1, maxLength: 6 }), fc.constantFrom(80, SIZE), (all, size) => {
        const receivers = all.map((capabilities) => receiver(capabilities));
        const mode = chooseMode({ size }, receivers);
        const { kept, logs, refused } = chooseSettings({ size }, mode, receivers);
        expect(kept).toHaveLength(mostByTrial(all, size));
        expect(logs.length > 0).toBe(kept.length > 0);
        expect(new Set([...kept, ...refused.map(({ receiver }) => receiver)]).size).toBe(receivers.length);
        for (const { status } of refused) expect(REASONS).toContain(status);
      }),
      { numRuns: 300 }, // each tries 2 × 17 × 377 settings
    );
  });

  it('bring pull mode to a Low Power node, if that costs nobody', () => {
    const lowPower = (capabilities: Partial<BlobCapabilities>) => receiver(capabilities, true);
    expect(chooseMode({ size: SIZE }, [receiver({}), receiver({})])).toBe('push');
    expect(chooseMode({ size: SIZE }, [receiver({}), lowPower({})])).toBe('pull');
    expect(chooseMode({ size: SIZE }, [receiver({ pull: false }), lowPower({})])).toBe('push');
    expect(chooseMode({ size: SIZE }, [receiver({}), lowPower({ pull: false })])).toBe('push');
  });

  it('are what the caller has fixed; only blocks that there are count then', () => {
    const few = receiver({ maxBlockSizeLog: 18, maxChunksNumber: 8 });
    const other = receiver({ maxBlockSizeLog: 18, maxChunksNumber: 7 });
    const small = receiver({ maxBlockSizeLog: 18, maxChunkSize: 10 });
    const { kept, logs, refused } = chooseSettings({ size: 80, log: 18, chunkSize: 11 }, 'push', [few, other, small]);
    expect(kept).toEqual([few]);
    expect(logs).toEqual([{ log: 18, kept: [few], bounds: { minChunkSize: 11, maxChunkSize: 11 } }]);
    expect(refused.map(({ status }) => status)).toEqual([BlobStatus.invalidChunkSize, BlobStatus.invalidChunkSize]);
    expect(chooseSettings({ size: 80, log: 19, chunkSize: 11 }, 'push', [few]).refused).toEqual([
      { receiver: few, status: BlobStatus.invalidBlockSize },
    ]);
  });
});

const REASONS = [
  BlobStatus.unsupportedTransferMode,
  BlobStatus.blobTooLarge,
  BlobStatus.invalidBlockSize,
  BlobStatus.invalidChunkSize,
];

/** Few values of each, so that receivers agree in part. */
const anyCapabilities = fc
  .record({
    minBlockSizeLog: fc.integer({ min: 6, max: 14 }),
    range: fc.nat(8),
    maxChunksNumber: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(8, 16, 256)),
    maxChunkSize: fc.integer({ min: 8, max: 400 }),
    mtuSize: fc.oneof(fc.integer({ min: 20, max: 384 }), fc.constant(380)),
    maxBlobSize: fc.constantFrom(0xffff_ffff, 0xffff_ffff, 100),
    push: fc.constantFrom(true, true, false),
    pull: fc.boolean(),
  })
  .map(({ range, ...rest }) => ({ ...rest, maxBlockSizeLog: rest.minBlockSizeLog + range }));

/** The most receivers that one choice of mode, block size and chunk size suits: all choices are tried. */
function mostByTrial(all: readonly BlobCapabilities[], size: number): number {
  let most = 0;
  for (const mode of ['push', 'pull'] as const) {
    const able = all.filter((each) => each[mode] && each.maxBlobSize >= size);
    for (let log = 6; log <= 22; log++) {
      if (blockCount(size, log) > 2888) continue;
      const near = able.filter((each) => each.minBlockSizeLog <= log && log <= each.maxBlockSizeLog);
      for (let chunkSize = 1; chunkSize <= 377 && near.length > most; chunkSize++) {
        const suits = near.filter((each) => isChunkSizeLegal(chunkSize, log, { ...each, mtu: each.mtuSize }));
        most = Math.max(most, suits.length);
      }
    }
  }
  return most;
}

describe('the automatic strategy', () => {
  const { logs } = chooseSettings({ size: SIZE }, 'push', [receiver({})]);
  const { log, bounds } = logs.at(-1)!;

  function chunkSizeAt(loss: number | undefined, targets = 10): number {
    const estimates = new Estimates();
    const receivers = Array.from({ length: targets }, () => receiver({}));
    if (loss !== undefined) {
      const passes = receivers.map((receiver) => ({ receiver, chunks: 1000, missed: 1000 * loss }));
      for (let i = 0; i < 20; i++) estimates.observeLoss(passes, 1, 1);
    }
    return new AutoStrategy(estimates, 50_000).sending(log, bounds, receivers, true, () => false).chunkSize;
  }

  it('starts carefully, grows without loss, shrinks with it', () => {
    expect(chunkSizeAt(undefined)).toBeGreaterThanOrEqual(29);
    expect(chunkSizeAt(undefined)).toBeLessThanOrEqual(53);
    expect(chunkSizeAt(0)).toBeGreaterThanOrEqual(233);
    expect(chunkSizeAt(0.017)).toBeLessThanOrEqual(53);
    expect(chunkSizeAt(0.1)).toBeLessThanOrEqual(53);
  });

  it('sends to one receiver alone in the largest chunks', () => {
    const estimates = new Estimates();
    const sending = new AutoStrategy(estimates, 50_000).sending(log, bounds, [receiver({})], true, () => false);
    expect(sending).toMatchObject({ byUnicast: true, chunkSize: 377 });
  });

  it('avoids a size that it is told to', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const receivers = Array.from({ length: 10 }, () => receiver({}));
    const first = strategy.sending(log, bounds, receivers, true, () => false).chunkSize;
    expect(strategy.sending(log, bounds, receivers, true, (size: number) => size === first).chunkSize).not.toBe(first);
  });

  it('waits longer from request to request, never longer than a fifth of the client timeout', () => {
    const strategy = new AutoStrategy(new Estimates(), 50_000);
    const waits = [1, 2, 3, 4, 20].map((asks) => strategy.unicastWaitMs(asks, false));
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(10_000);
  });
});

function receiver(capabilities: Partial<BlobCapabilities>, lowPower = false): Receiver {
  const made = new Receiver({ address: 0x0100, lowPower });
  made.capabilities = { ...DEFAULT_CAPABILITIES, ...capabilities };
  return made;
}
