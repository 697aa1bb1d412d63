import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ClientSetup, GROUP, heardOf } from '../testing/client-setup.ts';
import { information, type PeerServer, type PeerServerOptions } from '../testing/peer-server.ts';
import { DATA } from '../testing/server-setup.ts';

/** Ignores Information Get. */
const silent: PeerServerOptions = { answer: (usual) => (usual.startsWith('8307') ? null : usual) };
/** Ignores Transfer Get. */
const mute: PeerServerOptions = { answer: (usual, { hex }) => (hex === '8300' ? null : usual) };
/** Base 0 and TTL 3: the client timeout is 20.3 s. */
const BASE_0 = { group: GROUP, timeoutBase: 0, settings: 'stock' } as const;
const CLIENT_TIMEOUT = 20_300;

const requests = (server: PeerServer): number => heardOf(server, '8306').length;

/** Lost by silence at the client timeout after the first request. */
function expectSilent(setup: ClientSetup, ...places: number[]): void {
  const since = setup.servers.flatMap((server) => heardOf(server, '8306').slice(0, 1))[0]?.at ?? 0;
  assert.deepEqual(
    setup.lost.map(({ address }) => address),
    places.map((i) => setup.servers[i]!.address),
  );
  for (const { at, status, timedOut } of setup.lost) {
    assert.deepEqual([status, timedOut], [9, true]);
    assert.ok(Math.abs(at - since - CLIENT_TIMEOUT) <= 200, `lost ${at - since} ms after the first request`);
  }
}

/** Information Status with one octet changed so that a value is out of range, or of a wrong length. */
const MALFORMED = [
  information(5, 6),
  information(6, 33),
  information(7, 6),
  information(6, 6, { chunks: 0 }),
  information(6, 6, { chunkSize: 7 }),
  information(6, 6, { size: 0 }),
  information(6, 6, { mtu: 19 }),
  information(6, 6).slice(0, -2),
  `${information(6, 6)}00`,
];

export const clientInformation: readonly Case[] = [
  specified('blob_cli_caps_all_rsp', 'two good servers: capabilities known, nobody lost', () => {
    const setup = new ClientSetup({ servers: [{}, {}] });
    setup.start(BASE_0);
    setup.until(({ type }) => type === 'capabilities', 'capabilities');
    assert.deepEqual(setup.lostFlags, [false, false]);
    assert.deepEqual(setup.servers.map(requests), [1, 1]);
    for (const server of setup.servers) assert.equal(heardOf(server, '8306')[0]?.dst, GROUP);
    setup.ends('complete');
    setup.delivered(DATA);
  }),
  specified('blob_cli_caps_partial_rsp', 'one is silent: 5 requests, lost by time-out, capabilities known', () => {
    const setup = new ClientSetup({ servers: [{}, silent] });
    setup.start(BASE_0);
    setup.until(({ type }) => type === 'capabilities', 'capabilities');
    assert.equal(requests(setup.servers[1]!), 5);
    expectSilent(setup, 1);
    setup.ends('complete');
    setup.delivered(DATA, setup.servers.slice(0, 1));
  }),
  specified('blob_cli_caps_no_rsp', 'both are silent: 5 requests each, both lost, no capabilities', () => {
    const setup = new ClientSetup({ servers: [silent, silent] });
    setup.start(BASE_0);
    setup.ends('failed');
    assert.deepEqual(setup.servers.map(requests), [5, 5]);
    expectSilent(setup, 0, 1);
    assert.deepEqual(
      setup.events.filter(({ type }) => type === 'capabilities'),
      [],
    );
  }),
  specified('blob_cli_caps_cancelled', 'cancelled after 15 s: no result, nobody lost; a second run gives one', () => {
    const setup = new ClientSetup({ servers: [{}, silent] });
    setup.start(BASE_0);
    setup.clock.advance(15_000);
    setup.transfer.cancel();
    assert.equal(setup.events.at(-1)?.type, 'done');
    setup.silentFor(60);
    assert.deepEqual(
      setup.events.filter(({ type }) => type === 'capabilities' || type === 'lost'),
      [],
    );
    assert.deepEqual(setup.lostFlags, [false, false]);
    assert.deepEqual(
      setup.transfer.receivers.map(({ timedOut }) => timedOut),
      [false, false],
    );
    setup.start(BASE_0);
    setup.until(({ type }) => type === 'capabilities', 'capabilities of the second run');
    assert.deepEqual(setup.lostFlags, [false, true]);
  }),
  specified(
    'blob_cli_broadcast_basic',
    'asks again after the retry time while one is pending; goes on at once when the last answers',
    () => {
      let answered = 0;
      const late: PeerServerOptions = {
        answer: (usual) => (usual.startsWith('8307') && answered++ < 2 ? null : usual),
      };
      const setup = new ClientSetup({ servers: [{}, late] });
      setup.start(BASE_0);
      setup.until(({ type }) => type === 'capabilities', 'capabilities');
      const asked = heardOf(setup.servers[1]!, '8306').map(({ at }) => at);
      assert.equal(asked.length, 3);
      for (const [i, at] of asked.slice(1).entries()) {
        const waited = at - (asked[i] as number);
        assert.ok(waited >= CLIENT_TIMEOUT / 5 && waited < CLIENT_TIMEOUT / 5 + 200, `asked again after ${waited} ms`);
      }
      // The answer takes one advertising event; the next step begins with it.
      assert.ok(setup.clock.now - (asked[2] as number) < 200);
      assert.deepEqual(
        setup.servers.map((server) => new Set(heardOf(server, '8306').map(({ at }) => at)).size),
        [3, 3],
      );
    },
  ),
  specified(
    'blob_cli_broadcast_trans',
    'one silent target: acknowledged 5 sends, lost, next; unacknowledged 1 send, next at once; optional 5 sends, next',
    () => {
      // Acknowledged: Information Get.
      const acknowledged = new ClientSetup({ servers: [silent, {}] });
      acknowledged.start(BASE_0);
      acknowledged.until(({ type }) => type === 'capabilities', 'next step');
      assert.deepEqual(acknowledged.servers.map(requests), [5, 5]);
      expectSilent(acknowledged, 0);

      // Unacknowledged: chunks to the group, of which nothing is ever heard.
      const eights = { information: information(6, 6, { chunkSize: 8 }) };
      const unacknowledged = new ClientSetup({ servers: [eights, eights] });
      unacknowledged.start(BASE_0);
      unacknowledged.air.until(() => heardOf(unacknowledged.servers[1]!, '8305').length > 0, 20, 'next step');
      for (const server of unacknowledged.servers) {
        const chunks = heardOf(server, '66');
        assert.equal(new Set(chunks.map(({ hex }) => hex)).size, chunks.length, 'each chunk once');
        assert.ok(chunks.length > 0 && chunks.every(({ dst }) => dst === GROUP));
        const waited = heardOf(server, '8305')[0]!.at - chunks.at(-1)!.at;
        assert.ok(waited < 1000, `next after ${waited} ms`);
      }
      assert.deepEqual(unacknowledged.lost, []);

      // Optional: Transfer Get outside of a transfer.
      const optional = new ClientSetup({ servers: [mute, {}] });
      let phases: readonly (number | undefined)[] | undefined;
      const receivers = optional.servers.map(({ address }) => ({ address }));
      optional.client.retrieveState({ ...BASE_0, receivers, appIndex: 0, ttl: 3 }, (answers) => {
        phases = answers.map(({ answer }) => answer?.phase);
      });
      optional.air.until(() => phases !== undefined, 30, 'next step');
      assert.deepEqual(phases, [undefined, 1]);
      const asked = heardOf(optional.servers[0]!, '8300');
      assert.equal(asked.length, 5);
      const after = optional.clock.now - asked[0]!.at;
      assert.ok(Math.abs(after - CLIENT_TIMEOUT) <= 200, `next after ${after} ms`);
      // Nobody is lost: the next transfer serves both.
      optional.start(BASE_0);
      optional.until(({ type }) => type === 'capabilities', 'capabilities');
      assert.deepEqual(optional.lostFlags, [false, false]);
    },
  ),
  specified(
    'blob_cli_broadcast_unicast',
    'no group, two silent targets: both lost after all attempts; abort stops it',
    () => {
      const setup = new ClientSetup({ servers: [silent, silent] });
      setup.start({ ...BASE_0, group: undefined });
      setup.ends('failed');
      assert.deepEqual(setup.servers.map(requests), [5, 5]);
      assert.deepEqual(
        setup.lost.map(({ timedOut }) => timedOut),
        [true, true],
      );
      const aborted = new ClientSetup({ servers: [silent, silent] });
      aborted.start({ ...BASE_0, group: undefined });
      aborted.clock.advance(50);
      assert.equal(requests(aborted.servers[0]!), 1);
      aborted.transfer.cancel();
      aborted.silentFor(60);
      assert.deepEqual(aborted.lost, []);
      assert.ok(requests(aborted.servers[0]!) === 1 && requests(aborted.servers[1]!) <= 1);
    },
  ),
  specified(
    'blob_cli_broadcast_unicast_seq',
    'no group: 2, 3, 2, 3; after 2 has answered only 3; on when 3 has answered',
    () => {
      const order: number[] = [];
      const note = (from: number): PeerServerOptions => ({
        answer: (usual, _, { address }) => {
          if (!usual.startsWith('8307')) return usual;
          order.push(address);
          return order.filter((asked) => asked === address).length < from ? null : usual;
        },
      });
      const setup = new ClientSetup({ servers: [note(2), note(4)] });
      setup.start({ ...BASE_0, group: undefined });
      setup.until(({ type }) => type === 'capabilities', 'capabilities');
      assert.deepEqual(order, [2, 3, 2, 3, 3, 3]);
      assert.deepEqual(setup.lostFlags, [false, false]);
    },
  ),
  specified('CL/CAPS/01', 'disjoint block sizes and modes: what keeps most; the refused ones named', () => {
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
    ]) {
      const kinds = [information(8, 9), information(6, 7), information(6, 8), information(6, 9, { modes: 2 })];
      const setup = new ClientSetup({ servers: order.map((kind) => ({ information: kinds[kind] as string })) });
      setup.start();
      setup.ends('complete');
      const refused = setup.lost.map(({ address, status, timedOut }) => [order[address - 2], status, timedOut]);
      // Blocks of 2^6 or 2^7 suit two; one shares no block size with them, one does not push.
      const sizes = setup.events.flatMap((event) => (event.type === 'capabilities' ? [event.blockSizeLog] : []));
      assert.equal(refused.length, 2);
      assert.ok(refused.some(([kind, status, silent]) => kind === 3 && status === 8 && silent === false));
      const [expelled] = refused.filter(([kind]) => kind !== 3);
      assert.deepEqual(expelled?.slice(1), [2, false]);
      assert.ok(expelled?.[0] === 0 ? sizes[0] === 6 || sizes[0] === 7 : expelled?.[0] === 1 && sizes[0] === 8);
      setup.delivered(
        DATA,
        setup.servers.filter(({ address }) => !setup.lost.some((lost) => lost.address === address)),
      );
    }
    // Nobody is left before anything was started, one of them by silence: that is a failure, nothing to be resumed.
    const nobody = new ClientSetup({ servers: [silent, { information: information(6, 6, { modes: 2 }) }] });
    nobody.start();
    nobody.ends('failed');
    assert.deepEqual(
      nobody.lost.map(({ status }) => status),
      [9, 8],
    );
    const tooSmall = new ClientSetup({ servers: [{ information: information(6, 6, { size: 79 }) }, {}] });
    tooSmall.start();
    tooSmall.ends('complete');
    assert.deepEqual(
      tooSmall.lost.map(({ address, status }) => [address, status]),
      [[2, 7]],
    );
  }),
  specified('CL/CAPS/02', 'a malformed Information Status: the target counts as silent', () => {
    for (const malformed of MALFORMED) {
      const setup = new ClientSetup({ servers: [{ information: malformed }, {}] });
      setup.start(BASE_0);
      setup.ends('complete');
      expectSilent(setup, 0);
      setup.delivered(DATA, setup.servers.slice(1));
    }
    // Reserved bits of the last octet are no fault.
    const setup = new ClientSetup({ servers: [{ information: information(6, 6, { modes: 0xff }) }] });
    setup.start(BASE_0);
    setup.ends('complete');
  }),
];
