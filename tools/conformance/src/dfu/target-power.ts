import assert from 'node:assert/strict';
import { fromHex, toHex } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { CutStore } from '../testing/cut-store.ts';
import { blockStart, chunkOf, DATA, ID, IUT, START_PUSH, TRANSFER_GET } from '../testing/settings.ts';
import { METADATA, NEW_ID, TargetDevice } from '../testing/target-device.ts';
import { LIST_GET, TargetSetup, UPDATE_APPLY, UPDATE_GET, updateStart, updateStatus } from '../testing/target-setup.ts';
import { UpdateSetup } from '../testing/update-setup.ts';

/** A device that verifies and applies by itself; it notes what it applied. */
class WholeDevice extends TargetDevice {
  readonly runs: string[] = [];
  /** Verified, and not yet run by the bootloader. */
  pending: string | undefined;
  restarts = 0;

  override verify(imageIndex: number, metadata: Uint8Array, done: (ok: boolean) => void): void {
    super.verify(imageIndex, metadata, done);
    done(toHex(this.content) === DATA);
  }

  override apply(imageIndex: number, done: (ok: boolean) => void): void {
    super.apply(imageIndex, done);
    assert.equal(toHex(this.content), DATA, 'applies what was verified');
    this.pending = toHex(this.content);
    this.restarts++;
  }

  /** What the bootloader does; undefined when there is nothing to be done. */
  boot(): boolean | undefined {
    if (this.pending === undefined) return undefined;
    this.runs.push(this.pending);
    this.pending = undefined;
    this.list = [{ firmwareId: fromHex(NEW_ID) }, ...this.list.slice(1)];
    return true;
  }
}

/** One step of an update, by what Get is answered; true when the new firmware runs. */
function step(setup: TargetSetup, device: WholeDevice): boolean {
  const [status = ''] = setup.ask(UPDATE_GET);
  const phase = Number.parseInt(status.slice(4, 6), 16) >> 5;
  if (phase === 0 && device.runs.length > 0) return true;
  if (phase === 4) setup.ask(UPDATE_APPLY);
  else if (phase === 2) transferMissing(setup);
  else if (phase === 0 || phase === 1 || phase === 5) setup.ask(updateStart());
  if (device.pending !== undefined && !(setup.store as CutStore).isDead) setup.reboot(device.boot());
  return false;
}

/** Transfer Start, then the blocks that its answer says are missing. */
function transferMissing(setup: TargetSetup): void {
  const [status = ''] = setup.ask(START_PUSH);
  const missing = Number.parseInt(status.slice(38), 16);
  for (const block of [0, 1]) {
    if ((missing & (1 << block)) === 0) continue;
    setup.ask(blockStart(block));
    const data = DATA.slice(block * 128, (block + 1) * 128);
    for (let i = 0; i < data.length / 16; i++) {
      if ((setup.store as CutStore).isDead) return;
      setup.tell(chunkOf(data, i));
    }
  }
  setup.clock.advance(500);
}

/** Cuts the power at each write of a whole update; gives the number of cuts. */
function cutEverywhere(): number {
  let cuts = 0;
  for (let cutAt = 1; ; cutAt++) {
    for (const after of [false, true]) {
      const store = new CutStore('update/', 'blob/');
      const device = new WholeDevice();
      const setup = new TargetSetup({ store, device });
      // From then on it neither sends nor hears.
      const died = (): void => {
        setup.iut.deaf = true;
      };
      Object.assign(store, { cutAt, after, died });
      let steps = 0;
      while (!store.isDead && !step(setup, device)) assert.ok(steps++ < 20, 'does not come to an end');
      if (!store.isDead) {
        assert.ok(store.writes < cutAt);
        return cuts;
      }
      cuts++;
      const what = `cut ${after ? 'after' : 'before'} write ${cutAt}`;
      store.repair();
      setup.reboot(device.boot());
      for (steps = 0; !step(setup, device); steps++) assert.ok(steps < 20, `${what}: no Start leaves this state`);
      setup.exchange(LIST_GET, `8309020004${NEW_ID}0004110000ff00`);
      assert.equal(setup.content, DATA, what);
      assert.ok(device.runs.length <= 2 && device.runs.every((image) => image === DATA), what);
      assert.ok(device.writes.length <= 3, `${what}: at most one block is written again`);
      assert.equal(setup.stored, '', what);
    }
  }
}

export const targetPower: readonly Case[] = [
  specified('FU/POWER/01', 'power cut before and after every write of a whole update: it is applied in the end', () => {
    // The phases of the update, the progress of the BLOB transfer, and the end of both: before and after each.
    assert.ok(cutEverywhere() >= 18);
  }),
  specified('dfu_srv_persistence', 'power cycles in phases 2, 3, 4, 6 and in 5, 6: restored, resumed, applied', () => {
    const setup = new TargetSetup({ maxBlockSizeLog: 6 });
    verifyingAfterPowerCuts(setup);
    applyingAfterPowerCut(setup);
    failedAfterPowerCut();
  }),
];

const RECEIVER = { receivers: [{ address: IUT, imageIndex: 1 }], rebootMs: 1 };
const INDEX_1 = { index: 1 };

/** A real client that updates image 1 of the node under test. */
function clientOf(setup: TargetSetup): UpdateSetup {
  return new UpdateSetup({ air: setup.air, address: 0x0002, targets: [] });
}

/** The client has lost the target by its silence. */
function lost(client: UpdateSetup, phase: number): void {
  assert.deepEqual(client.results, [`3/${phase}`]);
  assert.deepEqual(
    client.losses.map(({ length }) => length),
    [1],
  );
}

function powerOff(setup: TargetSetup): void {
  setup.blob.close();
  setup.iut.close();
}

/** Cut in Transfer Active, Verifying, Verification Succeeded. */
function verifyingAfterPowerCuts(setup: TargetSetup): void {
  const client = clientOf(setup);
  client.start(RECEIVER);
  setup.air.until(() => setup.device.writes.length === 1, 100, 'block 0');
  assert.equal(setup.update.phase, 2);
  powerOff(setup);
  client.until('suspended');
  lost(client, 2);
  setup.reboot();
  setup.phaseIs(1, INDEX_1);
  assert.deepEqual(setup.ask(TRANSFER_GET), [`83034005${ID}50000000067c0102`], 'block 0 is held, block 1 is missing');
  assert.equal(client.run.resume(), true);
  setup.air.until(() => setup.update.phase === 3, 200, 'Verifying');
  assert.deepEqual([setup.content, setup.device.writes], [DATA, [0, 64]]);
  // Refresh is under way.
  setup.clock.advance(3000);
  powerOff(setup);
  client.ends('failed');
  assert.deepEqual(client.results, ['3/3']);
  setup.reboot();
  setup.phaseIs(3, INDEX_1);
  assert.equal(setup.device.calls.at(-1), 'verify 1', 'verified again');
  setup.device.verified?.(true);
  setup.phaseIs(4, INDEX_1);
  setup.reboot();
  // Nobody knows whether the storage is still what was verified: ours asks, Zephyr's says no by itself.
  setup.phaseIs(3, INDEX_1);
  setup.device.verified?.(false);
  setup.phaseIs(5, INDEX_1);
}

/** A new Start is answered "already there"; cut in Applying. */
function applyingAfterPowerCut(setup: TargetSetup): void {
  setup.device.isThere = true;
  const writes = setup.device.writes.length;
  const client = clientOf(setup);
  client.start(RECEIVER);
  setup.air.until(() => setup.update.phase === 3, 100, 'Verifying');
  setup.device.verified?.(true);
  setup.air.until(() => setup.device.calls.at(-1) === 'apply 1', 100, 'Apply');
  setup.phaseIs(6, INDEX_1);
  powerOff(setup);
  client.ends('failed');
  lost(client, 6);
  setup.reboot();
  setup.phaseIs(6, INDEX_1);
  assert.equal(setup.device.calls.at(-1), 'apply 1', 'nobody has said that it was applied');
  setup.device.list = [setup.device.list[0]!, { firmwareId: fromHex(NEW_ID) }];
  setup.device.applied?.(true);
  setup.phaseIs(0);
  assert.equal(setup.device.writes.length, writes, 'no BLOB was transferred');
  // The client takes its update up again and finds it done.
  const again = clientOf(setup);
  again.start(RECEIVER);
  setup.air.until(() => setup.update.phase === 3, 100, 'Verifying');
  setup.device.verified?.(true);
  setup.air.until(() => setup.device.calls.filter((call) => call === 'apply 1').length === 3, 100, 'Apply');
  setup.device.applied?.(true);
  again.ends('complete');
  assert.deepEqual(again.results, ['0/8']);
}

/** Cut in Verification Failed: a new Start leads to Applying. */
function failedAfterPowerCut(): void {
  const setup = new TargetSetup();
  setup.ask(updateStart(INDEX_1));
  setup.transfer();
  setup.device.verified?.(false);
  setup.phaseIs(5, INDEX_1);
  setup.reboot();
  setup.phaseIs(5, INDEX_1);
  setup.exchange(updateStart(INDEX_1), updateStatus(0, 2, INDEX_1));
  assert.equal(setup.device.calls.at(-1), `start 1 ${METADATA}`);
  setup.transfer();
  setup.device.verified?.(true);
  setup.exchange(UPDATE_APPLY, updateStatus(0, 6, INDEX_1));
  setup.reboot();
  setup.phaseIs(6, INDEX_1);
}
