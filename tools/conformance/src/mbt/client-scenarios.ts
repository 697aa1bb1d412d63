import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ClientSetup, GROUP, heardOf, octets } from '../testing/client-setup.ts';
import { information, type PeerServer, type PeerServerOptions } from '../testing/peer-server.ts';
import { blockStart, chunk, ID, ServerSetup } from '../testing/server-setup.ts';

/** Two blocks of 4096 octets in chunks of 377. */
const BIG = { information: information(12, 12, { chunks: 11, chunkSize: 377, size: 8192 }) };
/** Three blocks of 256 octets in chunks of 36. */
const SMALL = { information: information(8, 8, { chunks: 8, chunkSize: 36 }) };
const GROUP_10 = { group: GROUP, timeoutBase: 10, ttl: 0, settings: 'stock' } as const;
/** Client timeout for base 10 and TTL 0, ms. */
const CLIENT_TIMEOUT = 120_000;
const RECEIVE_TIMEOUT = 110_000;

/** Answers this message and hears nothing more. */
function deafAfter(opcode: string, options: PeerServerOptions): PeerServerOptions {
  let isDeaf = false;
  return {
    ...options,
    listens: () => !isDeaf,
    answer: (usual, request) => {
      if (request.hex.startsWith(opcode)) isDeaf = true;
      return usual;
    },
  };
}

/** Ignores Transfer Get. */
const ignoresTransferGet: PeerServerOptions = {
  ...BIG,
  answer: (usual, request) => (request.hex === '8300' ? null : usual),
};

function blocksAnnounced(server: PeerServer): readonly number[] {
  return [...new Set(heardOf(server, '8304').map(({ hex }) => Number.parseInt(hex.slice(4, 6), 16)))];
}

function completes(mode: 'push' | 'pull'): void {
  const setup = new ClientSetup({ servers: [BIG, BIG, BIG, BIG] });
  const content = octets(8192);
  setup.start({ content, mode, ...GROUP_10 });
  setup.ends('complete');
  setup.delivered(content);
  for (const server of setup.servers) {
    assert.deepEqual(server.blocksReceived, [0, 1]);
    assert.deepEqual(blocksAnnounced(server), [0, 1]);
    assert.deepEqual([server.chunkSize, server.repeated], [377, 0]);
    assert.ok(server.station.heard.every(({ ttl }) => ttl === 0));
    assert.ok(server.chunks.group > 0 && server.chunks.unicast === 0);
  }
  setup.silentFor(100);
}

function resumes(mode: 'push' | 'pull'): void {
  const setup = new ClientSetup({ servers: [BIG] });
  const [server] = setup.servers as [PeerServer];
  const content = octets(8192);
  setup.start({ content, mode, ...GROUP_10 });
  setup.air.until(() => server.block === 1 && server.missingChunks.size === 8, 500, 'three chunks of block 1');
  server.station.deaf = true;
  setup.clock.after(RECEIVE_TIMEOUT, () => server.suspend());
  setup.ends('suspended');
  assert.deepEqual(
    setup.lost.map(({ address, timedOut, status }) => [address, timedOut, status]),
    [[2, true, 9]],
  );
  assert.equal(server.phase, 5);
  server.station.deaf = false;
  setup.clock.advance(5000);
  setup.transfer.resume();
  setup.ends('complete');
  setup.delivered(content);
  assert.deepEqual(server.blocksReceived, [0, 1]);
}

export const clientScenarios: readonly Case[] = [
  specified(
    'blob_cli_trans_complete_push',
    'group, push, 8192 octets, 4 servers: complete, blocks 0 and 1 once each',
    () => completes('push'),
  ),
  specified('blob_cli_trans_complete_pull', 'the same in pull mode', () => completes('pull')),
  specified(
    'blob_cli_trans_resume_push',
    'silent in block 1: suspended, lost by time-out; resumed: complete, block 0 not again',
    () => resumes('push'),
  ),
  specified('blob_cli_trans_resume_pull', 'the same in pull mode', () => resumes('pull')),
  specified('blob_cli_persistent_transfer', 'four of five targets are lost on the way, one good one is enough', () => {
    const servers = [deafAfter('8301', BIG), deafAfter('8304', BIG), ignoresTransferGet, BIG];
    const setup = new ClientSetup({ servers });
    const content = octets(4096);
    setup.start({ content, ...GROUP_10, receivers: [2, 3, 4, 5, 6].map((address) => ({ address })) });
    setup.ends('complete', 20_000);
    assert.deepEqual(setup.lostFlags, [true, true, true, false, true]);
    assert.deepEqual(new Set(setup.lost.map(({ status, timedOut }) => `${status} ${timedOut}`)), new Set(['9 true']));
    assert.deepEqual(
      setup.lost.map(({ address }) => address),
      [6, 2, 3, 4],
    );
    setup.delivered(content, setup.servers.slice(3));
  }),
  specified(
    'blob_cli_persistent_transfer_pull',
    'unicast, pull: the first of two disappears in block 2, the other gets all',
    () => {
      const setup = new ClientSetup({ servers: [SMALL, SMALL] });
      const content = octets(768);
      setup.start({ content, mode: 'pull', timeoutBase: 10, settings: 'stock' });
      const [first, second] = setup.servers as [PeerServer, PeerServer];
      setup.air.until(() => first.block === 2 && first.missingChunks.size < 8, 500, 'block 2');
      first.station.deaf = true;
      setup.ends('complete');
      assert.deepEqual(setup.lostFlags, [true, false]);
      setup.delivered(content, [second]);
      assert.deepEqual(second.blocksReceived, [0, 1, 2]);
      assert.equal(second.chunkSize, 36);
    },
  ),
  specified('blob_cli_no_rsp_block', 'two servers hear nothing after Block Start: suspended, both lost', () => {
    const setup = new ClientSetup({ servers: [deafAfter('8304', BIG), deafAfter('8304', BIG)] });
    setup.start({ content: octets(4096), ...GROUP_10 });
    setup.ends('suspended');
    assert.deepEqual(
      setup.lost.map(({ timedOut }) => timedOut),
      [true, true],
    );
    const asked = setup.servers[0]!.station.heard.at(-1)?.at as number;
    for (const { at } of setup.lost) assert.ok(at - asked >= CLIENT_TIMEOUT, 'not before the client timeout');
    setup.silentFor(200);
  }),
  specified('blob_cli_no_rsp_xfer', 'two servers ignore Transfer Get: failed, both lost', () => {
    const setup = new ClientSetup({ servers: [ignoresTransferGet, ignoresTransferGet] });
    setup.start({ content: octets(4096), ...GROUP_10 });
    setup.ends('failed');
    const since = heardOf(setup.servers[0]!, '8300')[0]?.at as number;
    assert.equal(heardOf(setup.servers[0]!, '8300').length, 5);
    assert.deepEqual(setup.lostFlags, [true, true]);
    for (const { at } of setup.lost)
      assert.ok(Math.abs(at - since - CLIENT_TIMEOUT) < 500, `lost after ${at - since} ms`);
  }),
  specified('blob_srv_persistence', 'power cycles in phases 1, 2, 3 and 5: restored, resumed, complete', persistence),
];

/** Base 1: suspended after 20 s. */
function persistence(): void {
  const setup = new ServerSetup({ capabilities: { maxBlobSize: 8192 } });
  const content = octets(8192);
  const fields = `${ID}002000000c7c01`;
  const start = `830140${fields}`;
  const block = (number: number, chunks = 11): void => {
    setup.exchange(blockStart(number, 377), `6700${blockStart(number, 377).slice(4)}`);
    for (let i = 0; i < chunks; i++) {
      const from = number * 4096 + i * 377;
      const data = content.slice(2 * from, 2 * Math.min(from + 377, (number + 1) * 4096));
      setup.tell(chunk(i, 0) + data);
    }
  };
  const restored = (phase: number, missing?: string): void => {
    setup.phaseIs(phase);
    const status = phase === 1 ? `83030001${ID}` : `8303400${phase}${fields}${missing}`;
    setup.exchange('8300', status);
    assert.equal(setup.tester.heard.at(-1)?.ttl, 3);
  };

  setup.expect(1);
  assert.equal(setup.reboot(), true);
  restored(1);
  setup.exchange(start, `83034002${fields}03`);
  block(0);
  setup.phaseIs(2);
  setup.reboot();
  restored(5, '02');
  setup.exchange(start, `83034002${fields}02`);
  block(1, 3);
  setup.phaseIs(3);
  setup.reboot();
  restored(5, '02');
  setup.exchange(start, `83034002${fields}02`);
  setup.suspendsAt(setup.lastHeard + 20_000);
  setup.exchange(start, `83034002${fields}02`);
  block(1);
  setup.phaseIs(4);
  assert.equal(setup.content, content);
  assert.deepEqual(setup.flash.writes, [0, 4096]);

  setup.expect(1);
  setup.exchange(start, `83034002${fields}03`);
  block(0);
  setup.suspendsAt(setup.lastHeard + 20_000);
  setup.reboot();
  restored(5, '02');
  setup.exchange(start, `83034002${fields}02`);
  block(1);
  setup.phaseIs(4);
  assert.equal(setup.content, content);
}
