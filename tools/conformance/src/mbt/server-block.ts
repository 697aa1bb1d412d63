import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import {
  BLOCK_GET,
  blockStart,
  chunk,
  DATA,
  GROUP,
  ID,
  le16,
  le32,
  ServerSetup,
  START_PUSH,
  TRANSFER_GET,
} from '../testing/server-setup.ts';

/** A server that has accepted a transfer in push mode of `size` octets in blocks of 2^log. */
function pushing(size: number, log: number, capabilities = {}, mtu = 380): ServerSetup {
  const setup = new ServerSetup({ capabilities });
  setup.expect();
  const fields = `${ID}${le32(size)}${log.toString(16).padStart(2, '0')}${le16(mtu)}`;
  const [answer] = setup.ask(`830140${fields}`);
  assert.equal(answer?.slice(0, 8 + fields.length), `83034002${fields}`);
  return setup;
}

/** Sends a block of octets that differ, chunk by chunk; gives the octets. */
function sendBlock(setup: ServerSetup, size: number, chunkSize: number): string {
  let sent = '';
  for (let number = 0; number * chunkSize < size; number++) {
    const length = Math.min(chunkSize, size - number * chunkSize);
    const octet = ((number * 7 + 3) & 0xff).toString(16).padStart(2, '0');
    setup.tell(chunk(number, length, octet));
    sent += octet.repeat(length);
  }
  return sent;
}

export const serverBlocks: readonly Case[] = [
  specified('SR/BLOCK/01', 'chunk size 0, 1, max, max + 1, too many chunks', () => {
    // Blocks of 64: 64 chunks of 1 are allowed, then 63 not any more.
    const all = { maxChunksNumber: 64, maxChunkSize: 100 };
    pushing(80, 6, all).exchange(blockStart(0, 0), '6743ffffffff');
    pushing(80, 6, all).exchange(blockStart(0, 1), '670000000100');
    pushing(80, 6, all).exchange(blockStart(0, 100), '670000006400');
    pushing(80, 6, all).exchange(blockStart(0, 101), '6743ffffffff');
    pushing(80, 6, { maxChunksNumber: 63 }).exchange(blockStart(0, 1), '6743ffffffff');
    pushing(80, 6, { maxChunksNumber: 63 }).exchange(blockStart(0, 2), '670000000200');
    pushing(80, 6, { maxChunksNumber: 9 }).exchange(blockStart(0, 7), '6743ffffffff');
    pushing(80, 6, { maxChunksNumber: 10 }).exchange(blockStart(0, 7), '670000000700');
    // The MTU bounds both: 20 − 3 octets of data, 8 × (20 − 6) chunks. The full block counts, for the short last one too.
    const small = pushing(80, 8, {}, 20);
    for (const size of [18, 2]) {
      small.exchange(blockStart(0, size), '6743ffffffff');
      small.phaseIs(2);
    }
    small.exchange(blockStart(0, 17), '670000001100');
    pushing(80, 8, {}, 20).exchange(blockStart(0, 3), '670000000300');
    // No such block.
    const setup = pushing(80, 6);
    setup.exchange(blockStart(2), '6741ffffffff');
    setup.exchange(blockStart(0xffff), '6741ffffffff');
    setup.phaseIs(2);
  }),
  specified('SR/BLOCK/02', 'blocks in the order 1, 0: both accepted', () => {
    const setup = new ServerSetup().bring(2);
    setup.exchange(blockStart(1), '670001000800');
    setup.chunks(0, 1);
    setup.exchange(TRANSFER_GET, `83034002${ID}50000000067c0101`);
    setup.exchange(blockStart(0), '670000000800');
    setup.chunks(0, 1, 2, 3, 4, 5, 6, 7);
    setup.exchange(TRANSFER_GET, `83034004${ID}50000000067c0100`);
    assert.deepEqual(setup.flash.writes, [64, 0]);
    assert.equal(setup.content, DATA);
  }),
  specified('SR/BLOCK/03', 'a block that it has: Success, none missing, phase unchanged', () => {
    const setup = new ServerSetup().bring(3);
    setup.chunks(0, 1, 2, 3, 4, 5, 6, 7);
    setup.phaseIs(2);
    setup.exchange(blockStart(0), '674000000800');
    setup.phaseIs(2);
    setup.exchange(BLOCK_GET, '674000000800');
    setup.tell(chunk(0, 8, '32'));
    setup.exchange(blockStart(1), '670001000800');
    setup.chunks(0, 1);
    setup.phaseIs(4);
    assert.equal(setup.content, DATA);
    assert.deepEqual(setup.flash.writes, [0, 64]);
  }),
  specified('SR/BLOCK/04', 'short last block; whole blocks; blocks of whole chunks; last chunk of 1 octet', () => {
    for (const [size, log, chunkSize] of [
      [80, 6, 17],
      [128, 6, 17],
      [128, 6, 8],
      [129, 6, 9],
      [64, 6, 65],
      [1, 6, 8],
    ] as const) {
      const setup = pushing(size, log);
      let sent = '';
      for (let offset = 0; offset < size; offset += 2 ** log) {
        setup.exchange(blockStart(offset / 2 ** log, chunkSize), `6700${le16(offset / 2 ** log)}${le16(chunkSize)}`);
        sent += sendBlock(setup, Math.min(2 ** log, size - offset), chunkSize);
      }
      setup.phaseIs(4);
      assert.equal(setup.content, sent, `content of ${size} octets`);
      assert.deepEqual(
        setup.told.map(({ what }) => what),
        ['started', 'complete'],
      );
    }
  }),
  specified(
    'SR/CHUNK/01',
    'duplicate, wrong length, wrong number, empty: ignored; only the duplicate restarts the timer',
    () => {
      const setup = new ServerSetup().bring(3);
      const startedAt = setup.lastHeard;
      for (const wrong of [chunk(1, 7), chunk(1, 9), chunk(8), chunk(0xffff), '660100', '6601', chunk(0xffff, 1)]) {
        setup.clock.advance(5000);
        setup.exchange(wrong);
        setup.exchange(BLOCK_GET, '670000000800');
      }
      setup.suspendsAt(startedAt + 60_000);

      const other = new ServerSetup().bring(3);
      other.tell(chunk(0));
      other.clock.advance(20_000);
      const duplicateAt = other.tell(chunk(0, 8, '32'));
      other.exchange(BLOCK_GET, '678000000800fe');
      other.suspendsAt(duplicateAt + 60_000);

      // What was held first stays; the last chunk of the last block has its own length.
      const third = new ServerSetup().bring(3);
      third.chunks(0);
      third.tell(chunk(0, 8, '32'));
      third.chunks(1, 2, 3, 4, 5, 6, 7);
      assert.equal(third.content.slice(0, 128), DATA.slice(0, 128));
    },
  ),
  specified('SR/CHUNK/02', 'storage refuses: missing still, accepted when repeated', () => {
    const setup = new ServerSetup().bring(3);
    setup.flash.refusals = 1;
    setup.chunks(7, 0, 1, 2, 3, 5, 6, 4);
    setup.phaseIs(3);
    setup.exchange(BLOCK_GET, '67800000080010');
    setup.exchange(TRANSFER_GET, `83034003${ID}50000000067c0103`);
    setup.chunks(4);
    setup.phaseIs(2);
    setup.exchange(TRANSFER_GET, `83034002${ID}50000000067c0102`);
    assert.equal(setup.content.slice(0, 128), DATA.slice(0, 128));
  }),
  specified('SR/STATUS/01', '40 and 41 chunks: formats, bits; one PDU at 40', () => {
    for (const [count, size] of [
      [40, 320],
      [41, 328],
    ] as const) {
      const setup = pushing(size, 9);
      setup.exchange(blockStart(0), '670000000800');
      for (let number = 0; number < count; number++) if (number !== 3 && number !== 17) setup.tell(chunk(number));
      const missing = count === 40 ? '0800020000' : '080002000000';
      setup.exchange(BLOCK_GET, `6780000008${'00'}${missing}`);
      // Opcode and parameters: 11 octets are the most that one unsegmented PDU carries.
      assert.equal((setup.tester.heard.at(-1)?.hex.length ?? 0) / 2 <= 11, count === 40);
      setup.chunks(3);
      setup.exchange(BLOCK_GET, `6780000008${'00'}${missing.replace('08', '00')}`);
      setup.chunks(17);
      setup.exchange(BLOCK_GET, '674000000800');
      setup.phaseIs(4);
    }
  }),
  specified('SR/TIME/02', 'Block Start in Complete never leads to Suspended', () => {
    const setup = new ServerSetup().bring(4);
    setup.exchange(blockStart(0), '674000000800');
    setup.clock.advance(30_000);
    setup.exchange(blockStart(1), '674001000800');
    setup.exchange(blockStart(2), '674101000800');
    setup.clock.advance(600_000);
    setup.phaseIs(4);
    assert.deepEqual(
      setup.told.map(({ what }) => what),
      ['started', 'complete'],
    );
    setup.exchange(TRANSFER_GET, `83034004${ID}50000000067c0100`);
    setup.exchange(START_PUSH, `83034004${ID}50000000067c0100`);
    assert.deepEqual(setup.ask(BLOCK_GET, GROUP), ['674001000800']);
  }),
];
