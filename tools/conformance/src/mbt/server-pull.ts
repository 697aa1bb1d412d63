import assert from 'node:assert/strict';
import type { BlobPullOptions } from '@meshferry/blob';
import { type Case, specified } from '../case.ts';
import {
  BLOCK_GET,
  blockStart,
  chunk,
  DATA,
  ID,
  le16,
  le32,
  ServerSetup,
  START_PULL,
  TESTER,
  TRANSFER_GET,
  TTL,
} from '../testing/server-setup.ts';

/** Where an unsegmented message goes from the server to the tester: one advertising event, ms. */
const WAY = 100;

/** A server that has accepted the transfer of the tester settings in pull mode. */
export function pulling(pull: BlobPullOptions = {}, base = 5): ServerSetup {
  const setup = new ServerSetup({ pull });
  setup.expect(base);
  setup.exchange(START_PULL, `83038002${ID}50000000067c0103`);
  return setup;
}

/** The last of `times` reports with these octets, each `ms` after the one before; the first one `ms` after `from`. */
export function expectReports(setup: ServerSetup, from: number, ms: number, hex: string, times: number): void {
  const reports = setup.reports(from + times * ms + WAY - setup.clock.now);
  assert.deepEqual(
    reports.map((report) => report.hex),
    Array(times).fill(hex),
    'reports',
  );
  reports.forEach(({ at, src, dst }, i) => {
    const late = at - from - (i + 1) * ms;
    assert.ok(late >= 0 && late <= WAY, `report ${i} came ${late} ms after its time`);
    assert.deepEqual([src, dst], [setup.iut.address, TESTER]);
  });
}

/** Both blocks are here, and the client has not been heard of since. */
function whole(setup: ServerSetup): void {
  setup.ask(blockStart(0));
  setup.chunks(0, 1, 2, 3, 4, 5, 6, 7);
  setup.ask(blockStart(1));
  setup.chunks(0, 1);
}

export const serverPull: readonly Case[] = [
  specified('SR/PULL/01', 'first chunks at Block Start; report after T_BPI, which chunks start anew', () => {
    const setup = pulling();
    setup.exchange(blockStart(0), '67c00000080000010203');
    const started = setup.lastHeard;
    assert.deepEqual(setup.reports(started + 9900 - setup.clock.now), []);
    expectReports(setup, started, 10_000, '6800010203', 1);
    setup.clock.advance(5000);
    const at = setup.tell(chunk(1));
    expectReports(setup, at, 10_000, '6800020304', 2);
    for (const { ttl } of setup.tester.heard.slice(-1)) assert.equal(ttl, TTL);
    // All that it has asked for is here: it asks for the next ones at once.
    setup.chunks(0, 2, 3);
    setup.chunks(4);
    assert.deepEqual(
      setup.reports(200).map(({ hex }) => hex),
      ['68050607'],
    );
    setup.exchange(BLOCK_GET, '67c000000800050607');
  }),
  specified('SR/PULL/02', 'last block done: empty reports, phase 3; Transfer Get or the time-out: 4', () => {
    const setup = pulling();
    whole(setup);
    const done = setup.lastHeard;
    const [first] = setup.reports(200);
    assert.equal(first?.hex, '68');
    assert.ok(first.at - done <= 20 + WAY, 'the first report comes at once');
    expectReports(setup, first.at - WAY / 2, 10_000, '68', 2);
    setup.phaseIs(3);
    assert.deepEqual(
      setup.told.map(({ what }) => what),
      ['started'],
    );
    setup.exchange(TRANSFER_GET, `83038004${ID}50000000067c0100`);
    setup.phaseIs(4);
    assert.equal(setup.content, DATA);
    assert.deepEqual(setup.reports(100_000), []);

    const other = pulling();
    whole(other);
    // A chunk of the block that is here restarts the timer, and writes nothing.
    other.clock.advance(1000);
    const silentSince = other.tell(chunk(0));
    assert.deepEqual(other.flash.writes, [0, 64]);
    assert.deepEqual(
      other.told.map(({ what }) => what),
      ['started'],
    );
    other.clock.advance(silentSince + 59_900 - other.clock.now);
    other.phaseIs(3);
    other.clock.advance(200);
    other.phaseIs(4);
    assert.deepEqual(
      other.told.map(({ what }) => what),
      ['started', 'complete'],
    );
    assert.deepEqual(other.reports(100_000), []);
  }),
  specified('SR/PULL/03', 'numbers 127, 128, 2047, 2048 missing: one, two, two, three octets', () => {
    const capabilities = { maxChunksNumber: 5000, maxBlockSizeLog: 13, maxBlobSize: 10_000 };
    const wide = new ServerSetup({ capabilities });
    wide.expect();
    wide.ask(`830180${ID}${le32(6150)}0d7c01`);
    wide.exchange(blockStart(0, 3), '67c00000030000010203');
    const missing = [127, 128, 2047, 2048];
    for (let number = 0; number < 2050; number++) {
      if (!missing.includes(number)) wide.iut.inject(TESTER, chunk(number, 3));
    }
    assert.deepEqual(wide.reports(10_200).at(-1)?.hex, `68${'7f'}${'c280'}${'dfbf'}${'e0a080'}`);
    wide.exchange(BLOCK_GET, `67c0000003${'00'}7fc280dfbfe0a080`);
    for (const number of missing) wide.tell(`66${le16(number)}313131`);
    assert.deepEqual(wide.reports(200).at(-1)?.hex, '68');
  }),
  specified(
    'SR/TIME/01',
    'Suspended 10 × (base + 1) s after the last sign of the client, not earlier; pull: T_BPI + 1 s at least',
    () => {
      for (const base of [0, 5]) {
        for (const until of ['start', 'block', 'chunk'] as const) {
          const setup = new ServerSetup();
          setup.expect(base);
          setup.ask(`830140${ID}50000000067c01`);
          if (until !== 'start') setup.ask(blockStart(0));
          if (until === 'chunk') setup.chunks(0);
          setup.suspendsAt(setup.lastHeard + 10_000 * (base + 1));
          assert.deepEqual(setup.told.at(-1)?.what, 'suspended');
          // What of the block was here is forgotten, nothing is sent.
          setup.exchange(BLOCK_GET, '670affffffff');
          setup.exchange(TRANSFER_GET, `83034005${ID}50000000067c0103`);
        }
      }
      for (const [base, reportIntervalMs, timeout] of [
        [0, 31_000, 32_000],
        [0, 9500, 10_500],
        [5, 31_000, 60_000],
      ] as const) {
        const setup = pulling({ reportIntervalMs }, base);
        setup.ask(blockStart(0));
        setup.suspendsAt(setup.lastHeard + timeout);
        assert.deepEqual(setup.reports(100_000), []);
      }
    },
  ),
];
