import assert from 'node:assert/strict';
import { type Case, specified } from '../case.ts';
import {
  BLOCK_GET,
  blockStart,
  chunk,
  ID,
  INFORMATION_GET,
  OTHER_ID,
  ServerSetup,
  START_PUSH,
  TRANSFER_GET,
} from '../testing/server-setup.ts';

const PHASES = [
  'Inactive',
  'WaitingForTransferStart',
  'WaitingForNextBlock',
  'WaitingForNextChunk',
  'Complete',
  'Suspended',
];

/** What a message does to the Receive BLOB Timeout: it runs on, starts anew, or does not run. */
type Timer = 'runs on' | 'starts anew' | 'none';
/** What it does to the stored state. */
type Stored = 'kept' | 'written' | 'erased';

/** The answer (none: silence), the phase after it, and what became of timer and state. */
type Cell = readonly [answer: string | undefined, phase: number, timer: Timer, stored?: Stored];

/** Transfer Status, mode push, all fields; `missing`: Blocks Not Received. */
const status = (code: number, phase: number, missing: string): string =>
  `83034${code}0${phase}${ID}50000000067c01${missing}`;
const WAITING = `83030001${ID}`;
const INACTIVE = '83030000';
/** Block size 2^6 to 2^12, 256 chunks of 377, 5000 octets, MTU 380, push and pull. */
const INFORMATION = '8307060c00017901881300007c0103';

/** Rows: messages, cells: phases 0 to 5 [blob.md 7.1]. */
const MATRIX: readonly (readonly [name: string, message: string, cells: readonly Cell[]])[] = [
  [
    'TransferGet',
    TRANSFER_GET,
    [
      [INACTIVE, 0, 'none'],
      [WAITING, 1, 'none'],
      [status(0, 2, '03'), 2, 'runs on'],
      [status(0, 3, '03'), 3, 'runs on'],
      [status(0, 4, '00'), 4, 'none'],
      [status(0, 5, '03'), 5, 'none'],
    ],
  ],
  [
    'TransferStart',
    START_PUSH,
    [
      ['83030400', 0, 'none'],
      [status(0, 2, '03'), 2, 'starts anew', 'written'],
      [status(0, 2, '03'), 2, 'runs on'],
      [status(0, 3, '03'), 3, 'runs on'],
      [status(0, 4, '00'), 4, 'none'],
      [status(0, 2, '03'), 2, 'starts anew'],
    ],
  ],
  [
    'TransferCancel',
    `8302${ID}`,
    [
      [INACTIVE, 0, 'none'],
      [INACTIVE, 0, 'none', 'erased'],
      [INACTIVE, 0, 'none', 'erased'],
      [INACTIVE, 0, 'none', 'erased'],
      [INACTIVE, 0, 'none', 'erased'],
      [INACTIVE, 0, 'none', 'erased'],
    ],
  ],
  [
    'TransferCancelOtherId',
    `8302${OTHER_ID}`,
    [
      [INACTIVE, 0, 'none'],
      [`83030601${ID}`, 1, 'none'],
      [status(6, 2, '03'), 2, 'runs on'],
      [status(6, 3, '03'), 3, 'runs on'],
      [status(6, 4, '00'), 4, 'none'],
      [status(6, 5, '03'), 5, 'none'],
    ],
  ],
  [
    'BlockGet',
    BLOCK_GET,
    [
      ['6704ffffffff', 0, 'none'],
      ['6704ffffffff', 1, 'none'],
      ['6740ffffffff', 2, 'runs on'],
      ['670000000800', 3, 'runs on'],
      ['674001000800', 4, 'none'],
      ['670affffffff', 5, 'none'],
    ],
  ],
  [
    'BlockStart',
    blockStart(0),
    [
      ['6704ffffffff', 0, 'none'],
      ['6704ffffffff', 1, 'none'],
      ['670000000800', 3, 'starts anew'],
      ['670000000800', 3, 'starts anew'],
      ['674000000800', 4, 'none'],
      ['670000000800', 3, 'starts anew'],
    ],
  ],
  [
    'Chunk',
    chunk(0),
    [
      [undefined, 0, 'none'],
      [undefined, 1, 'none'],
      [undefined, 2, 'runs on'],
      [undefined, 3, 'starts anew'],
      [undefined, 4, 'none'],
      [undefined, 5, 'none'],
    ],
  ],
  [
    'InformationGet',
    INFORMATION_GET,
    [
      [INFORMATION, 0, 'none'],
      [INFORMATION, 1, 'none'],
      [INFORMATION, 2, 'runs on'],
      [INFORMATION, 3, 'runs on'],
      [INFORMATION, 4, 'none'],
      [INFORMATION, 5, 'none'],
    ],
  ],
];

/** One case for each cell: phase × message. */
export const serverMatrix: readonly Case[] = PHASES.flatMap((name, phase) =>
  MATRIX.map(([message, hex, cells]) =>
    specified(`SR/${name}/${message}`, `${message} in phase ${phase}`, () =>
      checkCell(phase, hex, cells[phase] as Cell),
    ),
  ),
);

function checkCell(phase: number, message: string, [answer, phaseAfter, timer, stored = 'kept']: Cell): void {
  const setup = new ServerSetup().bring(phase);
  const startedAt = lastOf(setup, ['8301', '8304']);
  setup.clock.advance(15_000);
  const before = setup.stored;
  const written = [...setup.flash.writes];

  setup.exchange(message, answer);

  setup.phaseIs(phaseAfter);
  const after = setup.stored;
  if (stored === 'kept') assert.equal(after, before, 'stored state');
  if (stored === 'erased') assert.equal(after, '', 'stored state');
  if (stored === 'written') assert.notEqual(after, before, 'stored state');
  if (message === chunk(0)) checkChunk(setup, phase);
  assert.deepEqual(setup.flash.writes, written, 'blocks written');
  checkTimer(setup, timer, startedAt);
}

/** In Waiting for Next Chunk it is held, in no other phase it is counted. */
function checkChunk(setup: ServerSetup, phase: number): void {
  if (phase === 3) setup.exchange(BLOCK_GET, '678000000800fe');
  if (phase === 2 || phase === 5) setup.exchange(TRANSFER_GET, status(0, phase, '03'));
}

function checkTimer(setup: ServerSetup, timer: Timer, startedAt: number): void {
  if (timer === 'runs on') setup.suspendsAt(startedAt + 60_000);
  else if (timer === 'starts anew') setup.suspendsAt(lastOf(setup, ['8301', '8304', '66']) + 60_000);
  else {
    const { phase } = setup.server;
    const told = setup.told.length;
    setup.clock.advance(300_000);
    setup.phaseIs(phase);
    assert.equal(setup.told.length, told, 'told after the time-out of a timer that must not run');
  }
}

/** When the server received the last of these messages. */
function lastOf({ iut }: ServerSetup, opcodes: readonly string[]): number {
  return iut.heard.findLast(({ hex }) => opcodes.some((opcode) => hex.startsWith(opcode)))?.at ?? 0;
}
