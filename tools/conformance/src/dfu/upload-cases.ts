import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { octets } from '../testing/client-setup.ts';
import { firmwareStatus } from '../testing/distributor-setup.ts';
import {
  BASE,
  blockStart,
  chunk,
  chunkOf,
  DATA,
  ID,
  le32,
  OTHER_ID,
  START_PUSH,
  TRANSFER_GET,
} from '../testing/settings.ts';
import { METADATA, NEW_ID, OTHER_METADATA } from '../testing/target-device.ts';
import { UPLOAD_CANCEL, type UploadFields, uploadStart, uploadStatus } from '../testing/upload-octets.ts';
import {
  CURRENT_ID,
  contentOf,
  OFFER,
  OFFERED_DATA,
  OFFERED_ID,
  OOB_START,
  STORED_ID,
  UploadSetup,
} from '../testing/upload-setup.ts';

const SECOND: UploadFields = { id: OTHER_ID, size: 250, metadata: OTHER_METADATA, firmwareId: OFFERED_ID };

/** Moves an image in blocks of 64 octets, chunk by chunk. */
function transfer({ distributor }: UploadSetup, content: string, id: string): void {
  const size = content.length / 2;
  distributor.ask(`830140${id}${le32(size)}067c01`);
  for (let at = 0; at < size; at += 64) {
    const block = content.slice(2 * at, 2 * (at + 64));
    distributor.ask(blockStart(at / 64));
    for (let i = 0; i < Math.ceil(block.length / 16); i++) distributor.tell(chunkOf(block, i));
  }
  distributor.clock.advance(500);
}

/** Nothing is left of an upload: its place, its BLOB transfer, its image. */
function nothingLeft(setup: UploadSetup): void {
  setup.is(0, 0);
  setup.holds([], 7950);
  setup.distributor.exchange(TRANSFER_GET, '83030000');
  setup.distributor.exchange(START_PUSH, '83030400');
  setup.distributor.exchange(`8323${NEW_ID}`, firmwareStatus(4, 1, 0xffff, NEW_ID));
}

/** In Transfer Error at `at` ± 0.1 s, not earlier. */
function failsAt({ distributor }: UploadSetup, at: number): void {
  distributor.clock.advance(at - 100 - distributor.clock.now);
  assert.equal(distributor.server.uploadPhase, 1, 'Transfer Error too early');
  distributor.clock.advance(200);
  assert.equal(distributor.server.uploadPhase, 2, 'Transfer Error too late');
}

export const uploadCases: readonly Case[] = [
  specified('UP/01', 'upload, the same again, another, cancel, too large, full, known firmware id', () => {
    const setup = new UploadSetup();
    const { distributor } = setup;
    distributor.exchange(uploadStart(), uploadStatus(0, 1), 5);
    distributor.exchange(uploadStart(), uploadStatus(0, 1));
    distributor.exchange(uploadStart(SECOND), uploadStatus(8, 1));
    setup.transfer(false);
    setup.is(0, 1, { percent: 80 });
    distributor.exchange(uploadStart(), uploadStatus(0, 1, { percent: 80 }));
    setup.lastBlock();
    setup.is(0, 3, { percent: 100 });
    distributor.exchange(`8323${NEW_ID}`, firmwareStatus(0, 2, 1, NEW_ID));
    assert.equal(contentOf(setup, 1), DATA);
    assert.equal(Buffer.from(distributor.slots.images[1]?.metadata ?? []).toString('hex'), METADATA);
    distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
    setup.holds([NEW_ID], 7870);
    distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
    // Known: there at once.
    distributor.exchange(
      uploadStart({ id: OTHER_ID, firmwareId: STORED_ID }),
      uploadStatus(0, 3, { percent: 100, firmwareId: STORED_ID }),
    );
    distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
    limits();
  }),
  specified('UP/02', 'the client vanishes: Transfer Error after 10·(base + 1) s', () => {
    for (const base of [0, BASE, 8]) {
      const before = new UploadSetup();
      failsAt(before, before.distributor.tell(uploadStart({ base })) + 10_000 * (base + 1));
      before.is(0, 2);
      const within = new UploadSetup();
      within.distributor.ask(uploadStart({ base }));
      within.distributor.ask(START_PUSH);
      within.distributor.ask(blockStart(0));
      const last = within.distributor.tell(chunk(0));
      failsAt(within, last + 10_000 * (base + 1));
      // It may come back with the same Upload Start.
      within.distributor.exchange(uploadStart({ base }), uploadStatus(0, 1));
      within.transfer(true);
      within.is(0, 3, { percent: 100 });
      assert.equal(contentOf(within, 1), DATA);
    }
    // Upload Status is never sent unasked.
    const silent = new UploadSetup();
    silent.distributor.ask(uploadStart({ base: 0 }));
    const heard = silent.distributor.tester.heard.length;
    silent.distributor.clock.advance(100_000);
    assert.equal(silent.distributor.tester.heard.length, heard);
  }),
  specified('DFU/SR/FD/BV-05', 'upload with a second image, larger than the first', () => {
    const setup = new UploadSetup();
    const { distributor } = setup;
    distributor.exchange(uploadStart(), uploadStatus(0, 1));
    transfer(setup, DATA, ID);
    setup.is(0, 3, { percent: 100 });
    const content = octets(250);
    distributor.exchange(uploadStart(SECOND), uploadStatus(0, 1, { firmwareId: OFFERED_ID }));
    transfer(setup, content, OTHER_ID);
    setup.is(0, 3, { percent: 100, firmwareId: OFFERED_ID });
    setup.holds([NEW_ID, OFFERED_ID], 7620);
    assert.deepEqual([contentOf(setup, 1), contentOf(setup, 2)], [DATA, content]);
  }),
  specified(
    'DFU/SR/FD/BV-08',
    'Upload Start of what is stored: Success, Transfer Success, with the firmware id',
    () => {
      const setup = new UploadSetup();
      const { distributor } = setup;
      distributor.exchange(uploadStart(), uploadStatus(0, 1));
      transfer(setup, DATA, ID);
      distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
      const there = uploadStatus(0, 3, { percent: 100 });
      distributor.exchange(uploadStart(), there);
      distributor.exchange(uploadStart({ id: OTHER_ID, size: 3999, metadata: '' }), there);
      setup.is(0, 3, { percent: 100 });
      distributor.exchange(START_PUSH, '83030400');
      setup.holds([NEW_ID], 7870);
      distributor.clock.advance(100_000);
      setup.is(0, 3, { percent: 100 });
    },
  ),
  specified('DFU/SR/FD/BV-21', 'Upload Cancel while the transfer is active', () => {
    for (const isBegun of [false, true]) {
      const setup = new UploadSetup();
      setup.distributor.ask(uploadStart());
      if (isBegun) setup.transfer(false);
      setup.distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
      nothingLeft(setup);
      setup.distributor.clock.advance(100_000);
      setup.is(0, 0);
      setup.distributor.reboot();
      setup.is(0, 0);
      // All of it may begin again.
      setup.distributor.exchange(uploadStart(), uploadStatus(0, 1));
      setup.transfer(true);
      setup.is(0, 3, { percent: 100 });
    }
  }),
  specified('DFU/SR/FD/BV-22', 'Upload Cancel while the out-of-band transfer is active', () => {
    const setup = new UploadSetup().bring('OobTransferActive');
    setup.is(0, 1, { percent: 40, isOob: true, firmwareId: CURRENT_ID });
    setup.distributor.exchange(UPLOAD_CANCEL, uploadStatus(0, 0));
    assert.equal(setup.archive.calls.at(-1), 'cancelled');
    // What comes too late is not taken.
    setup.archive.deliver();
    nothingLeft(setup);
    setup.distributor.exchange(OOB_START);
    setup.archive.found?.({ offer: OFFER });
    setup.archive.deliver();
    setup.distributor.clock.advance(1500);
    setup.is(0, 3, { percent: 100, isOob: true, firmwareId: CURRENT_ID });
    setup.holds([OFFERED_ID], 7860);
    assert.equal(contentOf(setup, 1), OFFERED_DATA);
  }),
];

/** Too large for a place, for what is free, for the list: Insufficient Resources, and nothing is kept. */
function limits(): void {
  const refused = (setup: UploadSetup, fields: UploadFields, status: number): void => {
    setup.distributor.exchange(uploadStart(fields), uploadStatus(status, 0));
    setup.is(0, 0);
    setup.distributor.exchange(TRANSFER_GET, '83030000');
  };
  const roomy = new UploadSetup();
  refused(roomy, { size: 4001 }, 1);
  refused(roomy, { size: 0xffff_ffff }, 1);
  roomy.distributor.exchange(uploadStart({ size: 4000 }), uploadStatus(0, 1));
  const narrow = new UploadSetup({ limits: { space: 129 } });
  refused(narrow, {}, 1);
  narrow.distributor.exchange(uploadStart({ size: 79 }), uploadStatus(0, 1));
  const full = new UploadSetup({ limits: { images: 1 } });
  refused(full, {}, 1);
  full.distributor.exchange(`8325${STORED_ID}`, firmwareStatus(0, 0, 0xffff, STORED_ID));
  full.distributor.exchange(uploadStart(), uploadStatus(0, 1));
  // A metadata length that lies, a firmware id that is too short: no message at all.
  const setup = new UploadSetup();
  for (const message of [
    uploadStart({ firmwareId: '11' }),
    uploadStart({ ttl: 0x80 }),
    `${uploadStart().slice(0, 34)}ff${METADATA}${NEW_ID}`,
  ]) {
    setup.distributor.exchange(message);
  }
  setup.is(0, 0);
}
