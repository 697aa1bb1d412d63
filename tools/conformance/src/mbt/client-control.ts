import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import { ClientSetup, heardOf, octets } from '../testing/client-setup.ts';
import { information, type PeerServer, type PeerServerOptions } from '../testing/peer-server.ts';
import { DATA, ID } from '../testing/server-setup.ts';

const EIGHTS: PeerServerOptions = { information: information(6, 6, { chunkSize: 8 }) };

/** The message that a step sends first, by the name of the step. */
const STEPS = {
  'retrieve capabilities': '8306',
  start: '8301',
  'block start': '8304',
  send: '66',
  check: '8305',
  confirm: '8300',
} as const;

/** Runs until the first server has received the first message of a step. */
function untilStep(setup: ClientSetup, opcode: string): void {
  setup.air.until(() => heardOf(setup.servers[0]!, opcode).length > 0, 500, `message ${opcode}`);
}

export const clientControl: readonly Case[] = [
  specified(
    'CL/CTRL/01',
    'cancelled in each step: Cancel to all, server Inactive; before Start and suspended: nothing',
    () => {
      for (const [step, opcode] of Object.entries(STEPS)) {
        for (const mode of ['push', 'pull'] as const) {
          if (mode === 'pull' && step === 'check') continue;
          const setup = new ClientSetup({ servers: [EIGHTS, EIGHTS] });
          setup.start({ mode });
          untilStep(setup, opcode);
          let told = 0;
          setup.transfer.cancel(() => told++);
          if (step !== 'retrieve capabilities') setup.ends('cancelled');
          setup.silentFor(100);
          assert.equal(told, 1);
          const expected = step === 'retrieve capabilities' ? [] : [`8302${ID}`];
          for (const server of setup.servers) {
            assert.deepEqual(
              heardOf(server, '8302').map(({ hex }) => hex),
              expected,
              step,
            );
            assert.equal(server.phase, expected.length === 0 ? 1 : 0, step);
          }
        }
      }
      const setup = new ClientSetup({ servers: [EIGHTS] });
      setup.start();
      untilStep(setup, '66');
      setup.transfer.suspend();
      setup.transfer.cancel();
      setup.silentFor(100);
      assert.deepEqual(heardOf(setup.servers[0]!, '8302'), []);
    },
  ),
  specified(
    'CL/CTRL/02',
    'suspended and resumed, or killed and restarted, in each step: complete, no block twice',
    () => {
      const content = octets(250);
      for (const [step, opcode] of Object.entries(STEPS)) {
        for (const way of ['resume', 'restart', 'restart without record'] as const) {
          for (const mode of ['push', 'pull'] as const) {
            if (mode === 'pull' && step === 'check') continue;
            for (const sleeps of [false, true]) interrupt(content, opcode, way, mode, sleeps);
          }
        }
      }
    },
  ),
  specified('CL/PULL/01', 'no report for 67 s: sent again; silent for the client timeout: lost', () => {
    for (const settings of ['auto', 'stock'] as const) {
      const since: number[] = [];
      // It answers Block Start, takes no chunk, reports nothing, answers no Block Get.
      const server: PeerServerOptions = {
        ...EIGHTS,
        listens: (hex) => {
          if (hex.startsWith('66')) since.push(setup.clock.now);
          return !hex.startsWith('66') && hex !== '8305';
        },
      };
      const setup = new ClientSetup({ servers: [server] });
      // Base 20: 220.3 s.
      setup.start({ mode: 'pull', timeoutBase: 20, settings });
      setup.ends('suspended');
      // Passes of four chunks, 67 s after the last chunk of the one before.
      assert.equal(since.length % 4, 0);
      assert.ok(since.length >= 12, `${since.length} chunks`);
      for (let i = 4; i < since.length; i += 4) {
        const waited = (since[i] as number) - (since[i - 1] as number);
        assert.ok(waited >= 66_900 && waited <= 68_500, `sent again after ${waited} ms`);
      }
      const lostAfter = setup.lost[0]!.at - (since[3] as number);
      // Stock settings ask five times before they give up, once in a fifth of the client timeout after those 67 s.
      const latest = settings === 'auto' ? 222_000 : 3 * 220_300 + 1000;
      assert.ok(lostAfter >= 220_000 && lostAfter <= latest, `lost after ${lostAfter} ms`);
      assert.deepEqual(
        setup.lost.map(({ status, timedOut }) => [status, timedOut]),
        [[9, true]],
      );
    }
  }),
  specified('CL/PULL/02', 'a late report of the former block is not applied', () => {
    for (const settings of ['auto', 'stock'] as const) {
      const server: PeerServerOptions = {
        ...EIGHTS,
        answer: (usual, { hex }) => (hex.startsWith('83040100') ? ['68', '6807', usual] : usual),
      };
      const setup = new ClientSetup({ servers: [server] });
      setup.start({ mode: 'pull', settings });
      setup.ends('complete');
      setup.delivered(DATA);
      assert.deepEqual(setup.servers[0]!.blocksReceived, [0, 1]);
      assert.equal(setup.servers[0]!.repeated, 0);
    }
  }),
];

function interrupt(content: string, opcode: string, way: string, mode: 'push' | 'pull', sleeps: boolean): void {
  const setup = new ClientSetup({ servers: [EIGHTS, EIGHTS] });
  setup.start({ content, mode });
  untilStep(setup, opcode);
  setup.transfer.suspend();
  if (way !== 'resume') setup.iut.close();
  setup.clock.advance(1000);
  if (sleeps) for (const server of setup.servers) if (server.phase === 2 || server.phase === 3) fallAsleep(server);
  if (way === 'resume') {
    setup.transfer.resume();
  } else {
    if (way === 'restart without record') for (const key of setup.store.keys('blob/')) setup.store.batch([[key, null]]);
    setup.reboot();
    setup.start({ content, mode, resume: true });
  }
  setup.ends('complete');
  setup.delivered(content);
  for (const { blocksReceived } of setup.servers) {
    assert.deepEqual(blocksReceived, [...new Set(blocksReceived)], `blocks after ${way} at ${opcode}`);
  }
}

/** Pull mode with all blocks: that is Complete. */
function fallAsleep(server: PeerServer): void {
  if (server.missingBlocks.size === 0) server.phase = 4;
  else server.suspend();
}
