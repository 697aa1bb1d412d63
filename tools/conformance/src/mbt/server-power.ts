import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { CutStore } from '../testing/cut-store.ts';
import { blockStart, chunk, ID, ServerSetup, START_PULL, START_PUSH, TRANSFER_GET } from '../testing/server-setup.ts';

/** Four blocks of 64 octets, all different. */
const SIZE = 250;
const octetOf = (block: number, number: number): string => (block * 16 + number + 1).toString(16).padStart(2, '0');
const CONTENT = Array.from({ length: 4 }, (_, block) =>
  Array.from({ length: 8 }, (_, number) => octetOf(block, number).repeat(block === 3 && number === 7 ? 2 : 8)).join(''),
).join('');

/** Moves the whole BLOB as a client does; false: the power failed on the way. */
function transfer(setup: ServerSetup, store: CutStore, start: string): boolean {
  const [status] = setup.ask(start);
  if (store.isDead) return false;
  assert.equal(status?.slice(4, 6), start.slice(4, 6), 'Transfer Start is accepted');
  const missing = Number.parseInt(status?.slice(38) as string, 16);
  for (let block = 0; block < 4; block++) {
    if ((missing & (1 << block)) === 0) continue;
    const answer = setup.ask(blockStart(block)).find((hex) => hex.startsWith('67'));
    assert.equal(answer?.[3], '0', 'Block Start is accepted');
    for (let number = 0; number < 8; number++) {
      setup.tell(chunk(number, block === 3 && number === 7 ? 2 : 8, octetOf(block, number)));
      if (store.isDead) return false;
    }
  }
  const end = setup.ask(TRANSFER_GET).find((hex) => hex.startsWith('8303'));
  if (store.isDead) return false;
  assert.equal(end?.slice(4, 8), `${start.slice(4, 6)}04`);
  return true;
}

/** Cuts the power at each write of a whole transfer, before and after it; gives the number of cuts. */
function cutEverywhere(start: string): number {
  let cuts = 0;
  for (let cutAt = 1; ; cutAt++) {
    for (const after of [false, true]) {
      const store = new CutStore('blob/');
      const setup = new ServerSetup({ store });
      Object.assign(store, { cutAt, after });
      setup.expect();
      const wasWhole = store.isDead ? false : transfer(setup, store, start);
      if (wasWhole) {
        assert.equal(setup.content, CONTENT);
        assert.equal(store.writes < cutAt, true);
        return cuts;
      }
      cuts++;
      Object.assign(store, { cutAt: Number.POSITIVE_INFINITY, isDead: false });
      const wasComplete = setup.told.some(({ what }) => what === 'complete');
      setup.reboot();
      // Nothing stored yet, or erased already because all is here: then the higher model knows.
      if (setup.server.phase === 0) {
        if (wasComplete) continue;
        setup.expect();
      }
      if (setup.server.phase !== 4) assert.ok(transfer(setup, store, start), 'completes after the cut');
      assert.equal(setup.content, CONTENT, `content after a cut at write ${cutAt}`);
      for (const offset of [0, 64, 128, 192]) {
        const times = setup.flash.writes.filter((written) => written === offset).length;
        assert.ok(times === 1 || times === 2, `block at ${offset} written ${times} times`);
      }
      assert.ok(setup.flash.writes.length <= 5, 'at most one block is written again');
    }
  }
}

export const serverPower: readonly Case[] = [
  specified('SR/POWER/01', 'power cut at every write of a whole transfer: resumes, completes, right data', () => {
    const sized = (start: string): string => start.replace(`${ID}50000000`, `${ID}fa000000`);
    assert.equal(SIZE, 0xfa);
    // Expected, started, four blocks, erased at the end: before and after each.
    assert.equal(cutEverywhere(sized(START_PUSH)), 14);
    assert.equal(cutEverywhere(sized(START_PULL)), 14);
  }),
];
