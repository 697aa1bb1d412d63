import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ClientSetup, GROUP, heardOf } from '../testing/client-setup.ts';
import { information, type PeerServerOptions } from '../testing/peer-server.ts';
import { BLOB_ID, blockStart, chunk, DATA, ID, ServerSetup, START_PUSH, TTL } from '../testing/server-setup.ts';
import { expectReports, pulling } from './server-pull.ts';

/** Capabilities that leave a client no choice but blocks of 2^log octets and this chunk size. */
function forcing(log: number, chunkSize: number): PeerServerOptions {
  return { information: information(log, log, { chunkSize, chunks: Math.ceil(2 ** log / chunkSize) }) };
}

/** Octets of the messages that the first tester heard, repetitions of requests left out. */
function script(setup: ClientSetup): readonly string[] {
  const all = setup.servers[0]!.station.heard.map(({ hex }) => hex);
  return all.filter((hex, i) => hex !== all[i - 1]);
}

/** The steps of a whole push transfer with these numbers of chunks in each block. */
function wholeTransfer(start: string, chunkSize: number, blocks: readonly (readonly string[])[]): readonly string[] {
  return ['8306', start, ...blocks.flatMap((chunks, i) => [blockStart(i, chunkSize), ...chunks, '8305']), '8300'];
}

const chunksOf = (chunkSize: number, size: number): readonly string[] =>
  Array.from({ length: Math.ceil(size / chunkSize) }, (_, i) => chunk(i, Math.min(chunkSize, size - i * chunkSize)));

export const testerSteps: readonly Case[] = [
  specified('TESTER/850', 'capabilities, then 80 octets: block size log 6, chunks of 8: 8 and 2', () => {
    const setup = new ClientSetup({ servers: [forcing(6, 8)] });
    setup.start();
    setup.ends('complete');
    assert.deepEqual(script(setup), wholeTransfer(START_PUSH, 8, [chunksOf(8, 64), chunksOf(8, 16)]));
    for (const { dst, src, ttl } of setup.servers[0]!.station.heard) assert.deepEqual([dst, src, ttl], [2, 1, TTL]);
    setup.delivered(DATA);
  }),
  specified('TESTER/851', 'chunk size 65: one chunk of 64, one of 16', () => {
    // One chunk a block at most, of 65 octets at most.
    const setup = new ClientSetup({ servers: [{ information: information(6, 6, { chunks: 1, chunkSize: 65 }) }] });
    setup.start();
    setup.ends('complete');
    assert.deepEqual(script(setup), wholeTransfer(START_PUSH, 65, [[chunk(0, 64)], [chunk(0, 16)]]));
    setup.delivered(DATA);
  }),
  specified('TESTER/852', 'as server: the stated number of octets is there', () => {
    const setup = new ServerSetup().bring(3);
    setup.chunks(0, 1, 2);
    assert.equal((setup.server.progress * 80) / 100, 24);
    setup.chunks(3, 4, 5, 6, 7);
    assert.equal((setup.server.progress * 80) / 100, 64);
    setup.ask(blockStart(1));
    setup.chunks(0, 1);
    assert.equal((setup.server.progress * 80) / 100, 80);
    assert.equal(setup.content, DATA);
  }),
  specified('TESTER/853', 'as server: expects BLOB ID 0x1100000000000011 with base and TTL', () => {
    const setup = new ServerSetup();
    setup.exchange(START_PUSH, '83030400');
    setup.expect();
    setup.exchange('8300', `83030001${ID}`);
    assert.equal(setup.tester.heard.at(-1)?.ttl, TTL);
    setup.exchange(START_PUSH, `83034002${ID}50000000067c0103`);
    setup.suspendsAt(setup.lastHeard + 60_000);
  }),
  specified('TESTER/854', 'after suspension, failure or end the client sends nothing more', () => {
    const suspended = new ClientSetup({ servers: [forcing(6, 8)] });
    suspended.start();
    suspended.until(({ type }) => type === 'block', 'first block');
    suspended.transfer.suspend();
    suspended.silentFor(200);
    const failed = new ClientSetup({
      servers: [{ answer: (usual) => (usual.startsWith('8303') ? `83030401${ID}` : usual) }],
    });
    failed.start();
    failed.ends('failed');
    failed.silentFor(200);
    const ended = new ClientSetup({ servers: [forcing(6, 8)] });
    ended.start();
    ended.ends('complete');
    ended.silentFor(200);
  }),
  specified(
    'TESTER/855',
    'capabilities, then Transfer Get: the client learns the state of a transfer begun before',
    () => {
      // By itself: Information Get, then Transfer Get, and what the tester says.
      const asking = new ClientSetup({ servers: [forcing(6, 8)] });
      const to = { receivers: [{ address: 2 }], appIndex: 0, ttl: TTL, timeoutBase: 5 };
      const told: unknown[] = [];
      asking.client.retrieveCapabilities(to, (answers) => {
        told.push(answers.map(({ address, answer }) => [address, answer?.maxBlockSizeLog]));
        asking.client.retrieveState(to, (states) => {
          told.push(states.map(({ address, answer }) => [address, answer?.phase, answer?.blobId]));
        });
      });
      asking.clock.advance(5000);
      assert.deepEqual(told, [[[2, 6]], [[2, 1, BLOB_ID]]]);
      assert.deepEqual(script(asking), ['8306', '8300']);
      // As the first step of a transfer that goes on.
      const setup = new ClientSetup({ servers: [forcing(6, 8)] });
      setup.start();
      setup.until((event) => event.type === 'block' && event.number === 1, 'second block');
      setup.iut.close();
      const before = setup.servers[0]!.station.heard.length;
      setup.clock.advance(1000);
      setup.servers[0]!.suspend();
      // Another client, which knows the BLOB and nothing else.
      for (const key of setup.store.keys('blob/')) setup.store.batch([[key, null]]);
      setup.reboot();
      setup.start({ resume: true });
      setup.ends('complete');
      const after = setup.servers[0]!.station.heard.slice(before).map(({ hex }) => hex);
      const queried = after.indexOf('8306');
      assert.deepEqual(
        after
          .slice(queried)
          .filter((hex, i, all) => hex !== all[i - 1])
          .slice(0, 4),
        ['8306', '8300', START_PUSH, blockStart(1)],
      );
      setup.delivered(DATA);
      assert.deepEqual(setup.servers[0]!.blocksReceived, [0, 1]);
    },
  ),
  specified('TESTER/856', 'several testers, block size log 18, chunks of 11: one block, 7 × 11 + 3', () => {
    // No more chunks than the BLOB has: the tester counts those of the only block, not of a full one of 2^18 octets.
    const tester: PeerServerOptions = { information: information(6, 18, { chunks: 8, chunkSize: 11 }) };
    for (const group of [undefined, GROUP]) {
      const setup = new ClientSetup({ servers: [tester, tester, tester] });
      setup.start({ blockSizeLog: 18, chunkSize: 11, group });
      setup.ends('complete');
      assert.deepEqual(setup.lost, []);
      const start = START_PUSH.replace('067c01', '127c01');
      assert.deepEqual(script(setup), wholeTransfer(start, 11, [chunksOf(11, 80)]));
      for (const { blocksReceived, repeated } of setup.servers) {
        assert.deepEqual([blocksReceived, repeated], [[0], 0]);
      }
      setup.delivered(DATA);
    }
    // One chunk too many for a tester: it is refused by its capabilities, the others are served.
    const few: PeerServerOptions = { information: information(6, 18, { chunks: 7, chunkSize: 11 }) };
    const setup = new ClientSetup({ servers: [tester, few] });
    setup.start({ blockSizeLog: 18, chunkSize: 11 });
    setup.ends('complete');
    assert.deepEqual(
      setup.lost.map(({ address, status }) => [address, status]),
      [[3, 3]],
    );
    setup.delivered(DATA, setup.servers.slice(0, 1));
  }),
  specified('TESTER/857', 'data at the tester equals the data sent', () => {
    const content = Array.from({ length: 200 }, (_, i) => ((i * 37) & 0xff).toString(16).padStart(2, '0')).join('');
    for (const options of [{ mode: 'push' }, { mode: 'pull' }, { mode: 'push', group: GROUP }] as const) {
      const setup = new ClientSetup({ servers: [forcing(6, 17), forcing(6, 17)] });
      setup.start({ content, ...options });
      setup.ends('complete');
      setup.delivered(content);
    }
  }),
  specified('TESTER/860', 'cancels the running transfer', () => {
    const setup = new ClientSetup({ servers: [forcing(6, 8)] });
    setup.start();
    setup.until(({ type }) => type === 'block', 'first block');
    setup.transfer.cancel();
    setup.ends('cancelled');
    assert.deepEqual(
      heardOf(setup.servers[0]!, '8302').map(({ hex }) => hex),
      [`8302${ID}`],
    );
    assert.equal(setup.servers[0]!.phase, 0);
    setup.silentFor(100);
  }),
  specified('TESTER/861', 'as server in pull mode: Partial Block Report after 31 s, again and again', () => {
    const setup = pulling({ reportIntervalMs: 31_000 }, 20);
    setup.ask(blockStart(0));
    expectReports(setup, setup.lastHeard, 31_000, '6800010203', 5);
  }),
  specified('MBT/SR/BT/BV-10', 'pull: the server repeats Partial Block Report every 31 s, also the empty one', () => {
    const setup = pulling({ reportIntervalMs: 31_000 }, 20);
    setup.ask(blockStart(0));
    setup.chunks(0, 1);
    const asked = setup.lastHeard;
    expectReports(setup, asked, 31_000, '6802030405', 3);
    setup.chunks(2, 3, 4, 5, 6, 7);
    const [report] = setup.reports(200).slice(-1);
    assert.equal(report?.hex, '68');
    expectReports(setup, report.at - 50, 31_000, '68', 3);
  }),
];
