import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { CutStore } from '../testing/cut-store.ts';
import {
  DistributorSetup,
  distributionStart,
  FIRST_RECEIVER,
  RECEIVERS_GET,
  receiverEntry,
  receiversAdd,
  receiversList,
} from '../testing/distributor-setup.ts';
import { blockStart, chunkOf, DATA, START_PUSH } from '../testing/settings.ts';
import { NEW_ID } from '../testing/target-device.ts';
import { UPLOAD_GET, uploadStart } from '../testing/upload-octets.ts';

/** Time-outs are short, so that a Distributor that waits for its end does so soon. */
const FIELDS = { base: 0 };

/** One step of the way from upload to completion, by what the Distributor answers; true at the end. */
function step(setup: DistributorSetup): boolean {
  const [upload = ''] = setup.ask(UPLOAD_GET);
  const [image = ''] = setup.ask(`8323${NEW_ID}`);
  if (!image.startsWith('832700')) {
    if (upload.slice(6, 8) !== '01') setup.ask(uploadStart({ base: 0 }));
    else transferMissing(setup);
    return false;
  }
  const [list = ''] = setup.ask(RECEIVERS_GET);
  if (list.slice(4, 8) !== '0200') {
    setup.ask(receiversAdd(FIRST_RECEIVER, FIRST_RECEIVER + 1));
    return false;
  }
  const [status = ''] = setup.ask('8318');
  const phase = Number.parseInt(status.slice(6, 8), 16);
  if (phase === 4) return true;
  if (phase === 0 || phase === 5 || phase === 7) setup.ask(distributionStart(FIELDS));
  else setup.clock.advance(5000);
  return false;
}

/** Transfer Start, then the blocks that its answer says are missing. */
function transferMissing(setup: DistributorSetup): void {
  const [status = ''] = setup.ask(START_PUSH);
  const missing = Number.parseInt(status.slice(38), 16);
  for (const block of [0, 1]) {
    if ((missing & (1 << block)) === 0) continue;
    setup.ask(blockStart(block, 65));
    if (!(setup.store as CutStore).isDead) setup.tell(chunkOf(DATA.slice(block * 128, (block + 1) * 128), 0, 64));
  }
  setup.clock.advance(500);
}

const isDead = ({ store }: DistributorSetup): boolean => (store as CutStore).isDead;

/** To completion, or to the power cut. */
function run(setup: DistributorSetup, what: string): void {
  for (let steps = 0; !isDead(setup) && !step(setup); steps++)
    assert.ok(steps < 60, `${what}: does not come to an end`);
}

/** Cuts the power at each write of a whole distribution, before or after it; gives the number of cuts. */
function cutEverywhere(): number {
  let cuts = 0;
  for (let cutAt = 1; ; cutAt++) {
    const after = cutAt % 2 === 0;
    const what = `cut ${after ? 'after' : 'before'} write ${cutAt}`;
    const store = new CutStore('distribution/', 'slots/', 'blob/', 'updates/', 'blob-client/');
    const setup = new DistributorSetup({ store, targets: [{}, {}] });
    // From then on it neither sends nor hears.
    const died = (): void => {
      setup.iut.deaf = true;
    };
    Object.assign(store, { cutAt, after, died });
    run(setup, what);
    if (!store.isDead) {
      assert.ok(store.writes < cutAt);
      return cuts;
    }
    cuts++;
    store.repair();
    setup.reboot();
    run(setup, what);
    for (const target of setup.targets) {
      assert.equal(target.applied, 1, `${what}: applied once`);
      assert.deepEqual([target.firmwareId, target.blob.content], [NEW_ID, DATA], what);
      const again = target.blob.repeated + target.blob.blocksReceived.length;
      assert.ok(again <= 3, `${what}: at most one block is sent again`);
    }
    setup.exchange(
      RECEIVERS_GET,
      receiversList(2, 0, ...setup.targets.map(({ address }) => receiverEntry(address, { phase: 8, percent: 100 }))),
    );
    assert.equal(setup.slots.images.length, 1, `${what}: one image, none lost and none twice`);
    assert.equal(setup.slots.reservations.length, 0, what);
  }
}

export const distributorPower: readonly Case[] = [
  specified(
    'FD/POWER/01',
    'power cut at every write from upload to Completed: nothing lost, nobody updated twice',
    () => {
      const cuts = cutEverywhere();
      assert.ok(cuts >= 25, `${cuts} cuts`);
    },
  ),
];
