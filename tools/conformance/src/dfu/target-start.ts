import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { blockStart, chunkOf, DATA, ID, le32, OTHER_ID, START_PUSH, TRANSFER_GET, TTL } from '../testing/settings.ts';
import { METADATA, OTHER_METADATA, REFUSED_METADATA } from '../testing/target-device.ts';
import {
  DEFAULT_TTL,
  type StartFields,
  TargetSetup,
  UPDATE_APPLY,
  updateStart,
  updateStatus,
} from '../testing/target-setup.ts';

const WAITING = `83030001${ID}`;

/**
 * A Start that is refused leaves everything as it was: in Idle, and in the two phases in which a new update may begin, with
 * all fields of the old one.
 */
function refused(fields: StartFields, status: number, prepare: (setup: TargetSetup) => void = () => {}): void {
  for (const phase of [0, 1, 5]) {
    const setup = new TargetSetup().bring(phase);
    prepare(setup);
    const before = setup.stored;
    const blobBefore = setup.ask(TRANSFER_GET);
    const told = setup.phases.length;
    // All fields but the wrong one are other ones, too.
    const start = updateStart({ ttl: 4, base: 6, id: OTHER_ID, metadata: OTHER_METADATA, ...fields });
    setup.exchange(start, updateStatus(status, phase), phase === 0 ? DEFAULT_TTL : TTL);
    assert.equal(setup.stored, before, 'stored state');
    assert.deepEqual(setup.ask(TRANSFER_GET), blobBefore, 'BLOB Transfer Server');
    assert.equal(setup.phases.length, told, 'phases told');
    setup.phaseIs(phase);
  }
}

/** In this phase a second, larger image is announced: Wrong Phase, and the first one goes its way. */
function secondImage(setup: TargetSetup, phase: number): void {
  const before = setup.stored;
  const blobBefore = setup.ask(TRANSFER_GET);
  const calls = setup.device.calls.length;
  const second = { id: OTHER_ID, metadata: OTHER_METADATA };
  setup.exchange(updateStart(second), updateStatus(2, phase), TTL);
  // Its transfer finds no server either: 96 octets instead of 80.
  const [answer] = setup.ask(START_PUSH.replace(`${ID}50`, `${OTHER_ID}60`));
  assert.equal(answer?.[5], '6', 'Transfer Start of the second image: Wrong BLOB ID');
  assert.deepEqual(setup.ask(TRANSFER_GET), blobBefore, 'BLOB Transfer Server');
  assert.equal(setup.stored, before, 'stored state');
  assert.equal(setup.device.calls.length, calls, 'asked of the application');
  setup.phaseIs(phase);
}

export const targetStart: readonly Case[] = [
  specified('FU/START/01', 'image index past the list: Wrong Firmware Index, nothing changes', () => {
    refused({ index: 2 }, 4);
    refused({ index: 255 }, 4);
    // It comes before the metadata.
    refused({ index: 2, metadata: REFUSED_METADATA }, 4);
  }),
  specified('FU/START/02', 'metadata that are refused: Metadata Check Failed, nothing changes', () => {
    refused({ metadata: REFUSED_METADATA }, 5);
    const setup = new TargetSetup();
    setup.device.refuses = 'internal';
    setup.exchange(updateStart({ metadata: REFUSED_METADATA }), updateStatus(5, 0));
    assert.deepEqual(setup.device.calls, [], 'the application is not asked for a place');
  }),
  specified('FU/START/03', 'no room: Insufficient Resources, nothing changes', () => {
    refused({}, 1, ({ device }) => {
      device.refuses = 'resources';
    });
  }),
  specified('FU/START/04', 'not now: Temporarily Unavailable, nothing changes', () => {
    refused({}, 6, ({ device }) => {
      device.refuses = 'busy';
    });
  }),
  specified('FU/START/05', 'other trouble: Internal Error, nothing changes', () => {
    refused({}, 3, ({ device }) => {
      device.refuses = 'internal';
    });
  }),
  specified(
    'FU/START/06',
    'the BLOB Transfer Server works for somebody else: BLOB Transfer Busy, nothing changes',
    () => {
      const setup = new TargetSetup();
      const sink = { begin: () => true, block: () => true };
      const other = {
        ttl: TTL,
        timeoutBase: 5,
        sink,
        events: { complete: () => {}, suspended: () => {}, failed: () => {} },
      };
      assert.equal(setup.blob.expect(0x1100000000000012n, other), undefined);
      setup.exchange(updateStart(), updateStatus(7, 0), DEFAULT_TTL);
      assert.equal(setup.stored, '');
      setup.exchange(TRANSFER_GET, `83030001${OTHER_ID}`);
      setup.phaseIs(0);
      setup.blob.cancel();
      setup.exchange(updateStart(), updateStatus(0, 2), TTL);
    },
  ),
  specified(
    'FU/START/07',
    'Transfer Error: resumes with the same metadata and with none, begins anew with others',
    () => {
      for (const metadata of [METADATA, '']) {
        const setup = new TargetSetup();
        setup.ask(updateStart());
        setup.ask(START_PUSH);
        setup.ask(blockStart(0));
        for (let i = 0; i < 8; i++) setup.tell(chunkOf(DATA, i));
        setup.clock.advance(61_000);
        setup.phaseIs(1);
        const starts = setup.device.calls.length;
        setup.exchange(updateStart({ metadata }), updateStatus(0, 2), TTL);
        assert.deepEqual(setup.device.calls.slice(starts), [], 'no new place is asked for');
        // Block 0 is kept, the transfer is woken by Transfer Start.
        setup.exchange(TRANSFER_GET, `83034005${ID}50000000067c0102`);
        setup.exchange(START_PUSH, `83034002${ID}50000000067c0102`);
        setup.ask(blockStart(1));
        for (let i = 0; i < 2; i++) setup.tell(chunkOf(DATA.slice(128), i));
        setup.clock.advance(500);
        setup.phaseIs(3);
        assert.equal(setup.content, DATA);
        assert.deepEqual(setup.device.writes, [0, 64]);
      }
      const setup = new TargetSetup().bring(1);
      setup.exchange(updateStart({ metadata: OTHER_METADATA }), updateStatus(0, 2, { effect: 1 }), TTL);
      setup.exchange(TRANSFER_GET, WAITING);
      assert.equal(setup.device.calls.at(-1), `start 0 ${OTHER_METADATA}`);
      const lost = new TargetSetup().bring(1);
      lost.blob.cancel();
      lost.exchange(updateStart(), updateStatus(0, 2), TTL);
      lost.exchange(TRANSFER_GET, WAITING);
    },
  ),
  specified('FU/START/08', 'exactly this image is there already: Verifying at once, no BLOB', () => {
    const setup = new TargetSetup();
    setup.device.isThere = true;
    setup.exchange(updateStart(), updateStatus(0, 3), TTL);
    assert.deepEqual(setup.device.calls, [`start 0 ${METADATA}`, 'verify 0']);
    setup.exchange(TRANSFER_GET, '83030000');
    setup.exchange(START_PUSH, '83030400');
    setup.device.verified?.(true);
    setup.phaseIs(4);
    setup.exchange(updateStart(), updateStatus(0, 4), TTL);
    setup.exchange(UPDATE_APPLY, updateStatus(0, 6), TTL);
    assert.deepEqual(setup.device.writes, []);
  }),
  specified(
    'DFU/SR/FU/BV-23',
    'Start in a busy phase with one parameter changed: Wrong Phase, no change of state',
    () => {
      const others: readonly StartFields[] = [
        { ttl: 4 },
        { base: 6 },
        { id: OTHER_ID },
        { index: 1 },
        { metadata: OTHER_METADATA },
        { metadata: '' },
      ];
      for (const phase of [2, 3, 4, 6]) {
        const setup = new TargetSetup().bring(phase);
        const before = setup.stored;
        for (const fields of others) setup.exchange(updateStart(fields), updateStatus(2, phase), TTL);
        assert.equal(setup.stored, before, 'stored state');
        setup.phaseIs(phase);
        setup.exchange(updateStart(), updateStatus(0, phase), TTL);
      }
    },
  ),
  specified('DFU/SR/FU/BV-24', 'second, larger image while the first is coming: Wrong Phase, the first arrives', () => {
    const setup = new TargetSetup().bring(2);
    secondImage(setup, 2);
    setup.ask(START_PUSH);
    setup.exchange(updateStart({ id: OTHER_ID, metadata: OTHER_METADATA }), updateStatus(2, 2), TTL);
    setup.exchange(START_PUSH, `83034002${ID}${le32(80)}067c0103`);
    setup.transfer();
    setup.phaseIs(3);
    assert.equal(setup.content, DATA);
  }),
  specified(
    'DFU/SR/FU/BV-27',
    'second, larger image while the first is verified: Wrong Phase, the first is applied',
    () => {
      const setup = new TargetSetup().bring(3);
      secondImage(setup, 3);
      setup.device.verified?.(true);
      secondImage(setup, 4);
      setup.exchange(UPDATE_APPLY, updateStatus(0, 6), TTL);
      secondImage(setup, 6);
      assert.deepEqual(setup.device.calls.slice(-1), ['apply 0']);
      assert.equal(setup.content, DATA);
    },
  ),
];
