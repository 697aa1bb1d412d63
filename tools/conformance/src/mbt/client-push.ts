import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ClientSetup, type ClientSetupOptions, GROUP, heardOf, octets } from '../testing/client-setup.ts';
import { information, type PeerServer, type PeerServerOptions } from '../testing/peer-server.ts';
import { blockStart, DATA, le16 } from '../testing/server-setup.ts';

/** Blocks of 256 octets in chunks of 17. */
const SMALL: PeerServerOptions = { information: information(8, 8, { chunks: 16, chunkSize: 17 }) };
const SIZE = 1001;

const isStatus = (hex: string): boolean => hex.startsWith('67');

/** Whole transfers over a lossy air with several seeds, to one server and to three by group. */
function underLoss(loss: number): void {
  for (const seed of [1, 2, 3]) {
    toOne({ seed, loss });
    const setup = new ClientSetup({ seed, loss, servers: [SMALL, SMALL, SMALL] });
    const content = octets(SIZE);
    setup.start({ content, group: GROUP });
    setup.ends('complete', 20_000);
    setup.delivered(content);
    if (loss === 0)
      assert.deepEqual(
        setup.servers.map(({ repeated }) => repeated),
        [0, 0, 0],
      );
  }
}

/** Every chunk goes to the only server as often as a status of it named the chunk missing, never more. */
function toOne(options: Omit<ClientSetupOptions, 'servers'>): void {
  const named = new Map<string, number>();
  const sent = new Map<string, number>();
  const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  const server: PeerServerOptions = {
    ...SMALL,
    answer: (usual, _, { block, missingChunks }) => {
      if (isStatus(usual)) for (const number of missingChunks) count(named, `${block}/${number}`);
      return usual;
    },
    listens: (hex) => {
      if (hex.startsWith('66')) count(sent, `${setup.servers[0]!.block}/${Number.parseInt(hex.slice(2, 4), 16)}`);
      return true;
    },
  };
  const setup = new ClientSetup({ ...options, servers: [server] });
  const content = octets(SIZE);
  setup.start({ content });
  setup.ends('complete', 20_000);
  setup.delivered(content);
  for (const [key, times] of sent) assert.ok(times <= (named.get(key) ?? 0), `chunk ${key} was sent ${times} times`);
}

/** A server that answers with these before (or after) the usual answer. */
function also(extra: (usual: string, server: PeerServer) => readonly string[], last = false): PeerServerOptions {
  return {
    answer: (usual, _, server) => (last ? [usual, ...extra(usual, server)] : [...extra(usual, server), usual]),
  };
}

export const clientPush: readonly Case[] = [
  specified('CL/PUSH/01', 'no loss: complete, each chunk once', () => underLoss(0)),
  specified('CL/PUSH/02', '5 % loss: complete, only what is missing again', () => underLoss(0.05)),
  specified('CL/PUSH/03', '20 % loss: complete, only what is missing again', () => underLoss(0.2)),
  specified('CL/PUSH/04', '40 % loss: complete, only what is missing again', () => underLoss(0.4)),
  specified('CL/PUSH/05', 'every answer twice: complete, nothing lost, no chunk twice', () => {
    for (const group of [undefined, GROUP]) {
      const twice = { ...SMALL, ...also((usual) => [usual]) };
      const setup = new ClientSetup({ servers: [twice, twice] });
      const content = octets(SIZE);
      setup.start({ content, group });
      setup.ends('complete');
      setup.delivered(content);
      assert.deepEqual(
        setup.servers.map(({ repeated }) => repeated),
        [0, 0],
      );
      assert.deepEqual(setup.lost, []);
    }
  }),
  specified('CL/PUSH/06', 'answers out of order, up to 4 s late: complete, content equal', () => {
    for (const seed of [1, 2, 3]) {
      const late: PeerServerOptions = {
        ...SMALL,
        answer: (usual, _, server) => {
          setup.clock.after(4000 * ((setup.air.random.bytes(1)[0] as number) / 255), () => server.say(usual));
          return null;
        },
      };
      const setup = new ClientSetup({ seed, servers: [late, late, late] });
      const content = octets(SIZE);
      setup.start({ content, group: seed === 1 ? undefined : GROUP });
      setup.ends('complete');
      setup.delivered(content);
      assert.deepEqual(setup.lost, []);
    }
  }),
  specified(
    'CL/PUSH/07',
    'one target always misses the same chunk: lost after bounded rounds, the others finish',
    () => {
      const stubborn: PeerServerOptions = {
        answer: (usual, { hex }) => (hex === '8305' ? '67800000080020' : usual),
      };
      for (const group of [undefined, GROUP]) {
        const setup = new ClientSetup({ servers: [{ information: information(6, 6, { chunkSize: 8 }) }, stubborn] });
        setup.start({ group });
        setup.ends('complete', 300);
        assert.deepEqual(
          setup.lost.map(({ address, status, timedOut }) => [address, status, timedOut]),
          [[3, 9, false]],
        );
        const rounds = heardOf(setup.servers[1]!, '8305').length;
        assert.ok(rounds >= 5 && rounds <= 20, `${rounds} rounds`);
        setup.delivered(DATA, setup.servers.slice(0, 1));
      }
    },
  ),
  specified(
    'CL/PUSH/08',
    'Block Status with another block, chunk size 0, bits past the end: ignored, no exception',
    () => {
      const odd = [
        // Another block: all missing, none missing.
        () => ['670005000800', '674005000800'],
        // Chunk size 0 and none, some missing.
        (_: string, { block }: PeerServer) => [`6780${le16(block)}0000ff`, `6780${le16(block)}ffffff`],
        // Reserved status bits change nothing; a list that is cut is no message.
        (usual: string) => [`${usual.slice(0, 10)}`, '67c000000800e0'],
      ];
      for (const extra of odd) {
        const server = {
          information: information(6, 6, { chunkSize: 8 }),
          answer: also((usual, peer) => (isStatus(usual) ? extra(usual, peer) : [])).answer as NonNullable<
            PeerServerOptions['answer']
          >,
        };
        const setup = new ClientSetup({ servers: [server] });
        setup.start();
        setup.ends('complete');
        setup.delivered(DATA);
        assert.deepEqual(setup.servers[0]!.blocksReceived, [0, 1]);
      }
      // Bits past the end: chunks 8 to 15 do not exist and are not sent.
      const setup = new ClientSetup({
        servers: [
          {
            information: information(6, 6, { chunkSize: 8 }),
            answer: (usual, _, { block }) => (usual === '670000000800' && block === 0 ? '678000000800ffff' : usual),
          },
        ],
      });
      setup.start();
      setup.ends('complete');
      setup.delivered(DATA);
      assert.ok(heardOf(setup.servers[0]!, '66').every(({ hex }) => Number.parseInt(hex.slice(2, 4), 16) < 8));
    },
  ),
  specified('CL/PUSH/09', 'size 1; offsets above 2^31 with a sparse source; blocks of 2^32 octets', () => {
    const one = new ClientSetup({ servers: [{}] });
    one.start({ content: '7f' });
    one.ends('complete');
    one.delivered('7f');

    // 2887 blocks of 1 MiB and 100 octets; the server holds all but the last.
    const size = 2887 * 2 ** 20 + 100;
    const read: number[] = [];
    const setup = new ClientSetup({
      servers: [
        {
          information: information(20, 20, { chunks: 65_535, size: 0xffff_ffff }),
          answer: (usual, { hex }, server) => {
            if (!hex.startsWith('8301')) return usual;
            server.missingBlocks = new Set([2887]);
            return server.transferStatus();
          },
        },
      ],
    });
    setup.start({
      source: {
        size,
        read: (offset, length) => {
          read.push(offset);
          return new Uint8Array(length).fill(offset / 2 ** 20);
        },
      },
    });
    setup.ends('complete');
    const [server] = setup.servers as [PeerServer];
    assert.equal(heardOf(server, '8301')[0]?.hex, '8301401100000000000011640070b4147c01');
    assert.ok(heardOf(server, '8304').every(({ hex }) => hex.startsWith(blockStart(2887).slice(0, 8))));
    assert.ok(read.every((offset) => offset >= 2887 * 2 ** 20));
    assert.equal(server.blob.slice(2887 * 2 ** 20).join(''), '47'.repeat(100));
    assert.equal(server.phase, 4);

    // 2^32 − 1 octets need more than 2888 blocks, or more chunks in a block than a status can tell of: refused, no exception.
    for (const log of [12, 20, 21, 32]) {
      const refused = new ClientSetup({
        servers: [{ information: information(log, log, { chunks: 65_535, size: 0xffff_ffff }) }],
      });
      refused.start({ source: { size: 0xffff_ffff, read: (_, length) => new Uint8Array(length) } });
      refused.ends('failed');
      assert.deepEqual(
        refused.lost.map(({ status }) => status),
        [2],
      );
    }
  }),
  specified('CL/NET/01', '1, 10, 50 targets by group with 5 % loss: every round ends, stragglers by unicast', () => {
    for (const count of [1, 10, 50]) {
      const servers = Array.from({ length: count }, () => SMALL);
      const setup = new ClientSetup({ loss: 0.05, servers });
      const content = octets(600);
      setup.start({ content, group: GROUP });
      setup.ends('complete');
      setup.delivered(content);
      assert.deepEqual(setup.lost, []);
      if (count < 50) continue;
      const asked = setup.servers.flatMap(({ station }) => station.heard).filter(({ hex }) => !hex.startsWith('66'));
      assert.ok(
        asked.some(({ dst }) => dst === GROUP),
        'the group is asked',
      );
      assert.ok(
        asked.some(({ dst }) => dst !== GROUP),
        'stragglers are asked by unicast',
      );
    }
  }),
  specified('CL/MTU/01', 'smallest MTU 20: no chunk is larger than 17', () => {
    const any = { information: information(6, 8) };
    const small = { information: information(6, 8, { mtu: 20 }) };
    for (const servers of [[small], [any, small], [small, any]]) {
      const setup = new ClientSetup({ servers });
      const content = octets(300);
      setup.start({ content });
      setup.ends('complete');
      setup.delivered(content);
      for (const { station } of setup.servers) {
        assert.ok(
          station.heard.every(({ hex }) => hex.length <= 40),
          'messages of 20 octets at most',
        );
      }
      assert.ok(setup.servers.every(({ chunkSize }) => chunkSize >= 8 && chunkSize <= 17));
    }
  }),
];
