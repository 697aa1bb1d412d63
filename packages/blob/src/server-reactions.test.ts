import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as messages from './messages.ts';
import { type Answer, Bench, BLOB_ID } from './testing/bench.ts';
import { type Action, ServerModel } from './testing/server-model.ts';

/** Chunk sizes of which some do not suit. */
const chunkSize = fc.constantFrom(8, 8, 8, 11, 64, 64, 1, 0, 17, 18, 377, 378);
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.constantFrom<Action>({ kind: 'expect' }, { kind: 'transferGet' }, { kind: 'blockGet' }, { kind: 'powerCut' }),
  fc.record({
    kind: fc.constant('start' as const),
    mode: fc.constantFrom('push' as const, 'pull' as const),
    wrong: fc.constantFrom('nothing', 'nothing', 'nothing', 'nothing', 'id', 'size', 'log'),
    mtu: fc.constantFrom(380, 380, 384, 20, 379),
  }),
  fc.record({ kind: fc.constant('cancel' as const), isOurs: fc.constantFrom(false, false, true) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(100, 9000, 31_000, 59_000, 61_000) }),
);
const blockAction: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('blockStart' as const), number: fc.constantFrom(0, 0, 1, 1, 2, 65_535), chunkSize }),
  fc.record({
    kind: fc.constant('chunk' as const),
    number: fc.oneof(fc.nat(8), fc.constant(65_535)),
    length: fc.constantFrom(8, 8, 8, 64, 16, 11, 9, 5, 1),
  }),
);
/** A block from its start to its last chunk, so that the ends are reached often. */
const wholeBlock: fc.Arbitrary<Action[]> = fc
  .tuple(fc.constantFrom(0, 1), fc.constantFrom(8, 64, 11, 5, 16), fc.constantFrom(0, 0, 31_000))
  .map(([number, chunkSize, ms]) => {
    const size = number === 0 ? 64 : 16;
    const chunks = Array.from({ length: Math.ceil(size / chunkSize) }, (_, i): Action => {
      return { kind: 'chunk', number: i, length: Math.min(chunkSize, size - i * chunkSize) };
    });
    const steps: Action[] = [{ kind: 'blockStart', number, chunkSize }, ...chunks];
    return ms === 0 ? steps : steps.flatMap((step): Action[] => [step, { kind: 'wait', ms }]);
  });
const begun: fc.Arbitrary<Action[]> = fc
  .constantFrom('push' as const, 'pull' as const)
  .map((mode) => [{ kind: 'expect' }, { kind: 'start', mode, wrong: 'nothing', mtu: 380 }]);
const course = fc
  .tuple(
    fc.option(begun, { nil: [] }),
    fc.array(
      fc.oneof(
        action.map((one) => [one]),
        blockAction.map((one) => [one]),
        wholeBlock,
      ),
      { maxLength: 16 },
    ),
  )
  .map(([start, rest]) => [...start, ...rest.flat()]);

describe('a server through any course of events', () => {
  it('answers in each phase what the table says, octet by octet, and stands where it says', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(course, (actions) => {
        const bench = new Bench({ maxBlobSize: 5000, maxBlockSizeLog: 6 });
        const model = new ServerModel();
        for (const one of actions) {
          // Two timers at the same instant have no order.
          const { phase } = model;
          const said = model.step(one, bench.clock.now);
          const answers = perform(bench, one).filter(({ name }) => name !== 'BLOB Partial Block Report');
          model.pass(bench.clock.now);
          seen.add(`${one.kind} in phase ${phase}`);
          if (said === undefined) expect(answers).toEqual([]);
          else expect([answers.length, answers[0]?.name, answers[0]?.value]).toMatchObject([1, ...said]);
          expect(bench.server.phase).toBe(model.phase);
          expect(bench.server.blocksNotReceived).toEqual([...model.missing].sort());
          expect(bench.store.keys('').length > 0).toBe(model.phase !== 0 && model.phase !== 4);
        }
      }),
      { numRuns: 2000 }, // a whole server each, no codec
    );
    // Nine kinds in six phases: all were met.
    expect(seen.size).toBe(54);
  });
});

function perform(bench: Bench, one: Action): readonly Answer[] {
  switch (one.kind) {
    case 'expect':
      // The higher model does so when nothing is under way, or to begin anew.
      if (bench.server.phase !== 1) bench.server.cancel();
      bench.expect();
      return [];
    case 'powerCut':
      bench.restart();
      return [];
    case 'wait':
      bench.clock.advance(one.ms);
      return [];
    case 'transferGet':
      return bench.tell(messages.BlobTransferGet.encode({}));
    case 'blockGet':
      return bench.tell(messages.BlobBlockGet.encode({}));
    case 'cancel':
      return bench.tell(messages.BlobTransferCancel.encode({ blobId: one.isOurs ? BLOB_ID : 5n }));
    case 'start':
      return bench.tell(
        messages.BlobTransferStart.encode({
          transferMode: one.mode,
          blobId: one.wrong === 'id' ? 5n : BLOB_ID,
          blobSize: one.wrong === 'size' ? 5001 : 80,
          blockSizeLog: one.wrong === 'log' ? 7 : 6,
          clientMtuSize: one.mtu,
        }),
      );
    case 'blockStart':
      return bench.tell(messages.BlobBlockStart.encode({ blockNumber: one.number, chunkSize: one.chunkSize }));
    case 'chunk':
      return bench.tell(
        messages.BlobChunkTransfer.encode({ chunkNumber: one.number, data: new Uint8Array(one.length).fill(7) }),
      );
  }
}
