import assert from 'node:assert/strict';
import { MemoryStore } from '@meshferry/core';
import { type Case, specified } from '../case.ts';
import { ID, le16, le32, OTHER_ID, ServerSetup, START_PUSH, TRANSFER_GET } from '../testing/server-setup.ts';

interface Start {
  readonly mode?: number;
  readonly id?: string;
  readonly size?: number;
  readonly log?: number;
  readonly mtu?: number;
}

function start({ mode = 1, id = ID, size = 80, log = 6, mtu = 380 }: Start): string {
  return `8301${(mode << 6).toString(16).padStart(2, '0')}${id}${le32(size)}${log.toString(16).padStart(2, '0')}${le16(mtu)}`;
}

/** An error that leaves the server waiting: the right Transfer Start is accepted afterwards. */
function refused(setup: ServerSetup, message: string, status: number): void {
  setup.expect();
  const before = setup.stored;
  setup.exchange(message, `83030${status}01${ID}`);
  setup.phaseIs(1);
  assert.equal(setup.stored, before, 'stored state');
  setup.clock.advance(300_000);
  setup.phaseIs(1);
  setup.exchange(START_PUSH, `83034002${ID}50000000067c0103`);
  assert.deepEqual(
    setup.told.map(({ what }) => what),
    ['started'],
  );
}

/** An error that ends the transfer. */
function cancelled(setup: ServerSetup, message: string, status: number): void {
  setup.expect();
  setup.exchange(message, `83030${status}00`);
  setup.phaseIs(0);
  assert.equal(setup.stored, '', 'stored state');
  assert.deepEqual(
    setup.told.map(({ what }) => what),
    ['failed'],
  );
  setup.exchange(START_PUSH, '83030400');
}

/** A store that refuses from now on. */
class FailingStore extends MemoryStore {
  fails = false;

  override batch(writes: Parameters<MemoryStore['batch']>[0]): void {
    const all = [...writes];
    if (this.fails && all.some(([key, value]) => key.startsWith('blob/') && value !== null))
      throw new Error('no space left');
    super.batch(all);
  }
}

export const serverStart: readonly Case[] = [
  specified('SR/START/01', 'other BLOB ID: Wrong BLOB ID, still waiting', () =>
    refused(new ServerSetup(), start({ id: OTHER_ID }), 6),
  ),
  specified('SR/START/02', 'larger than the capability: BLOB Too Large, still waiting', () => {
    refused(new ServerSetup(), start({ size: 5001 }), 7);
    const setup = new ServerSetup();
    setup.expect();
    setup.exchange(start({ size: 5000, log: 12 }), `83034002${ID}881300000c7c0103`);
  }),
  specified('SR/START/03', 'block size outside the capabilities: Invalid Block Size, still waiting', () => {
    refused(new ServerSetup({ capabilities: { maxBlockSizeLog: 6 } }), start({ log: 7 }), 2);
    const setup = new ServerSetup({ capabilities: { minBlockSizeLog: 8 } });
    setup.expect();
    setup.exchange(start({ log: 7 }), `83030201${ID}`);
    setup.phaseIs(1);
    setup.exchange(start({ log: 8 }), `83034002${ID}50000000087c0101`);
  }),
  specified('SR/START/04', 'mode that is not offered: Unsupported Transfer Mode, still waiting', () =>
    refused(new ServerSetup({ capabilities: { pull: false } }), start({ mode: 2 }), 8),
  ),
  specified('SR/START/05', 'more blocks than can be tracked: Invalid Parameter, Inactive', () => {
    const capabilities = { maxBlobSize: 0xffff_ffff };
    cancelled(new ServerSetup({ capabilities }), start({ size: 2888 * 64 + 1 }), 5);
    const setup = new ServerSetup({ capabilities });
    setup.expect();
    setup.ask(start({ size: 2888 * 64 }));
    setup.clock.advance(5000);
    // 380 octets: the largest message there is.
    assert.equal(setup.tester.heard.at(-1)?.hex, `83034002${ID}00d20200067c01${'ff'.repeat(361)}`);
  }),
  specified('SR/START/06', 'the application has no room: Internal Error, Inactive', () => {
    const setup = new ServerSetup();
    setup.flash.room = false;
    cancelled(setup, START_PUSH, 9);
  }),
  specified('SR/START/07', 'the state cannot be stored: Internal Error, Inactive', () => {
    const store = new FailingStore();
    const setup = new ServerSetup({ store });
    setup.expect();
    store.fails = true;
    setup.exchange(START_PUSH, '83030900');
    setup.phaseIs(0);
    assert.deepEqual(
      setup.told.map(({ what }) => what),
      ['failed'],
    );
    store.fails = false;
    assert.equal(setup.reboot(), false);
    setup.phaseIs(0);
  }),
  specified('SR/START/08', 'two errors at once: Wrong BLOB ID comes first', () => {
    refused(new ServerSetup(), start({ id: OTHER_ID, size: 5001 }), 6);
    refused(new ServerSetup({ capabilities: { maxBlockSizeLog: 6 } }), start({ size: 5001, log: 7 }), 7);
    refused(new ServerSetup({ capabilities: { maxBlockSizeLog: 6, pull: false } }), start({ log: 7, mode: 2 }), 2);
  }),
  specified('SR/START/09', 'MTU of the client 20 and 384: Transfer MTU Size 20 and 380', () => {
    for (const [mtu, agreed] of [
      [20, '1400'],
      [384, '7c01'],
    ] as const) {
      const setup = new ServerSetup();
      setup.expect();
      setup.exchange(start({ mtu }), `83034002${ID}5000000006${agreed}03`);
    }
  }),
  specified('SR/START/10', 'repeated with larger MTU: Success; with smaller: Wrong Phase', () => {
    const setup = new ServerSetup();
    setup.expect();
    setup.ask(start({ mtu: 100 }));
    const agreed = `${ID}50000000066400`;
    setup.exchange(start({ mtu: 101 }), `83034002${agreed}03`);
    setup.exchange(start({ mtu: 100 }), `83034002${agreed}03`);
    setup.exchange(start({ mtu: 99 }), `83034402${agreed}03`);
    for (const other of [{ mode: 2 }, { size: 81 }, { log: 7 }]) {
      setup.exchange(start({ mtu: 100, ...other }), `83034402${agreed}03`);
    }
    setup.exchange(start({ mtu: 100, id: OTHER_ID }), `83034602${agreed}03`);
    setup.phaseIs(2);
  }),
  specified('SR/START/11', 'modes 0 and 3, lengths 15 and 17: silence, no change', () => {
    const setup = new ServerSetup();
    setup.expect();
    const before = setup.stored;
    for (const message of [start({ mode: 0 }), start({ mode: 3 }), START_PUSH.slice(0, -2), `${START_PUSH}00`]) {
      setup.exchange(message);
      setup.phaseIs(1);
      assert.equal(setup.stored, before);
    }
    // Reserved bits are no reason for silence.
    setup.exchange(TRANSFER_GET, `83030001${ID}`);
    setup.exchange(START_PUSH.replace('830140', '83017f'), `83034002${ID}50000000067c0103`);
  }),
];
